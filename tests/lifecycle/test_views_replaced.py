"""Views that are made anew: rules and triggers that stand on them are not lost in silence."""

from __future__ import annotations

import pytest

from migrator.errors import Refused
from tests.support.sandbox import Sandbox, refusal

OFFLINE = "nobody is connected in this test"
SETUP = """
    CREATE TABLE items (id integer PRIMARY KEY, value text, n integer);
    CREATE VIEW seen AS SELECT id, value FROM items;
    CREATE FUNCTION leave() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
"""
MORE = "CREATE OR REPLACE VIEW seen AS SELECT id, value, n FROM items"
LESS = "CREATE OR REPLACE VIEW seen AS SELECT id FROM items"
RULE = "CREATE RULE quiet AS ON DELETE TO seen DO INSTEAD NOTHING"
TRIGGER = "CREATE TRIGGER quiet INSTEAD OF INSERT ON seen FOR EACH ROW EXECUTE FUNCTION leave()"


@pytest.mark.parametrize("sql", [MORE, LESS])
@pytest.mark.parametrize("held", [RULE, TRIGGER])
def test_what_stands_on_the_view_is_named_before_anything_is_done(sandbox: Sandbox, sql: str, held: str) -> None:
    sandbox.execute(f"{SETUP} {held};")

    with pytest.raises(Refused) as refused:
        sandbox.new("seen", sql)

    assert f"{'rule' if held == RULE else 'trigger'} quiet" in refusal(refused.value)


@pytest.mark.parametrize("held", [RULE, TRIGGER])
def test_what_came_since_expand_stops_the_rollback_that_would_lose_it(sandbox: Sandbox, held: str) -> None:
    sandbox.configure()
    sandbox.execute(SETUP)
    before = sandbox.snapshot()
    migration = sandbox.new("seen", MORE)
    sandbox.expand(migration)
    sandbox.execute(held)

    with pytest.raises(Refused, match="1 object holds on to view"):
        sandbox.rollback(migration, offline=OFFLINE)

    sandbox.execute(f"DROP {'RULE' if held == RULE else 'TRIGGER'} quiet ON seen")
    sandbox.rollback(migration, offline=OFFLINE)
    assert sandbox.snapshot() == before


@pytest.mark.parametrize("held", [RULE, TRIGGER])
def test_what_came_since_expand_stops_the_contract_that_would_lose_it(sandbox: Sandbox, held: str) -> None:
    sandbox.configure()
    sandbox.execute(SETUP)
    migration = sandbox.new("seen", LESS)
    sandbox.expand(migration)
    sandbox.execute(held)

    with pytest.raises(Refused, match="other objects hold on to it"):
        sandbox.contract(migration, offline=OFFLINE)

    sandbox.execute(f"DROP {'RULE' if held == RULE else 'TRIGGER'} quiet ON seen")
    sandbox.contract(migration, offline=OFFLINE)
    assert sandbox.value("SELECT count(*) FROM pg_attribute WHERE attrelid = 'seen'::regclass") == 1
