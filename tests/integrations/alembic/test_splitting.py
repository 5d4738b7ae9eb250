"""``migrator new --from-revision``: a revision as Alembic writes it becomes phased, in its own file."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator import cli
from tests.integrations.alembic.conftest import CREATE, Shop

FILLED = "op.execute(\"INSERT INTO users VALUES (1, 'ann')\")"
RENAME = 'op.alter_column("users", "name", new_column_name="full_name")'


def text(shop: Shop, name: str) -> str:
    return (shop.root / "history/versions" / f"{name}.py").read_text()


def phased_lines(shop: Shop, name: str) -> list[str]:
    return [line.strip() for line in text(shop, name).splitlines() if "phased." in line]


def test_it_is_split_and_keeps_its_place(shop: Shop, capsys: pytest.CaptureFixture[str]):
    shop.revision("a1", f"{CREATE}\n{FILLED}", 'op.drop_table("users")')
    shop.upgrade()
    shop.revision("b2", f"# why: it is longer\n{RENAME}", 'op.alter_column("users", "full_name")', after="a1")
    shop.revision("c3", 'op.add_column("users", sa.Column("more", sa.Text))', "pass", after="b2")

    assert cli.run(["new", "--from-revision", "b2"]) == 0
    assert "b2.py  level 1" in capsys.readouterr().out
    assert phased_lines(shop, "b2") == [
        'phased.rename_column(table="users", column="name", new_name="full_name")',
        "phased.rollback()",
    ]
    assert 'down_revision = "a1"' in text(shop, "b2")
    assert "schema_level: int = 1" in text(shop, "b2")

    shop.upgrade()
    assert shop.columns() == ["id", "name", "full_name", "more"]
    assert shop.state("b2") == "expanded"


def test_several_changes_are_one_migration(shop: Shop):
    shop.revision("a1", CREATE)
    shop.upgrade()
    shop.revision(
        "b2",
        f'{RENAME}\nop.add_column("users", sa.Column("more", sa.Text))',
        after="a1",
        header="schema_level: int = 7",
    )

    assert cli.run(["new", "--from-revision", "head"]) == 0
    assert phased_lines(shop, "b2")[0] == "with phased.together():"
    assert text(shop, "b2").count("schema_level") == 1


def test_functions_on_one_line_a_docstring_and_another_import(shop: Shop):
    shop.revision("a1", f"{CREATE}\n{FILLED}")
    shop.upgrade()
    (shop.root / "history/versions/b2.py").write_text(
        '"""b2"""\nfrom __future__ import annotations\nimport alembic.op as o\nrevision = "b2"\ndown_revision = "a1"\n'
        'depends_on = None\ndef upgrade():\n    """It is longer."""\n'
        '    o.execute("ALTER TABLE users RENAME name TO full_name")\n\n\ndef downgrade(): pass\n# the end\n'
    )

    assert cli.run(["new", "--from-revision", "b2"]) == 0
    assert '    """It is longer."""\n    phased.rename_column(' in text(shop, "b2")
    assert text(shop, "b2").endswith("def downgrade():\n    phased.rollback()\n# the end\n")
    shop.upgrade()
    assert shop.columns() == ["id", "name", "full_name"]


@pytest.mark.parametrize(
    ("upgrade", "code", "message"),
    [
        ('phased.rename_column("users", "name", "full_name")', 1, "is phased already"),
        ("for row in op.get_bind().execute(sa.text('SELECT 1')): pass", 1, "cannot be read beyond this line"),
        ("pass", 1, "runs no SQL"),
        ('op.execute("ALTER TABLE users RENAM")', 1, "syntax error"),
        ('op.execute("LOCK TABLE users")', 1, "LOCK"),
    ],
)
def test_what_cannot_be_split_is_refused_and_stays(
    shop: Shop, capsys: pytest.CaptureFixture[str], upgrade: str, code: int, message: str
):
    shop.revision("a1", CREATE)
    shop.upgrade()
    shop.revision("b2", upgrade, after="a1")
    before = text(shop, "b2")

    assert cli.run(["new", "--from-revision", "b2"]) == code
    assert message in capsys.readouterr().err
    assert text(shop, "b2") == before


def test_what_ran_is_a_fact(shop: Shop, capsys: pytest.CaptureFixture[str]):
    shop.revision("a1", CREATE)
    shop.upgrade()

    assert cli.run(["new", "--from-revision", "a1"]) == 1
    assert "is applied in this database" in capsys.readouterr().err
    assert cli.run(["new", "--from-revision", "zz"]) == 2
    assert cli.run(["new", "a title", "--from-revision", "a1"]) == 2
    assert "takes neither a title" in capsys.readouterr().err


def test_a_project_without_alembic_has_no_revisions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "migrator.toml").write_text("")
    (tmp_path / "migrations").mkdir()

    assert cli.run(["new", "--from-revision", "a1"]) == 2


def test_another_primary_key_is_one_change(shop: Shop):
    shop.revision("a1", CREATE)
    shop.upgrade()
    shop.revision(
        "b2",
        'op.add_column("users", sa.Column("key", sa.Integer, sa.Identity(), nullable=False))\n'
        'op.drop_constraint("users_pkey", "users", type_="primary")\n'
        'op.create_primary_key("users_pkey", "users", ["key"])',
        after="a1",
    )

    assert cli.run(["new", "--from-revision", "b2"]) == 0
    assert [line.partition("(")[0] for line in phased_lines(shop, "b2")] == [
        "with phased.together", "phased.add_column", "phased.change_primary_key", "phased.rollback",
    ]  # fmt: skip
