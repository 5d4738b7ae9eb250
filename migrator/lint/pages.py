"""The page of a rule: its docstring and its examples, as ``migrator explain CODE`` prints them."""

from __future__ import annotations

import inspect

from migrator.lint.repairs import Fixable
from migrator.lint.rule import Bad, Good, Rule
from migrator.model.finding import Effort


def page(rule: Rule) -> str:
    """The whole page as text."""
    head = f"{rule.code} {rule.name} ({rule.category}, {rule.severity}{', opt-in' if rule.opt_in else ''})"
    first, _, rest = inspect.cleandoc(type(rule).__doc__ or "").partition("\n\n")
    parts = [head, "", first.replace(" (opt-in).", "."), "", *_facts(rule), "", rest]
    if rule.bad:
        parts += ["", "Reported", *_example(rule.bad[0])]
        if rule.bad[0].fix:
            parts += ["", "Instead", _indented(rule.bad[0].fix)]
    if rule.good:
        parts += ["", "Not reported", *_example(rule.good[0])]
    parts += ["", f"To let it pass once:  -- migrator: allow {rule.code} because REASON"]
    return "\n".join(parts)


def summary(rule: Rule) -> str:
    """The first line of the page, without the full stop."""
    return inspect.cleandoc(type(rule).__doc__ or "").split("\n", 1)[0].rstrip(".")


def _facts(rule: Rule) -> list[str]:
    """The lock and whom it makes wait, what fails, and where it holds, one a line."""
    lock = "none"
    if rule.lock:
        waits = "waits" if rule.lock.blocks == "nobody" else "wait"
        lock = f"{rule.lock.title}, {_EFFORTS[rule.work]}: {rule.lock.blocks} {waits}"
    dialects = getattr(rule, "dialects", ())
    first, last = rule.versions
    held = f"PostgreSQL {first}" + (f" to {last}" if last > first else "")
    if dialects:
        work = _EFFORTS[rule.work] if rule.work else "see above"
        return [
            f"Holds     {work}",
            f"Breaks    {', '.join(rule.breaks) or 'nothing'}",
            f"Dialects  {', '.join(dialects)}: by their manuals, less exact than for PostgreSQL",
        ]
    return [
        f"Lock      {lock}",
        f"Breaks    {', '.join(rule.breaks) or 'nothing'}",
        f"Versions  {held}",
        f"Fixed by  {_FIXED[rule.fixable]}",
    ]


_FIXED = {
    Fixable.NEVER: "hand: there is no mechanical rewrite",
    Fixable.SAFE: "migrator lint --fix, where the statement may commit on its own",
    Fixable.UNSAFE: "migrator lint --fix --unsafe-fixes: the rewrite does not mean the same",
}

_EFFORTS = {
    Effort.NONE: "held as long as the transaction",
    Effort.BRIEF: "brief",
    Effort.SCAN: "while the table is read",
    Effort.BUILD: "while an index is built",
    Effort.REWRITE: "while the table is rewritten",
}


def _example(example: Good | Bad) -> list[str]:
    earlier = [_indented(f"-- in an earlier file:\n{example.earlier}\n-- in this one:")] if example.earlier else []
    phase = [_indented(f"-- {example.phase}.sql")] if example.phase else []
    return [*phase, *earlier, _indented(example.sql)]


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
