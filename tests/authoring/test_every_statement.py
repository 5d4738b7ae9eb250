"""Every form of ALTER, CREATE and DROP that PostgreSQL has: the kind that takes it, or the phase that is advised."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from migrator.authoring.recognise import recognise
from migrator.errors import Refused
from migrator.model.schema import Schema
from migrator.postgres.catalog import read_schema
from migrator.postgres.session import Session
from migrator.sql.effects import effects_of
from migrator.sql.parser import parse_script, pb

ADVICE = re.compile(r"-- migrator: phase = (\w+)(, or phase = expand)?")
HERE = Path(__file__).parent
SETUP = (HERE / "statement_forms.sql").read_text(encoding="utf-8")
PARTS = {"raw_stmt", "plassign_stmt", "return_stmt", "set_operation_stmt", "replica_identity_stmt"}
"""Nodes called statements that are parts of others."""


@dataclass(frozen=True)
class Form:
    """A form of a statement: a line of ``statement_forms.txt``.

    Attributes:
        outcome: as ``outcome`` says it.
        since: major version of the server that has it; 0: it cannot run in the database of ``statement_forms.sql``.
        undo: what undoes it, where expand is advised.
    """

    outcome: str
    since: int
    sql: str
    undo: str = ""


def _read(line: str) -> Form:
    outcome, since, *sql = line.split(" | ")
    return Form(outcome, 0 if since == "-" else int(since), *sql)


FORMS = [_read(line) for line in (HERE / "statement_forms.txt").read_text(encoding="utf-8").splitlines()]


def outcome(sql: str, known: Schema) -> str:
    """The kind; or ``contract``, ``expand``, ``backfill``, ``either`` as is advised; or ``never``."""
    try:
        changes, _ = recognise(parse_script(sql, "change.sql"), known)
    except Refused as refused:
        advised = ADVICE.search(refused.hint or "")
        return "never" if advised is None else "either" if advised[2] else advised[1]
    return " ".join(change.kind.name for change in changes)


def test_each_form_is_of_the_kind_or_comes_with_the_phase_it_is_for(session: Session):
    session.execute(SETUP)
    known = read_schema(session, [("shop", name) for name in ("items", "parted", "heap", "seen", "twice", "tidy")])

    assert {form.sql: outcome(form.sql, known) for form in FORMS} == {form.sql: form.outcome for form in FORMS}


def test_no_statement_of_the_grammar_is_left_out():
    nodes = {field.name for field in pb.Node.DESCRIPTOR.fields if field.name.endswith("_stmt")}

    assert nodes - {parse_script(form.sql).statements[0].kind for form in FORMS} == PARTS


@pytest.mark.parametrize(
    "form", [form for form in FORMS if form.outcome in ("expand", "contract")], ids=lambda f: f.sql
)
def test_what_is_advised_is_taken(form: Form):
    undo = f"-- migrator: undo = {form.undo}\n" if form.undo else ""

    (change,), _ = recognise(parse_script(f"-- migrator: phase = {form.outcome}\n{undo}{form.sql}"), Schema())

    assert change.kind.name != "raw_sql" or change.spec.phase == form.outcome


def test_what_is_advised_runs_and_is_undone(database_url: str):
    failed = {}
    with psycopg.connect(database_url, autocommit=True) as code:
        code.execute(SETUP)
        version = code.info.server_version // 10_000
        for form in FORMS:
            (statement,) = parse_script(form.sql).statements
            if form.outcome not in ("expand", "contract") or not 0 < form.since <= version:
                continue
            if not effects_of(statement).transactional:
                code.execute(form.sql)
                continue
            try:
                with code.transaction(force_rollback=True):
                    code.execute(form.sql)
                    if form.undo not in ("", "none"):
                        code.execute(form.undo)
            except psycopg.Error as error:
                failed[form.sql] = str(error)

    assert failed == {}
