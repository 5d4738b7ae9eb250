"""The server: keeps what was found for each open document, and answers from it.

A change is linted a moment after the last key, in a thread, so that the editor is never kept waiting; what was found
for a text that is no longer there is thrown away.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from migrator import __version__
from migrator.config import load
from migrator.errors import MigratorError
from migrator.integrations.lsp import answers
from migrator.integrations.lsp.documents import Document, all_fixed, check, statement_at
from migrator.model.finding import Finding

_log = logging.getLogger(__name__)
_PAUSE_S = 0.2
"""After a key: shorter than people look up, longer than they pause between keys."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in one version of a document."""

    version: int | None
    document: Document
    findings: list[Finding]


class Server(LanguageServer):
    """The language server with its state."""

    def __init__(self) -> None:
        super().__init__("migrator", __version__)
        self._checked: dict[str, Checked] = {}
        self._pending: dict[str, asyncio.Task[None]] = {}
        self._last_error = ""

    def soon(self, uri: str, pause_s: float) -> None:
        """Lint a document after a pause, unless it is changed again meanwhile."""
        pending = self._pending.pop(uri, None)
        if pending is not None:
            pending.cancel()
        task = asyncio.get_running_loop().create_task(self._publish(uri, pause_s))
        task.add_done_callback(_log_failure)
        self._pending[uri] = task

    async def _publish(self, uri: str, pause_s: float) -> None:
        await asyncio.sleep(pause_s)
        found = await self.current(uri)
        if found is None:
            return
        text = self.text_of(found.document)
        self.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(
                uri=uri, version=found.version, diagnostics=answers.diagnostics(text, found.findings)
            )
        )

    async def current(self, uri: str) -> Checked | None:
        """What is found in the document as it is now; None if it was closed or cannot be linted, which is said once."""
        if uri not in self.workspace.text_documents:
            return None
        version = self.workspace.get_text_document(uri).version
        known = self._checked.get(uri)
        if known is not None and known.version == version:
            return known
        try:
            document = self._document(uri)
            findings = await asyncio.to_thread(check, document, datetime.now(UTC).date())
        except MigratorError as error:
            if str(error) != self._last_error:
                self._last_error = str(error)
                self.window_show_message(types.ShowMessageParams(types.MessageType.Error, error.render()))
            return None
        self._last_error = ""
        checked = Checked(version, document, findings)
        if uri in self.workspace.text_documents:
            self._checked[uri] = checked
        return checked

    def forget(self, uri: str) -> None:
        """A document was closed: nothing is shown of it any more."""
        self._checked.pop(uri, None)
        pending = self._pending.pop(uri, None)
        if pending is not None:
            pending.cancel()
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri=uri, diagnostics=[]))

    def again(self) -> None:
        """Lint all open documents anew: a file of their history, or the configuration, has another content."""
        self._checked.clear()
        for uri in self.workspace.text_documents:
            self.soon(uri, 0)

    def text_of(self, document: Document) -> answers.Text:
        """A document's text, with positions as this client counts them."""
        return answers.Text(document.text, self.workspace.position_codec)

    def _document(self, uri: str) -> Document:
        documents = self.workspace.text_documents
        root = Path(self.workspace.root_path or ".")
        opened = {path: each.source for each in documents.values() if (path := _path(each.uri, root))}
        path = _path(uri, root) or root.absolute() / "untitled.sql"
        start = path.parent if path.parent.is_dir() else root
        return Document(path, self.workspace.get_text_document(uri).source, load(start), opened)


def _path(uri: str, root: Path) -> Path | None:
    """The file of a document; None if it was never saved."""
    found = to_fs_path(uri) if uri.startswith("file:") else None
    return (root / found).absolute() if found else None


def _log_failure(task: asyncio.Task[None]) -> None:
    """Nobody awaits the task; editors show what a server writes to standard error."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("a document could not be linted", exc_info=error)


def server() -> Server:
    """A server with all it answers to."""
    own = Server()

    @own.feature(types.TEXT_DOCUMENT_DID_OPEN)
    async def opened(ls: Server, params: types.DidOpenTextDocumentParams) -> None:
        ls.soon(params.text_document.uri, 0)

    @own.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    async def changed(ls: Server, params: types.DidChangeTextDocumentParams) -> None:
        ls.soon(params.text_document.uri, _PAUSE_S)

    @own.feature(types.TEXT_DOCUMENT_DID_SAVE)
    async def saved(ls: Server, _params: types.DidSaveTextDocumentParams) -> None:
        ls.again()

    @own.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    async def changed_elsewhere(ls: Server, _params: types.DidChangeWatchedFilesParams) -> None:
        ls.again()

    @own.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    async def closed(ls: Server, params: types.DidCloseTextDocumentParams) -> None:
        ls.forget(params.text_document.uri)

    @own.feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix, answers.FIX_ALL]),
    )
    async def code_actions(ls: Server, params: types.CodeActionParams) -> list[types.CodeAction]:
        uri = params.text_document.uri
        found = await ls.current(uri)
        if found is None:
            return []
        text, only = ls.text_of(found.document), params.context.only
        result: list[types.CodeAction] = []
        if _is_asked_for(types.CodeActionKind.QuickFix, only):
            result += answers.actions(uri, found.version, text, found.findings, params.range)
        if _is_asked_for(answers.FIX_ALL, only):
            new = await asyncio.to_thread(all_fixed, found.document, datetime.now(UTC).date())
            if new != found.document.text:
                result.append(answers.replaced(uri, found.version, text, new))
        return result

    @own.feature(types.TEXT_DOCUMENT_HOVER)
    async def hover(ls: Server, params: types.HoverParams) -> types.Hover | None:
        found = await ls.current(params.text_document.uri)
        if found is None:
            return None
        offset = ls.text_of(found.document).offset_of(params.position)
        statement = await asyncio.to_thread(statement_at, found.document, offset)
        if statement is None:
            return None
        lines = range(statement.line, statement.end_line + 1)
        own = [each for each in found.findings if each.line in lines and each.statement == statement.text]
        return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, answers.hover(statement, own)))

    return own


def _is_asked_for(kind: str, only: Sequence[types.CodeActionKind | str] | None) -> bool:
    """Whether a client that wants only some kinds of actions wants this one; a kind stands for those below it."""
    wanted = [str(getattr(each, "value", each)) for each in only] if only is not None else [""]
    own = str(getattr(kind, "value", kind))
    return any(not each or own == each or own.startswith(f"{each}.") for each in wanted)
