"""Another owner from expand on, and a rollback: every role has the rights it had."""

from __future__ import annotations

import secrets

import pytest

from migrator.errors import MigratorError
from tests.support.sandbox import Sandbox

AT_EXPAND = "-- migrator: phase = expand\n"


@pytest.mark.parametrize("keep", ["", "-- migrator: keep = SELECT\n"])
def test_rollback_gives_the_new_owner_what_it_was_granted_before(sandbox: Sandbox, keep: str):
    boss = f"boss_{secrets.token_hex(5)}"
    setup = (
        "CREATE TABLE t (id serial PRIMARY KEY, n int); ALTER TABLE t OWNER TO pg_monitor; CREATE ROLE {0};"
        "GRANT SELECT, INSERT ON t TO {0}; GRANT UPDATE ON t TO {0} WITH GRANT OPTION; GRANT USAGE ON t_id_seq TO {0}"
    )
    sandbox.execute(setup.format(boss))
    sandbox.install()
    before = sandbox.snapshot()
    try:
        migration = sandbox.new("owner", f"{AT_EXPAND}{keep}ALTER TABLE t OWNER TO {boss}")
        sandbox.execute(f"GRANT USAGE, CREATE ON SCHEMA public TO {boss}")
        sandbox.expand(migration)
        sandbox.rollback(migration, offline="nobody is connected in this test", yes=True)
        sandbox.execute(f"REVOKE ALL ON SCHEMA public FROM {boss}")

        assert sandbox.snapshot() == before
        sandbox.execute(f"SET ROLE {boss}; INSERT INTO t (n) VALUES (1); UPDATE t SET n = 2")
    finally:
        sandbox.execute(f"RESET ROLE; DROP OWNED BY {boss}; DROP ROLE {boss}")


@pytest.mark.parametrize(
    "granted",
    [
        # By the new owner, on the table and on a column; to it by another role; what the owner has not.
        "GRANT SELECT ON t TO {0} WITH GRANT OPTION; SET ROLE {0}; GRANT SELECT ON t TO pg_monitor; RESET ROLE",
        "GRANT SELECT ON t TO {0} WITH GRANT OPTION; SET ROLE {0}; GRANT SELECT (id) ON t TO pg_monitor; RESET ROLE",
        "GRANT SELECT ON t TO pg_monitor WITH GRANT OPTION; SET ROLE pg_monitor; GRANT SELECT ON t TO {0}; RESET ROLE",
        "GRANT INSERT ON t TO {0}; REVOKE INSERT ON t FROM CURRENT_USER",
    ],
)
def test_rights_that_a_rollback_could_not_tell_apart_are_refused(sandbox: Sandbox, granted: str):
    boss = f"boss_{secrets.token_hex(5)}"
    sandbox.execute(f"CREATE ROLE {boss}; GRANT USAGE, CREATE ON SCHEMA public TO {boss}; CREATE TABLE t (id int)")
    sandbox.install()
    try:
        sandbox.execute(granted.format(boss))
        before = sandbox.snapshot()
        with pytest.raises(MigratorError) as raised:
            sandbox.expand(sandbox.new("owner", f"{AT_EXPAND}ALTER TABLE t OWNER TO {boss}"))
        assert "rollback could not tell them from those of the owner" in raised.value.render()
        assert sandbox.snapshot() == before
    finally:
        sandbox.execute(f"RESET ROLE; DROP TABLE t; DROP OWNED BY {boss} CASCADE; DROP ROLE {boss}")


def test_what_is_granted_to_the_new_owner_after_planning_is_noticed(sandbox: Sandbox):
    sandbox.execute("CREATE TABLE t (id int); GRANT SELECT ON t TO pg_monitor")
    sandbox.install()
    migration = sandbox.new("owner", f"{AT_EXPAND}ALTER TABLE t OWNER TO pg_monitor")
    sandbox.execute("GRANT INSERT ON t TO pg_monitor")

    with pytest.raises(MigratorError) as raised:
        sandbox.expand(migration)
    assert 'rights of "pg_monitor" on table "public.t"' in raised.value.render()
