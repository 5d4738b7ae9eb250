"""Findings, fixes and locks in the words of the Language Server Protocol 3.17."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from lsprotocol import types
from pygls.workspace import PositionCodec

from migrator.lint.pages import summary
from migrator.lint.registry import find
from migrator.model.finding import Finding, Fix, Severity
from migrator.model.locks import LockMode, conflicts
from migrator.model.plan import Effects
from migrator.sql.effects import effects_of
from migrator.sql.parser import Statement

_SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.INFO: types.DiagnosticSeverity.Information,
}
FIX_ALL = "source.fixAll.migrator"
_USUAL = {
    LockMode.ACCESS_SHARE: "SELECT",
    LockMode.ROW_SHARE: "SELECT … FOR UPDATE",
    LockMode.ROW_EXCLUSIVE: "INSERT, UPDATE, DELETE",
    LockMode.SHARE_UPDATE_EXCLUSIVE: "VACUUM, VALIDATE",
    LockMode.SHARE: "CREATE INDEX",
    LockMode.SHARE_ROW_EXCLUSIVE: "ADD FOREIGN KEY",
    LockMode.EXCLUSIVE: "REFRESH … CONCURRENTLY",
    LockMode.ACCESS_EXCLUSIVE: "other ALTER TABLE",
}
"""What usually wants a lock of each mode (section 13.3.1)."""


class Text:
    """A document's text with what turns characters into positions of the protocol and back."""

    def __init__(self, text: str, codec: PositionCodec) -> None:
        self._text = text
        self._codec = codec
        self._lines = [line + "\n" for line in text.split("\n")]
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))

    def position(self, line: int, column: int) -> types.Position:
        """Of a line and column, both from 0, in characters."""
        return self._codec.position_to_client_units(self._lines, types.Position(line, column))

    def position_of(self, offset: int) -> types.Position:
        """Of a character of the text."""
        line = self._text.count("\n", 0, offset)
        return self.position(line, offset - self._starts[line])

    def offset_of(self, position: types.Position) -> int:
        """The character at a position, as the client gave it."""
        own = self._codec.position_from_client_units(self._lines, position)
        line = min(own.line, len(self._lines) - 1)
        return min(self._starts[line] + own.character, len(self._text))

    @property
    def whole(self) -> types.Range:
        """All of it."""
        return types.Range(types.Position(0, 0), self.position_of(len(self._text)))


def diagnostics(text: Text, findings: Iterable[Finding]) -> list[types.Diagnostic]:
    """One for each finding, on the words that are underlined in the terminal as well."""
    return [
        types.Diagnostic(
            range=_range(text, finding),
            message=_message(finding),
            severity=_SEVERITIES[finding.severity],
            code=finding.code,
            source="migrator",
        )
        for finding in findings
    ]


def _range(text: Text, finding: Finding) -> types.Range:
    line, column = finding.line - 1, finding.column - 1
    return types.Range(text.position(line, column), text.position(line, column + finding.length))


def _message(finding: Finding) -> str:
    lines = [f"{finding.headline} [{finding.rule}]"]
    if finding.lock_mode:
        on = f" on {finding.relation}" if finding.relation else ""
        lines.append(f"lock: {finding.lock_mode}{on}, blocks {finding.blocks}")
    if finding.breaks:
        lines.append(f"breaks: {', '.join(finding.breaks)}")
    if finding.why:
        lines.append(f"why: {finding.why}")
    if finding.fix:
        lines.append(f"instead:\n{finding.fix}")
    return "\n".join(lines)


_NEVER_PASS = ("SY001", "WV")
"""Codes of syntax errors and of waivers themselves, for which no waiver holds."""


def actions(
    uri: str, version: int | None, text: Text, findings: Sequence[Finding], wanted: types.Range
) -> Iterator[types.CodeAction]:
    """Fixes of the findings in a range, and waivers for them."""
    for finding in findings:
        own = _range(text, finding)
        if own.end < wanted.start or wanted.end < own.start:
            continue
        about = diagnostics(text, [finding])
        fix = finding.repair
        # a migration folder is more than an edit of this document
        if fix is not None and not fix.migration:
            yield types.CodeAction(
                title=_title(finding, fix),
                kind=types.CodeActionKind.QuickFix,
                diagnostics=about,
                is_preferred=fix.is_safe,
                edit=_edit(uri, version, [(text, fix)]),
            )
        if finding.code.startswith(_NEVER_PASS):
            continue
        yield types.CodeAction(
            title=f"{finding.code}: let it pass here, with a reason",
            kind=types.CodeActionKind.QuickFix,
            diagnostics=about,
            edit=_workspace_edit(uri, version, [_waiver(finding)]),
        )


def _title(finding: Finding, fix: Fix) -> str:
    rule = find(finding.code)
    what = summary(rule) if rule is not None else finding.rule
    return f"{finding.code}: write the safe form" if fix.is_safe else f"{finding.code}: {what} (unsafe: {fix.remark})"


def _waiver(finding: Finding) -> types.TextEdit:
    """A comment above the statement; lint asks for the reason until it is there."""
    line = finding.line - 1
    place = types.Position(line, 0)
    return types.TextEdit(types.Range(place, place), f"-- migrator: allow {finding.code} because \n")


def replaced(uri: str, version: int | None, text: Text, new: str) -> types.CodeAction:
    """All safe fixes at once."""
    return types.CodeAction(
        title="migrator: write all safe forms",
        kind=FIX_ALL,
        edit=_workspace_edit(uri, version, [types.TextEdit(text.whole, new)]),
    )


def _edit(uri: str, version: int | None, fixes: Sequence[tuple[Text, Fix]]) -> types.WorkspaceEdit:
    edits = [
        types.TextEdit(types.Range(text.position_of(edit.start), text.position_of(edit.end)), edit.text)
        for text, fix in fixes
        for edit in fix.edits
    ]
    return _workspace_edit(uri, version, edits)


def _workspace_edit(uri: str, version: int | None, edits: Sequence[types.TextEdit]) -> types.WorkspaceEdit:
    document = types.OptionalVersionedTextDocumentIdentifier(uri=uri, version=version)
    return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(document, list(edits))])


def hover(statement: Statement, findings: Iterable[Finding]) -> str:
    """The locks of a statement with whom each makes wait, and what lint found in it; Markdown."""
    effects = effects_of(statement)
    parts = [_matrix(effects)]
    for finding in findings:
        parts.append(f"**{finding.code} {finding.rule}** ({finding.severity}): {finding.headline}")
        if finding.why:
            parts.append(finding.why)
    return "\n\n".join(parts)


def _matrix(effects: Effects) -> str:
    """A row for each table that is locked, a column for each thing that may wait for it."""
    if not effects.locks:
        return "locks no table"
    rows = [
        f"| | {' | '.join(_USUAL[mode] for mode in _USUAL)} |",
        f"|---|{'---|' * len(_USUAL)}",
    ]
    for lock in effects.locks:
        waiting = (" waits " if conflicts(lock.mode, wanted) else " " for wanted in _USUAL)
        rows.append(f"| **{lock.mode.title}** on `{lock.relation}` |{'|'.join(waiting)}|")
    if effects.rewrites_table:
        rows.append("\nwhile every row is rewritten")
    elif effects.scans_table:
        rows.append("\nwhile every row is read")
    return "\n".join(rows)
