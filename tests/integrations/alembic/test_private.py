"""What is used of Alembic and SQLAlchemy without their promise: a version that lacks one of it fails here, by name."""

from __future__ import annotations

import inspect
from types import CodeType

import alembic.command
import pytest
import sqlalchemy
from alembic.autogenerate.api import AutogenContext, RevisionContext
from alembic.ddl.impl import DefaultImpl
from alembic.operations import Operations, ops
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from alembic.script.revision import Revision


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (ScriptDirectory, "_upgrade_revs"),
        (Revision, "_all_down_revisions"),
        (RevisionContext, "run_autogenerate"),
        (RevisionContext, "generate_scripts"),
        (Operations, "_install_proxy"),
        (Operations, "_remove_proxy"),
        (EnvironmentContext, "_migration_context"),
        (DefaultImpl, "_exec"),
        (ops.DropColumnOp, "to_column"),
        (ops.DropTableOp, "to_table"),
        (sqlalchemy.Column, "_copy"),
        (sqlalchemy.types.TypeEngine, "_type_affinity"),
    ],
)
def test_is_there(owner: type, name: str):
    assert hasattr(owner, name)


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (AutogenContext, "_object_filters"),
        (AutogenContext, "_name_filters"),
        (MigrationContext, "_in_external_transaction"),
        (MigrationContext, "on_version_apply_callbacks"),
    ],
)
def test_is_set_by_the_constructor(owner: type, name: str):
    assert f"self.{name}" in inspect.getsource(owner)


def test_check_can_be_told_by_its_code_and_runs_the_hook_of_env_py():
    assert "run_autogenerate" in alembic.command.check.__code__.co_names + tuple(
        name
        for each in alembic.command.check.__code__.co_consts
        if isinstance(each, CodeType)
        for name in each.co_names
    )
    assert issubclass(Script, Revision)
