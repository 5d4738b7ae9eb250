"""``migrator lint`` on revisions: what is found, and that it is shown where it is written."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from migrator import cli
from migrator.integrations.alembic import capture
from migrator.lint.engine import lint
from migrator.lint.selection import select
from migrator.model.finding import Finding
from tests.integrations.alembic.conftest import CREATE, RENAME, Shop
from tests.lint.linting import TODAY


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    from tests.integrations.alembic.conftest import make_shop

    # No server is needed to look at revisions.
    made = make_shop(tmp_path / "shop", "postgresql://nobody@127.0.0.1:1/x", None, monkeypatch)  # type: ignore[arg-type]
    made.revision("a1", CREATE, "pass")
    return made


def findings(shop: Shop) -> list[Finding]:
    report = lint(capture.sources(shop.project, lambda path: True), select(), pg_version=14, today=TODAY)
    return [finding for finding in report.findings if finding.code not in ("LK020", "RB022")]


def placed(shop: Shop) -> list[tuple[str, int, int]]:
    return [(finding.code, finding.line, finding.column) for finding in findings(shop)]


FIRST = 11
"""Line of the first statement of upgrade() in a revision made by the fixture."""


def test_a_statement_is_at_the_line_of_its_call(shop: Shop):
    shop.revision("a2", "pass\nop.drop_column(\n    'users',\n    'name',\n)", "pass", after="a1")

    (found,) = findings(shop)

    assert (found.code, found.file) == ("BC001", "history/versions/a2.py")
    assert (found.line, found.end_line, found.column) == (FIRST + 1, FIRST + 4, 5)


def test_helpers_loops_and_other_names_make_no_difference(shop: Shop):
    header = "from alembic import op as o\ndef helper(name):\n    o.drop_table(name)"
    shop.revision("a2", "for name in ('users', 'carts'):\n    helper(name)", "pass", after="a1", header=header)

    assert [each for each in placed(shop) if each[0] == "BC002"] == [("BC002", 11, 5), ("BC002", 11, 5)]


def test_autocommit_blocks_are_seen(shop: Shop):
    concurrently = 'op.create_index("i", "users", ["name"], postgresql_concurrently=True)'
    shop.revision("a2", f"with op.get_context().autocommit_block():\n    {concurrently}", "pass", after="a1")
    assert placed(shop) == []

    shop.revision("a2", concurrently, "pass", after="a1")
    assert [code for code, *_ in placed(shop)] == ["LK002"]


def test_several_statements_of_one_string_and_what_lines_they_name(shop: Shop):
    shop.revision(
        "a2", "op.execute('ALTER TABLE users ADD a int')\nop.execute('UPDATE users SET a = 1')", "pass", after="a1"
    )

    by_code = {finding.code: finding for finding in findings(shop)}

    assert by_code["LK024"].line == FIRST + 1
    assert f"line {FIRST} holds users locked" in by_code["LK024"].message


def test_what_cannot_be_read_is_said_and_what_was_read_is_judged(shop: Shop):
    upgrade = (
        "op.drop_table('users')\nfor row in op.get_bind().execute(sa.text('SELECT 1')):\n    op.drop_table('carts')"
    )
    shop.revision("a2", upgrade, "pass", after="a1")
    shop.revision("a3", "op.drop_table('carts')", "pass", after="a2")

    assert placed(shop) == [("BC002", FIRST, 5), ("SY004", FIRST + 1, 1), ("BC002", FIRST, 5)]

    waived = upgrade.replace("for row", "# migrator: allow SY004 because it reads only\nfor row")
    shop.revision("a2", waived, "pass", after="a1")
    assert "SY004" not in {code for code, *_ in placed(shop)}


def test_waivers_are_comments_of_python(shop: Shop):
    drop = "op.drop_table('users')"
    shop.revision("a2", f"# migrator: allow BC002 because nobody has it\n{drop}", "pass", after="a1")
    assert placed(shop) == []
    shop.revision("a2", f"{drop}  # migrator: allow BC002 because nobody has it", "pass", after="a1")
    assert placed(shop) == []
    shop.revision("a2", drop, "pass", after="a1", header="# migrator: allow-file BC002 because nobody has it")
    assert placed(shop) == []
    shop.revision("a2", f"# migrator: allow BC002\n{drop}", "pass", after="a1")
    assert {code for code, *_ in placed(shop)} == {"WV001", "BC002"}


def test_phased_operations_are_safe_by_what_they_are(shop: Shop):
    shop.revision("a2", RENAME, after="a1")

    assert placed(shop) == []


def test_sql_that_does_not_parse_is_at_its_call(shop: Shop):
    shop.revision("a2", "op.execute('SELEC 1')", "pass", after="a1")

    assert placed(shop)[0][:2] == ("SY001", FIRST)


def test_on_the_command_line(shop: Shop, capsys: pytest.CaptureFixture[str]):
    shop.revision("a2", "op.drop_table('users')", "pass", after="a1")
    shop.revision("a3", "op.drop_table('carts')", "pass", after="a2")

    assert cli.run(["lint"]) == 1
    assert "history/versions/a2.py:11:5: error: dropping table users" in capsys.readouterr().out
    assert cli.run(["lint", "history/versions/a3.py"]) == 1
    out = capsys.readouterr().out
    assert "a3.py:11:5: error" in out
    assert "a2.py" not in out
    assert cli.run(["lint", "history", "--format", "github"]) == 1
    assert "::error file=history/versions/a2.py,line=11," in capsys.readouterr().out
    assert cli.run(["lint", "history/versions/absent.py"]) == 2
    assert "there is no file" in capsys.readouterr().err


def test_a_folder_of_revisions_may_stand_anywhere(shop: Shop, capsys: pytest.CaptureFixture[str]):
    shop.revision("a2", "op.drop_table('users')", "pass", after="a1")
    (shop.root / "history/versions").rename(shop.root / "steps")
    ini = shop.ini.read_text()
    shop.ini.write_text(ini.replace("[alembic]", "[alembic]\nversion_locations = %(here)s/steps"))

    assert cli.run(["lint", "steps"]) == 1
    assert "steps/a2.py:11:5: error: dropping table users" in capsys.readouterr().out
    shop.ini.unlink()
    assert cli.run(["lint", "steps"]) == 2
    assert '"steps" is of Alembic, and there is no alembic.ini' in capsys.readouterr().err


def test_since_a_reference(shop: Shop, capsys: pytest.CaptureFixture[str]):
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "first"]):
        subprocess.run(["git", "-c", "user.name=D", "-c", "user.email=d@example.com", *arguments], check=True)
    shop.revision("a2", "op.drop_table('users')", "pass", after="a1")
    shop.revision("a3", CREATE.replace("users", "carts"), "pass", after="a2")
    shop.revision("a4", "op.create_index('i', 'carts', ['name'])", "op.drop_index('i', 'carts')", after="a3")

    assert cli.run(["lint", "--since", "main"]) == 1

    out = capsys.readouterr().out
    assert "a2.py:11:5: error: dropping table users" in out
    assert "a4.py" not in out


def test_fix_leaves_revisions_and_says_so(shop: Shop, capsys: pytest.CaptureFixture[str]):
    shop.revision("a2", "op.create_index('i', 'users', ['name'])", "pass", after="a1")
    before = {path: path.read_bytes() for path in Path("history").rglob("a*.py")}
    assert before

    assert cli.run(["lint", "--fix"]) == 1

    out, err = capsys.readouterr()
    assert "--fix leaves it: revisions in Python are not edited" in out
    assert "revisions of Alembic are not edited: 2 findings there are left to do by hand" in err
    assert {path: path.read_bytes() for path in before} == before


def downgrades(shop: Shop) -> list[tuple[str, str, int]]:
    sources = capture.sources(shop.project, lambda path: path.stem != "a1")
    report = lint(sources, select(), pg_version=14, today=TODAY)
    return [(each.code, str(each.severity), each.line) for each in report.findings if each.code != "LK020"]


ADD = 'op.add_column("users", sa.Column("age", sa.Integer))'


def test_a_downgrade_that_does_nothing_and_one_that_refuses(shop: Shop):
    shop.revision("a2", ADD, "pass", after="a1")
    shop.revision("a3", ADD.replace("age", "b"), "raise NotImplementedError('the old values are gone')", after="a2")
    shop.revision("a4", ADD.replace("age", "c"), 'op.drop_column("users", "c")', after="a3")
    shop.revision("a5", ADD.replace("age", "d"), "phased.rollback()", after="a4")
    shop.revision("a6", "pass", "pass", after="a5")

    assert downgrades(shop) == [
        ("RB022", "warning", FIRST + 1),
        ("RB022", "info", FIRST + 2),
        ("RB022", "warning", FIRST + 1),
    ]


def test_a_downgrade_is_judged_for_data_and_not_for_locks_or_code(shop: Shop):
    narrow = 'op.drop_index("i", "users")\nop.execute("TRUNCATE carts")'
    shop.revision("a2", ADD, narrow, after="a1")

    assert [(code, line) for code, _, line in downgrades(shop)] == [("DL001", FIRST + 3)]


def test_later_revisions_build_on_the_upgrade_not_on_the_downgrade(shop: Shop):
    widen = 'op.alter_column("users", "wide", type_=sa.String(90))'
    shop.revision("a2", 'op.add_column("users", sa.Column("wide", sa.String(9)))', 'op.drop_table("users")', after="a1")
    shop.revision("a3", widen, 'op.alter_column("users", "wide", type_=sa.String(9))', after="a2")

    found = [(code, line) for code, _, line in downgrades(shop)]
    assert "LK012" not in {code for code, _ in found}
    assert ("DL004", FIRST + 2) in found


def test_a_waiver_in_python_covers_a_downgrade(shop: Shop):
    reason = "# migrator: allow DL001 because it is filled again at start"
    shop.revision("a2", ADD, f'{reason}\nop.execute("TRUNCATE carts")', after="a1")
    assert downgrades(shop) == []


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("history/versions/a2.py", "def upgrade(:\n    pass\n", "a2.py fails: SyntaxError: invalid syntax"),
        ("history/versions/a2.py", "\nraise RuntimeError('no settings')\n", "a2.py fails: RuntimeError: no settings"),
        ("history/env.py", "\nraise ValueError('no URL')\n", "env.py fails: ValueError: no URL"),
    ],
)
def test_python_that_fails_is_the_users(
    shop: Shop, capsys: pytest.CaptureFixture[str], name: str, text: str, said: str
):
    shop.revision("a1", CREATE, "pass")
    (shop.root / name).write_text(text)

    assert cli.run(["lint"]) == 2

    line = 1 if text.startswith("def") else 2
    assert f"error: {said}" in (shown := capsys.readouterr().err)
    assert f"{name}:{line}\n" in f"{shown}\n"
