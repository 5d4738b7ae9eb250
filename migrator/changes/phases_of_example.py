"""The section of a kind's page that tells the locks of each phase and how it is undone, as in the example of the kind.

It is made of the files of ``examples/<kind>``, and kept beside the templates, so that an installed package has it.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping

from migrator.model.phase import Phase
from migrator.templating import templates_folder

_LOCKS = re.compile(r"^-- locks: (.+)$", re.MULTILINE)
_STEP = re.compile(r"^-- step: (\S+)", re.MULTILINE)


def page_of_phases(kind: str) -> str:
    """The section, as it was written; empty where the kind has no example."""
    path = templates_folder() / "explain" / f"{kind}.txt"
    return path.read_text(encoding="utf-8").rstrip() if path.is_file() else ""


def written_of(files: Mapping[Phase, str]) -> str:
    """The section for the phase files of an example; a phase without a file has nothing to do."""
    lines = ["Locks, in the example of examples/"]
    for phase in (Phase.EXPAND, Phase.BACKFILL, Phase.CONTRACT, Phase.ROLLBACK):
        if phase in files:
            lines += [f"    {phase.value}", *(f"        {each}" for each in _locks(phase, files[phase]))]
    undoing = textwrap.wrap(" ".join(_undoing(files)), 110, initial_indent="    ", subsequent_indent="    ")
    return "\n".join([*lines, "How to undo it", *undoing]) + "\n"


def _locks(phase: Phase, text: str) -> list[str]:
    found = list(dict.fromkeys(_LOCKS.findall(text)))
    if found:
        return found
    if phase is Phase.BACKFILL:
        return ["the rows of one batch, until it is committed: writes of these rows wait"]
    return ["none that others wait for"]


def _undoing(files: Mapping[Phase, str]) -> list[str]:
    if Phase.ROLLBACK in files:
        steps = ", ".join(dict.fromkeys(_STEP.findall(files[Phase.ROLLBACK])))
        first = f'"migrator rollback ID", once no code of its level runs any more: {steps}.'
    elif Phase.EXPAND in files:
        first = '"migrator rollback ID" ends it, and leaves what expand did: nothing takes that back.'
    else:
        first = 'Before contract nothing is changed: "migrator rollback ID" only says so in the ledger.'
    if Phase.CONTRACT not in files:
        return [first, "There is no contract that would put an end to that."]
    return [first, "After contract there is no way back."]
