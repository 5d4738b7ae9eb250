"""The examples are what ``migrator new`` writes, on every version, and they do what they say.

As a script it writes them anew: ``make examples``, or ``python -m tests.test_examples``.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from migrator import cli, embedded
from migrator.authoring import new
from migrator.changes.phases_of_example import page_of_phases, written_of
from migrator.changes.registry import all_kinds
from migrator.lint.engine import lint
from migrator.lint.selection import select
from migrator.lint.sources import Source
from migrator.model.plan import Migration, Phase
from migrator.planning import phase_file
from migrator.postgres.connect import Database
from migrator.postgres.session import Session
from migrator.sql.parser import parse_script
from migrator.templating import templates_folder
from tests.support.snapshot import snapshot
from tests.support.tablespaces import make_tablespace

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
KINDS = sorted(path.parent.name for path in EXAMPLES.glob("*/change.sql"))
WRITTEN_AT = datetime(2026, 11, 24, 3, 12, 45, tzinfo=UTC)
FORMS = {"move_column_to_chosen": "move_column", "move_column_to_many": "move_column"}
"""Examples of a further form of a kind."""
SINCE = {"rename_table": 15, "rename_schema": 15, "set_schema": 15, "replace_view": 16}
"""Examples whose files are those for a server of at least this version."""
STAYS = {"add_enum_value", "update_extension", "validate_constraint"}
"""Examples whose rollback cannot take back what expand did, as their page says."""
_DROPS = r"""
SELECT format('DROP PUBLICATION %I', pubname) AS sql FROM pg_publication
UNION ALL
SELECT format('DROP SCHEMA %I CASCADE', nspname) FROM pg_namespace
WHERE nspname NOT LIKE 'pg\_%' AND nspname NOT IN ('information_schema', 'public')
UNION ALL
SELECT 'DROP SCHEMA public CASCADE'
UNION ALL
SELECT format('CREATE SCHEMA public AUTHORIZATION %s', nspowner::regrole) FROM pg_namespace WHERE nspname = 'public'
"""
PAGES = sorted(page for page in EXAMPLES.rglob("*.md") if "node_modules" not in page.parts)


def generate(kind: str, session: Session, folder: Path) -> Migration:
    """What ``migrator new`` writes for the change of an example, in a database that is as its ``schema.sql`` says."""
    script = parse_script((EXAMPLES / kind / "change.sql").read_text(encoding="utf-8"), "change.sql")
    title = kind.replace("_", " ")
    written = new.create(
        title, script, folder=folder, existing=[], project="default", session=session, now=WRITTEN_AT
    )  # fmt: skip
    return written.migration


def files(folder: Path) -> dict[str, str]:
    """The generated files of a folder."""
    names = ["migration.toml", *(f"{phase.value}.sql" for phase in Phase)]
    return {name: (folder / name).read_text(encoding="utf-8") for name in names if (folder / name).exists()}


def execute(session: Session, sql: str) -> None:
    for statement in parse_script(sql).statements:
        session.execute(statement.text)


def empty(session: Session) -> None:
    """Drop whatever examples make."""
    for row in session.query(_DROPS):
        session.execute(row.sql)


def run(session: Session, kind: str, *phases: Phase) -> None:
    """Run phase files as they stand in the example: each group in a transaction, the rest outside."""
    for phase in phases:
        path = EXAMPLES / kind / f"{phase.value}.sql"
        if not path.exists():
            continue
        steps = phase_file.read(path.read_text(encoding="utf-8"), phase=phase, name=str(path))
        for group in Migration("x", 1, "x", steps=steps).groups(phase):
            if group[0].group is None:
                session.execute(group[0].sql)
                continue
            with session.transaction():
                for step in group:
                    session.execute(step.sql)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, session: Session) -> str:
    """An example, in a database that is as its ``schema.sql`` says."""
    name: str = request.param
    if session.server_version < SINCE.get(name, 0):
        pytest.skip(f"examples/{name} is written for PostgreSQL {SINCE[name]} and later")
    execute(session, (EXAMPLES / name / "schema.sql").read_text(encoding="utf-8"))
    return name


def test_every_kind_has_an_example():
    assert sorted(all_kinds()) == sorted(set(KINDS) - FORMS.keys())
    assert all_kinds().keys() >= set(FORMS.values())


def test_the_files_are_those_that_new_writes(kind: str, session: Session, tmp_path: Path):
    migration = generate(kind, session, tmp_path)

    assert files(EXAMPLES / kind) == files(Path(migration.folder)), 'if this is meant: "make examples"'


@pytest.mark.parametrize("kind", sorted(all_kinds()))
def test_the_page_of_a_kind_tells_phases_locks_limits_and_how_to_undo_it(kind: str, capsys: pytest.CaptureFixture[str]):
    assert page_of_phases(kind) + "\n" == written_of(phase_files(kind)), 'if this is meant: "make examples"'

    assert cli.run(["explain", kind]) == 0

    page = capsys.readouterr().out
    for section in ("What happens", "Locks, in the example", "How to undo it", "Keys"):
        assert f"\n{section}" in page, section
    assert re.search(r"^(Limits|What is refused|What new code must do)", page, re.MULTILINE)


def phase_files(kind: str) -> dict[Phase, str]:
    """The phase files of an example."""
    paths = {phase: EXAMPLES / kind / f"{phase.value}.sql" for phase in Phase}
    return {phase: path.read_text(encoding="utf-8") for phase, path in paths.items() if path.exists()}


def write_pages() -> None:
    """Write anew what ``migrator explain`` tells of the phases of each kind."""
    folder = templates_folder() / "explain"
    folder.mkdir(exist_ok=True)
    for name in all_kinds():
        (folder / f"{name}.txt").write_text(written_of(phase_files(name)), encoding="utf-8")


def unplaced(shape: frozenset[str], kind: str) -> frozenset[str]:
    """Without the places of columns, where a column becomes the last one of its table."""
    return frozenset(re.sub(r"^column \d+ ", "column ", line) for line in shape) if kind == "change_type" else shape


def test_all_phases_end_where_the_change_alone_would(kind: str, session: Session, database_url: str):
    run(session, kind, Phase.EXPAND, Phase.BACKFILL, Phase.CONTRACT)
    phased = snapshot(session)
    empty(session)
    execute(session, (EXAMPLES / kind / "schema.sql").read_text(encoding="utf-8"))
    if kind == "set_not_null":
        execute(session, "UPDATE users SET email = '' WHERE email IS NULL")
    # What by hand takes more than the statement that is written.
    alone = EXAMPLES / kind / "alone.sql"
    execute(session, (alone if alone.exists() else EXAMPLES / kind / "change.sql").read_text(encoding="utf-8"))

    assert unplaced(phased, kind) == unplaced(snapshot(session), kind)


def test_rollback_ends_where_it_began(kind: str, session: Session):
    before = snapshot(session)

    run(session, kind, Phase.EXPAND, Phase.BACKFILL)
    expanded = snapshot(session)
    run(session, kind, Phase.ROLLBACK)

    assert snapshot(session) == (expanded if kind in STAYS else before)
    # An index that is built anew is as it was, and rows are no part of the shape.
    same = kind in ("reindex", "refresh_materialized_view")
    assert (expanded != before) is ((EXAMPLES / kind / "expand.sql").exists() and not same)


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(EXAMPLES)) for page in PAGES])
def test_pages_link_to_what_is_there_and_every_file_is_linked(page: Path):
    links = [link for link in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")) if "://" not in link]

    assert [link for link in links if not (page.parent / link.split("#")[0]).exists()] == []
    if page.parent.name in KINDS:
        assert {f"{phase.value}.sql" for phase in Phase if (page.parent / f"{phase.value}.sql").exists()} <= set(links)


def update() -> None:
    """Write the generated files of every example anew."""
    with embedded.start(settings=embedded.FAST) as server, tempfile.TemporaryDirectory() as scratch:
        make_tablespace(server.url())
        for name in KINDS:
            with Database(server.url(), command="examples").connect() as session:
                execute(session, f'CREATE DATABASE "{name}"')
            with Database(server.url(name), command="examples").connect() as session:
                execute(session, (EXAMPLES / name / "schema.sql").read_text(encoding="utf-8"))
                migration = generate(name, session, Path(scratch) / name)
            for old in files(EXAMPLES / name):
                (EXAMPLES / name / old).unlink()
            for made in files(Path(migration.folder)):
                shutil.copy(Path(migration.folder) / made, EXAMPLES / name / made)
            print(f"wrote examples/{name}", file=sys.stderr)
    write_pages()


if __name__ == "__main__":
    update()


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_that_is_generated_is_left_unchecked_without_a_word(kind: str) -> None:
    sources = [
        Source(f"{kind}/{phase.value}.sql", path.read_text(encoding="utf-8"), phase, phased=True)
        for phase in (Phase.EXPAND, Phase.CONTRACT, Phase.ROLLBACK)
        if (path := EXAMPLES / kind / f"{phase.value}.sql").exists()
    ]
    report = lint(sources, select(), pg_version=18, today=WRITTEN_AT.date())
    assert [each for each in report.findings if each.code in ("SY002", "WV004")] == []
