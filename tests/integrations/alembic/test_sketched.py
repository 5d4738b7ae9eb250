"""Lint sees what phased operations of revisions make: their contract, their levels, and what expand would refuse."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from migrator import cli
from migrator.integrations.alembic import capture
from migrator.lint.engine import lint
from migrator.lint.selection import select
from migrator.model.finding import Finding
from migrator.model.manifest import Manifest, UsedColumn, UsedTable
from tests.integrations.alembic.conftest import RENAME, Shop, make_shop
from tests.lint.linting import TODAY

FIRST = 11
"""Line of the first statement of upgrade() in a revision made by the fixture."""
TABLE = (
    'op.create_table("users", sa.Column("id", sa.BigInteger, primary_key=True), sa.Column("name", sa.Text),'
    ' sa.Column("legacy", sa.Text, nullable=False))'
)
DROP = 'phased.drop_column("users", "legacy")'


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    # No server is needed to look at revisions.
    made = make_shop(tmp_path / "shop", "postgresql://nobody@127.0.0.1:1/x", None, monkeypatch)  # type: ignore[arg-type]
    made.revision("a1", TABLE, 'op.drop_table("users")')
    return made


def release(*columns: str, level: int | None = None, inserts: bool = False) -> Manifest:
    used = tuple(UsedColumn(name, reads=True, writes=True) for name in columns)
    return Manifest("web", level, "app:Base", (UsedTable("public", "users", used, inserts=inserts),))


def found(shop: Shop, *manifests: Manifest) -> list[Finding]:
    report = lint(
        capture.sources(shop.project, lambda path: True), select(), pg_version=14, today=TODAY, manifests=manifests
    )
    return [each for each in report.findings if each.code not in ("LK020", "RB022")]


def told(shop: Shop, *manifests: Manifest) -> list[tuple[str, str, int]]:
    return [(each.code, str(each.severity), each.line) for each in found(shop, *manifests)]


@pytest.mark.parametrize(("level", "severity"), [(None, "error"), (4, "info"), (5, "error"), (6, "error")])
def test_a_release_that_maps_what_a_revision_will_drop(shop: Shop, level: int | None, severity: str):
    shop.revision("a2", DROP, after="a1", header="schema_level = 5")

    (finding,) = found(shop, release("id", "legacy", level=level))

    assert (finding.code, finding.severity, finding.file) == ("AP003", severity, "history/versions/a2.py")
    assert (finding.line, finding.column, finding.length) == (FIRST, 5, len(DROP))
    assert "still uses public.users.legacy, which the contract of level 5 takes away" in finding.message
    assert found(shop, release("id", "name", level=level)) == []


def test_every_operation_of_a_block_at_its_own_line(shop: Shop):
    shop.revision("a2", f"with phased.together():\n    {RENAME}\n    {DROP}", after="a1", header="schema_level = 5")

    assert told(shop, release("name", level=5)) == [("AP003", "error", FIRST + 1)]
    assert told(shop, release("legacy", level=5)) == [("AP003", "error", FIRST + 2)]


def test_sql_that_is_split_is_seen_as_well(shop: Shop):
    shop.revision("a2", 'phased.sql("""ALTER TABLE users\\n  DROP COLUMN legacy""")', after="a1")

    assert told(shop, release("legacy")) == [("AP003", "error", FIRST)]


def test_a_column_that_waits_for_its_contract_and_is_left_out_of_inserts(shop: Shop):
    raw = "phased.raw_sql('ALTER TABLE users DROP COLUMN legacy', 'contract', tables=('public.users',))"
    shop.revision("a2", raw, after="a1", header="schema_level = 5")

    assert ("AP004", "error", FIRST) in told(shop, release("id", "name", level=5, inserts=True))

    shop.revision("a2", DROP, after="a1", header="schema_level = 5")
    # expand drops the NOT NULL
    assert told(shop, release("id", "name", level=5, inserts=True)) == []


def test_a_waiver_above_the_call_is_for_all_that_it_makes(shop: Shop):
    reason = "# migrator: allow AP003 because the service is retired this week"
    shop.revision("a2", f"{reason}\n{RENAME}", after="a1", header="schema_level = 5")
    assert told(shop, release("name", level=5)) == []
    assert told(shop, release("id", level=5)) == [("WV004", "info", FIRST + 1)]


def test_a_waiver_of_a_call_that_alembic_writes_as_several_statements(shop: Shop):
    alter = 'op.alter_column("users", "name", type_=sa.Integer, nullable=False)'
    shop.revision("a2", alter, "pass", after="a1")
    codes = sorted({each.code for each in found(shop)})
    assert len(codes) > 1
    shop.revision("a2", f"# migrator: allow {', '.join(codes)} because nothing runs\n{alter}", "pass", after="a1")
    assert told(shop) == []


def test_later_revisions_build_on_what_phased_operations_make(shop: Shop):
    shop.revision("a2", RENAME, after="a1")
    shop.revision("a3", "phased.later()", after="a2", contract='op.drop_column("users", "full_name")')
    shop.revision("a4", "phased.later()", after="a3", contract='op.drop_column("users", "nmae")')

    (finding,) = [each for each in found(shop) if each.code == "RB021"]

    assert finding.file == "history/versions/a4.py"
    assert "there is no column nmae on users" in finding.message


def test_values_that_nothing_copies(shop: Shop):
    shop.revision(
        "a2", 'phased.add_column("users", "email", "text")', after="a1", contract='op.drop_column("users", "legacy")'
    )
    assert [(code, line) for code, _, line in told(shop)] == [("DL012", FIRST + 4)]
    shop.revision(
        "a2", f'with phased.together():\n    phased.add_column("users", "email", "text")\n    {DROP}', after="a1"
    )
    assert told(shop) == []


@pytest.mark.parametrize(
    ("upgrade", "later", "code", "said"),
    [
        ("phased.later()", {"backfill": 'op.execute("UPDATE users SET id = id + 1")'}, "RB020", "be run in batches"),
        ("phased.later()", {"backfill": RENAME}, "RB019", "phased operations do not belong in backfill()"),
        ("phased.later()", {"contract": 'phased.add_column("users", "a", "int")'}, "RB019", "nothing to do in"),
        ("phased.later()", {"contract": 'op.execute("SET lock_timeout = 0")'}, "RB019", "SET changes the session"),
        ('phased.sql("DELETE FROM users")', {}, "RB019", "this statement cannot be split safely"),
    ],
)  # fmt: skip
def test_what_expand_would_refuse(shop: Shop, upgrade: str, later: dict[str, str], code: str, said: str):
    shop.revision("a2", upgrade, after="a1", **later)

    (finding,) = [each for each in found(shop) if each.code in ("RB019", "RB020")]

    assert (finding.code, finding.severity) == (code, "error")
    assert said in finding.message
    assert finding.line == (FIRST if not later else FIRST + 4)

    source = Path("history/versions/a2.py")
    lines = source.read_text().split("\n")
    lines.insert(finding.line - 1, f"    # migrator: allow {code} because it is known")
    source.write_text("\n".join(lines))
    assert code not in {each.code for each in found(shop)}


def test_a_backfill_with_a_directive_is_read_as_expand_reads_it(shop: Shop):
    update = "-- migrator: verify = name IS NULL\\nUPDATE users SET name = lower(name) WHERE name IS NULL OR id = 7"
    shop.revision("a2", "phased.later()", after="a1", backfill=f'op.execute("{update}")')

    assert "RB020" not in {each.code for each in found(shop)}


def test_what_only_the_database_tells_is_said(shop: Shop):
    move = 'phased.move_column("users", ("name",), "profiles", key=("user_id",), old_key=("id",))'
    shop.revision("a2", move, after="a1")

    (finding,) = found(shop)

    assert (finding.code, finding.severity, finding.line) == ("SY004", "info", FIRST)
    assert "what move_column runs" in finding.message


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        ('phased.change_type("users", "id", "bigint")', "what change_type runs in contract depends on"),
        ('phased.rename_table("users", "people")', "what rename_table runs in expand depends on"),
        (
            """phased.partition_table("users", "RANGE (id)", "users_1", "FOR VALUES FROM (MINVALUE) TO (9)")""",
            "what partition_table runs in expand and contract depends on",
        ),
    ],
)
def test_phases_that_only_the_database_tells_are_said(shop: Shop, operation: str, said: str):
    shop.revision("a2", operation, after="a1")

    notes = [each for each in found(shop) if each.code == "SY004"]

    assert [(each.severity, each.line) for each in notes] == [("info", FIRST)]
    assert said in notes[0].message
    assert notes[0].message.endswith("was not looked at without a database")


def test_a_level_that_is_not_above_those_at_the_reference(shop: Shop, capsys: pytest.CaptureFixture[str]):
    shop.revision("a2", RENAME, after="a1", header="schema_level = 5")
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "first"]):
        subprocess.run(["git", "-c", "user.name=D", "-c", "user.email=d@example.com", *arguments], check=True)
    shop.revision("a3", DROP, after="a2", header="schema_level = 5")

    assert cli.run(["lint", "--since", "main"]) == 1
    out = capsys.readouterr().out
    assert "a3.py" in out
    assert "level 5 is not above 5, the highest at the reference" in out

    shop.revision("a3", DROP, after="a2", header="schema_level = 16")
    assert cli.run(["lint", "--since", "main"]) == 0


def test_on_the_command_line_with_a_manifest(shop: Shop, capsys: pytest.CaptureFixture[str]):
    from migrator.integrations.sqlalchemy.file import text

    Path("web.json").write_text(text(release("id", "legacy", level=5)))
    shop.revision("a2", DROP, after="a1", header="schema_level = 5")
    shop.revision("a3", 'phased.add_column("users", "age", "integer")', after="a2")

    assert cli.run(["lint", "--manifest", "web.json"]) == 1
    assert "a2.py:11:5: error: web level 5 still uses public.users.legacy" in capsys.readouterr().out
    assert cli.run(["lint", "history/versions/a3.py", "--manifest", "web.json"]) == 0


def test_the_trace_runs_them(shop: Shop, capsys: pytest.CaptureFixture[str]):
    shop.revision("a2", RENAME, after="a1")
    shop.revision("a3", 'op.execute("UPDATE users SET full_name = name WHERE id < 0")', "pass", after="a2")

    Path("app.sql").write_text("SELECT name FROM users;")

    assert cli.run(["lint", "--pg-version", "18", "--app-sql", "app.sql"]) == 0

    out = capsys.readouterr().out
    assert "history/versions/a2.py:11: ACCESS EXCLUSIVE on users" in out
    assert "a2.py:11:5: note: breaks 1 statement of the running version" in out
    # a3 needs what expand of a2 makes, and lint claims nothing of the blocks that make it
    assert "failed" not in out
    assert "BUG IN MIGRATOR" not in out
