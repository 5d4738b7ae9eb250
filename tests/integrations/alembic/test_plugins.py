"""Autogenerate beside plugins of Alembic, each in a process of its own: they register themselves for good."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integrations.alembic.conftest import Shop
from tests.integrations.alembic.test_autogenerate import Project

USERS = 'sa.Table("users", m, sa.Column("id", sa.BigInteger, primary_key=True), {})\n'
FUNCTION = """
from alembic_utils.pg_function import PGFunction
from alembic_utils.replaceable_entity import register_entities
register_entities([PGFunction(
    schema="public", signature="greeting(name text)", definition="RETURNS text LANGUAGE sql AS $$ SELECT name $$")])
"""


@pytest.fixture
def project(shop: Shop) -> Project:
    shop.session.execute("CREATE TABLE users (id bigint PRIMARY KEY, name text, note text)")
    shop.session.execute("INSERT INTO users VALUES (1, 'Ada', 'x')")
    made = Project(shop.root, shop.url, shop.session)
    made.wire()
    return made


def plugged(project: Project, text: str) -> None:
    environment = project.root / "history/env.py"
    environment.write_text(text + environment.read_text())


RUN = """
import sys
from alembic.config import main
from migrator import cli
for words in map(str.split, sys.argv[1:]):
    print("$", *words)
    if words[0] == "migrator":
        assert cli.run(words[1:]) == 0
    else:
        main(words[1:])
"""
CONTRACT = ("migrator backfill", "migrator contract --offline stopped --yes")


def run(project: Project, *commands: str) -> None:
    """Commands that succeed, one after the other in one process."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, *commands],
        cwd=project.root, env=os.environ, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def generated(project: Project, *before: str) -> str:
    """The revision that autogenerate writes after some commands."""
    known = set((project.root / "history/versions").glob("*.py"))
    run(project, *before, "alembic revision --autogenerate -m made")
    (path,) = set((project.root / "history/versions").glob("*.py")) - known
    return Path(path).read_text()


def test_functions_of_alembic_utils_stay_its_own_and_ours_are_not_theirs_to_drop(project: Project):
    plugged(project, FUNCTION)
    renamed = """sa.Column("full_name", sa.Text, info={"renamed_from": "name"})"""
    project.models(USERS.format(f'{renamed}, sa.Column("note", sa.Text)'))

    text = generated(project)

    assert "phased.rename_column(" in text
    assert text.index("phased.rename_column(") < text.index("op.create_entity(")
    assert text.index("phased.rollback()") < text.index("op.drop_entity(")
    project.session.close()
    run(project, "migrator expand", "alembic check", *CONTRACT, "alembic check")


def test_types_of_alembic_postgresql_enum_come_before_their_columns_and_go_after_them(project: Project):
    plugged(project, "import alembic_postgresql_enum\n")
    others = 'sa.Column("name", sa.Text), sa.Column("note", sa.Text)'
    mood = 'sa.Column("mood", sa.Enum("good", "bad", name="mood"))'
    project.models(USERS.format(f"{others}, {mood}"))

    text = generated(project)

    assert text.index('phased.create_enum(type="mood"') < text.index('phased.add_column(table="users", column="mood"')
    run(project, "migrator expand", "alembic check")
    project.session.execute("UPDATE users SET mood = 'good'")
    project.models(USERS.format(others))
    text = generated(project)
    assert 'phased.drop_column(table="users", column="mood"' in text
    assert "drop_type" not in text
    assert "Enum" not in text
    project.session.close()
    text = generated(project, "migrator expand", "alembic check", *CONTRACT)
    assert 'phased.drop_type(type="mood")' in text
