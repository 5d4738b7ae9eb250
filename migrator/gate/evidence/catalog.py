"""What else in the database needs what goes: views, policies, foreign keys, publications, function bodies; a veto.

Dependencies are facts of the catalog. Function bodies are text to PostgreSQL, so they are read word by word: one that
holds the name of the relation and of the column may need it, and is UNKNOWN unless it is allowed by name or goes too.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from migrator.gate.source import Question
from migrator.gate.targets import Going, going
from migrator.model.counts import counted
from migrator.model.evidence import EvidenceItem, Observation, Verdict
from migrator.postgres.queries import load
from migrator.postgres.session import Session
from migrator.sql.words import identifiers

kind = "catalog"
polled = True
keeps_notes = False

_SQL = load("migrator.gate.queries", "catalog.sql")


def observe(session: Session, question: Question) -> tuple[Observation, ...]:
    """Read the catalog of the primary, which standbys share."""
    at: datetime = session.one("SELECT clock_timestamp() AS at").at
    found = going(session, question.drops)
    parameters = {"oids": [one.oid for one in found], "numbers": [one.number or 0 for one in found]}
    gone = {(one.target.schema, one.target.relation) for one in found if one.number is None}
    blocking = [
        _item(
            f"{row.kind} {row.schema}.{row.name}",
            f"depends on {row.relation}",
            "drop it in contract.sql, or replace it",
        )
        for row in session.query(_SQL["dependents"], parameters)
        if (row.schema, row.name) not in gone and not _goes(row, question)
    ]
    blocking += [item for row in session.query(_SQL["publications"], parameters) if (item := _publication(row))]
    unclear = _functions(session, question, found)
    seen = session.one(_SQL["control"], {"oids": parameters["oids"]}).seen
    if blocking:
        verdict, control = Verdict.BLOCK, counted(len(blocking), "objects need it")
    elif question.drops.unclear:
        verdict = Verdict.UNKNOWN
        control = f"what {question.drops.unclear[0]} takes away cannot be told from its text"
    elif unclear:
        verdict, control = Verdict.UNKNOWN, f"{unclear[0].instance} {unclear[0].why}"
    elif seen != len(set(parameters["oids"])):
        verdict, control = Verdict.UNKNOWN, "the catalog does not show what goes"
    else:
        verdict = Verdict.PASS
        control = f"nothing depends on {', '.join(str(one.target) for one in found) or 'names that go, there are none'}"
    return (Observation(kind, None, verdict, False, at, control, (*blocking, *unclear), question.required),)


def _goes(row: Any, question: Question) -> bool:
    """Whether a dependent function is dropped by the same script."""
    return row.kind == "function" and any(
        name == row.name and schema in (None, row.schema) for schema, name in question.drops.functions
    )


def _publication(row: Any) -> EvidenceItem | None:
    listed = {int(number) for number in (row.columns or "").strip("[]{} ").replace(",", " ").split()}
    if row.number is None:
        why = f"publishes {row.relation}"
    elif row.has_columns and row.number in listed:
        why = f"names the column in its list for {row.relation}"
    elif row.has_filter:
        why = f"filters rows of {row.relation}, maybe by the column"
    else:
        return None
    return _item(f"publication {row.name}", why, f"ALTER PUBLICATION {row.name} …, and the subscribers first")


def _functions(session: Session, question: Question, found: tuple[Going, ...]) -> list[EvidenceItem]:
    wanted = [(one.target.relation, one.target.column) for one in found]
    items = []
    for row in session.query(_SQL["functions"], {"names": sorted({relation for relation, _ in wanted})}):
        name = f"{row.schema}.{row.name}"
        if name in question.settings.allow or any(
            function == row.name and schema in (None, row.schema) for schema, function in question.drops.functions
        ):
            continue
        words = identifiers(row.body)
        mentions = (
            words is None
            or any(relation in words and (column is None or column in words) for relation, column in wanted)
            or any(relation in words and "execute" in words for relation, _ in wanted)
        )
        if mentions:
            clears = (
                f'drop or replace it; or, if it does not need it, list "{name}" under allow of the source "catalog"'
            )
            items.append(_item(f"function {name}", "mentions what goes, and its body is text to the server", clears))
    return items


def _item(instance: str, why: str, clears_with: str) -> EvidenceItem:
    return EvidenceItem(instance, None, "", "object", 0.0, why, clears_with)
