"""Writes docs/lint-catalogue.md from its data and the rules: ``python -m tests.lint.catalogue``."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from migrator.lint.pages import summary
from migrator.lint.registry import all_rules

DOCS = Path(__file__).resolve().parents[2] / "docs"
DATA = DOCS / "lint-catalogue.toml"
PAGE = DOCS / "lint-catalogue.md"
MARKS = {"": "yes", "+": "by choice", "$": "paid", "~": "in part"}

HEAD = """\
# What lint knows, and what its peers know

One row per hazard, one column per tool. *yes*: reported by default; *by choice*: a rule that has to be switched on;
*paid*: not in the free edition; *in part*: only some forms of it, or with many false alarms. An empty cell: nothing.
Where a peer has something that lint lacks, the row says so. Peers were run, or their documentation and source read,
in the versions named; corrections are welcome.

`migrator explain CODE` prints the page of a rule: why it matters, what to do, which lock, which versions, the source.
"""


def load() -> dict[str, Any]:
    return tomllib.loads(DATA.read_text(encoding="utf-8"))


def peers_of(hazard: dict[str, Any]) -> dict[str, str]:
    """By short name, how far a peer reports the hazard."""
    found = (re.fullmatch(r"(\w+)([+$~]?)", word) for word in hazard["peers"].split())
    return {match[1]: MARKS[match[2]] for match in found if match}


def page() -> str:
    """The whole page."""
    data, rules = load(), all_rules()
    peers = data["peers"]
    parts = [HEAD]
    for section in data["section"]:
        header = ["hazard", "migrator", *peers.values()]
        parts += [f"## {section['title']}\n", _row(header), _row(["---"] * len(header))]
        for hazard in section["hazards"]:
            ours = ", ".join(_linked(code) for code in hazard["rules"])
            note = f" ({hazard['note']})" if "note" in hazard else ""
            marks = peers_of(hazard)
            parts.append(_row([hazard["is"] + note, ours, *(marks.get(name, "") for name in peers)]))
        parts.append("")
    parts += ["## The rules\n", _row(["code", "name", "category", "severity", "fixed by", "what"]), _row(["---"] * 6)]
    for code, rule in rules.items():
        severity = f"{rule.severity}, by choice" if rule.opt_in else str(rule.severity)
        what = summary(rule).removesuffix(" (opt-in)").replace("|", "\\|")
        anchor, fix = f'<a id="{code.lower()}"></a>{code}', f"`{rule.fixable}`" if rule.fixable else ""
        parts.append(_row([anchor, rule.name, str(rule.category), severity, fix, what]))
    return "\n".join(parts) + "\n"


def _linked(code: str) -> str:
    return f"[{code}](#{code.lower()})"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
