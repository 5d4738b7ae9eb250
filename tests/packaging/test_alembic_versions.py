"""Alembic and SQLAlchemy in other versions than the one installed: those that users have, each with what decides.

Each pair is installed once into a folder under ``.cache`` and put in front of the path. ``make versions`` runs it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from migrator.postgres.session import Session
from tests.integrations.alembic.conftest import CREATE, RENAME, make_shop

pytestmark = pytest.mark.packaging

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDER = Path("tests/integrations/alembic")

PAIRS = [
    ("alembic==1.18.0", "sqlalchemy==2.0.0"),  # the floors in pyproject.toml
    ("alembic==1.19.2", "sqlalchemy==2.0.58"),
    ("alembic==1.20.0", "sqlalchemy==2.1.0"),
    ("alembic", "sqlalchemy"),  # the newest, which may be newer than what is installed
]
DECISIVE = [
    "test_private.py",
    "test_operations.py::test_upgrade_expands_and_no_more",
    "test_operations.py::test_together_expands_at_the_end_of_its_block",
    "test_operations.py::test_operations_are_behind_op_too",
    "test_operations.py::test_downgrade_undoes_an_expand_and_is_refused_after_the_contract",
    "test_operations.py::test_a_fresh_database_runs_straight_through",
    "test_operations.py::test_a_transaction_that_env_py_began_is_explained",
    "test_operations.py::test_an_env_py_for_async_engines",
    "test_later.py::test_alembic_keeps_it_and_migrator_runs_it",
    "test_later.py::test_contract_commits_at_once_but_for_autocommit_blocks",
    "test_later.py::test_the_text_of_statements_is_kept_to_the_letter",
    "test_later.py::test_migrator_expand_finishes_every_revision_of_a_fresh_database",
    "test_compare.py",
    "test_autogenerate.py::test_every_difference_is_phased_and_none_comes_back",
    "test_autogenerate.py::test_a_column_is_renamed_with_its_index_and_constraint",
    "test_capture.py::test_helpers_loops_and_other_names_make_no_difference",
    "test_capture.py::test_autocommit_blocks_are_seen",
]


def installed(*requirements: str) -> Path:
    """A folder that holds these, for the front of the path."""
    name = "+".join(each.replace("==", "-").replace("<", "below") for each in requirements)
    place = CHECKOUT / ".cache/versions" / f"{name}-py{sys.version_info.major}{sys.version_info.minor}"
    if not (place / ".done").exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade"]
        subprocess.run([*command, "--target", str(place), *requirements], check=True, stdout=subprocess.DEVNULL)
        (place / ".done").touch()
    return place


def run(place: Path, *arguments: str, folder: Path = CHECKOUT, **more: str) -> str:
    """What a program prints that finds these first."""
    path = os.pathsep.join([str(place), str(CHECKOUT)])
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, **more},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout[-4000:]}\n{done.stderr[-2000:]}"
    return done.stdout


@pytest.mark.timeout(300)
@pytest.mark.parametrize("pair", PAIRS, ids=" ".join)
def test_a_pair_of_versions(pair: tuple[str, str]):
    place = installed(*pair)
    asked = "import alembic, sqlalchemy; print(alembic.__version__, sqlalchemy.__version__)"
    versions = run(place, "-c", asked).split()
    for wanted, found in zip(pair, versions, strict=True):
        assert found == (wanted.partition("==")[2] or found)

    out = run(place, "-m", "pytest", "-q", "-n", "2", *(str(FOLDER / each) for each in DECISIVE))

    assert " passed" in out


CONFTEST = """
import argparse

import alembic.config
import pytest
import sqlalchemy as sa


@pytest.fixture
def alembic_config():
    config = alembic.config.Config("alembic.ini")
    # Nothing is contracted at once, so that each revision can be undone; nobody else uses this database.
    config.cmd_opts = argparse.Namespace(x=["migrator.fresh=no", "migrator.offline=the database of a test"])
    return config


@pytest.fixture
def alembic_engine():
    engine = sa.create_engine(URL, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA IF EXISTS migrator CASCADE")
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    return engine
"""
MODELS = """
import sqlalchemy as sa
target_metadata = sa.MetaData()
sa.Table(
    "users", target_metadata,
    sa.Column("id", sa.BigInteger, primary_key=True), sa.Column("full_name", sa.Text), sa.Column("age", sa.Integer),
)
"""


@pytest.mark.timeout(300)
def test_what_pytest_alembic_tests_of_every_project(
    tmp_path: Path, database_url: str, session: Session, monkeypatch: pytest.MonkeyPatch
):
    place = installed("pytest<9", "pytest-alembic==0.13.1")
    shop = make_shop(tmp_path / "shop", database_url, session, monkeypatch)
    environment = shop.root / "history/env.py"
    environment.write_text(environment.read_text().replace("target_metadata = None", MODELS))
    shop.revision("a1", CREATE, 'op.drop_table("users")')
    shop.revision("a2", RENAME, after="a1")
    later = {"contract": 'op.execute("ALTER TABLE users ADD CHECK (age > 0)")'}
    add = 'phased.later()\nop.add_column("users", sa.Column("age", sa.Integer))'
    shop.revision("a3", add, 'phased.rollback()\nop.drop_column("users", "age")', after="a2", **later)
    url = shop.config.get_main_option("sqlalchemy.url")
    (shop.root / "tests").mkdir()
    (shop.root / "tests/conftest.py").write_text(f"URL = {url!r}\n{CONFTEST}")
    session.close()

    plugins = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    arguments = ["-m", "pytest", "-p", "pytest_alembic", "--test-alembic", "-q", "-rA", "-c", "/dev/null"]
    out = run(place, *arguments, "--rootdir", ".", "tests", folder=shop.root, **plugins)

    assert "4 passed" in out
