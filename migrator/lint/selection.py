"""Which rules speak, and how loudly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from msgspec import Struct

from migrator.errors import UsageError
from migrator.lint.registry import all_rules, dialect_rules, find, nearest
from migrator.lint.rule import ReportedByEngine, ReportedOfRelease, Rule
from migrator.model.finding import Severity, seen_from


class Selection(Struct, frozen=True):
    """The rules in force.

    Attributes:
        codes: codes of the rules that report.
        severities: severity by code where it differs from the rule's own.
        ignored_in: codes that do not report in files of a pattern.
        root: folder of the project, from which patterns count paths as well; empty: as files were named only.
    """

    codes: frozenset[str]
    severities: Mapping[str, Severity]
    ignored_in: tuple[tuple[str, frozenset[str]], ...] = ()
    root: str = ""

    def codes_for(self, file: str) -> frozenset[str]:
        """The codes that report in a file.

        A pattern is about the path as it was given, or from the folder of the project, its end from some folder on, or
        the name alone; ``*`` stands for anything, also for folders.
        """
        codes = self.codes
        paths = {name.replace("\\", "/") for name in (file, seen_from(self.root, file))}
        for pattern, ignored in self.ignored_in:
            if any(fnmatchcase(path, pattern) or fnmatchcase(path, f"*/{pattern}") for path in paths):
                codes -= ignored
        return codes


def select(
    selected: Sequence[str] = ("ALL",),
    ignored: Sequence[str] = (),
    severities: Mapping[str, str] | None = None,
    per_file_ignores: Mapping[str, Sequence[str]] | None = None,
    dialect: str = "postgresql",
) -> Selection:
    """Apply ``select``, ``ignore``, ``severity`` and ``per_file_ignores`` of the configuration.

    ``ALL`` selects every rule but the opt-in ones, which have to be named by code or prefix. A syntax error is
    reported whatever is selected.

    Raises:
        UsageError: something that is no code, no prefix of one and no name of a rule.
    """
    rules = all_rules() if dialect == "postgresql" else _rules_of(dialect)
    codes: set[str] = set()
    for text in selected:
        if text.upper() == "ALL":
            codes.update(code for code, rule in rules.items() if not rule.opt_in)
        else:
            codes.update(_matching(text, rules, "select"))
    for text in ignored:
        codes.difference_update(_matching(text, rules, "ignore"))
    codes.add("SY001")
    changed = {}
    for text, severity in (severities or {}).items():
        for code in _matching(text, rules, "severity"):
            changed[code] = Severity(severity)
    ignored_in = tuple(
        (pattern, frozenset(code for text in texts for code in _matching(text, rules, "per_file_ignores")) - {"SY001"})
        for pattern, texts in (per_file_ignores or {}).items()
    )
    return Selection(frozenset(codes), changed, ignored_in)


def everything() -> Selection:
    """Every rule, also the opt-in ones."""
    return Selection(frozenset(all_rules()), {})


def statement_rules(selection: Selection, *, with_manifests: bool = False) -> tuple[Rule, ...]:
    """The selected rules that look at statements; those about releases only if there are manifests of some."""
    left_out = ReportedByEngine if with_manifests else (ReportedByEngine, ReportedOfRelease)
    return tuple(
        rule for code, rule in all_rules().items() if code in selection.codes and not isinstance(rule, left_out)
    )


def _rules_of(dialect: str) -> Mapping[str, Rule]:
    """The rules for another dialect, with those about files and waivers, which hold for any."""
    general = {code: rule for code, rule in all_rules().items() if code[:2] in ("SY", "WV")}
    return general | {code: rule for code, rule in dialect_rules().items() if dialect in getattr(rule, "dialects", ())}


def _is_prefix(text: str) -> bool:
    """Whether rules for any dialect have such codes: one configuration may be for several."""
    return any(code.startswith(text) for rules in (all_rules(), dialect_rules()) for code in rules)


def _matching(text: str, rules: Mapping[str, Rule], setting: str) -> list[str]:
    wanted = text.upper()
    found = [code for code, rule in rules.items() if code.startswith(wanted) or rule.name == text.lower()]
    if (not found and find(text) is None and not _is_prefix(wanted)) or not wanted:
        near = nearest(text)
        hint = f'did you mean "{near}"?' if near else 'all rules: "migrator explain"'
        raise UsageError(f'[tool.migrator.lint] {setting}: no rule "{text}"', hint=hint)
    return found
