"""Exclusion constraints on a column whose type changes: made anew where the table is small, refused where it is not."""

from __future__ import annotations

import psycopg
import pytest

from migrator.errors import Refused
from tests.support.sandbox import Sandbox, refusal

TABLE = """
    CREATE TABLE bookings (id integer PRIMARY KEY, room integer NOT NULL, during tsrange, state text DEFAULT 'new');
    ALTER TABLE bookings ADD CONSTRAINT "No Overlap" EXCLUDE USING gist (
        int4range(room, room, '[]') WITH &&, during WITH &&) WITH (fillfactor=70) WHERE (room > 0 AND state <> 'gone')
        DEFERRABLE;
    COMMENT ON CONSTRAINT "No Overlap" ON bookings IS 'one at a time';
    COMMENT ON INDEX "No Overlap" IS 'of the constraint';
    INSERT INTO bookings SELECT g, g, tsrange('2020-01-01', '2020-01-02') FROM generate_series(1, 20) AS g;
"""
RETYPE = "ALTER TABLE bookings ALTER COLUMN state TYPE varchar(20)"
ABOUT = """
    SELECT concat_ws('; ', k.conname, pg_get_constraintdef(k.oid), obj_description(k.oid, 'pg_constraint'),
        obj_description(k.conindid, 'pg_class'), k.conindid::regclass, k.condeferrable)
    FROM pg_constraint AS k WHERE k.conrelid = 'bookings'::regclass AND k.contype = 'x'
"""


def test_it_has_all_it_had_over_the_new_type(sandbox: Sandbox) -> None:
    sandbox.execute(TABLE)
    before = sandbox.value(ABOUT)
    sandbox.install()
    sandbox.finish(sandbox.new("retype", RETYPE))

    assert sandbox.leftovers() == []
    after = sandbox.value(ABOUT)
    assert after.replace("(state)::text", "state") == before
    with psycopg.connect(sandbox.url, autocommit=True) as connection, pytest.raises(psycopg.errors.ExclusionViolation):
        connection.execute("INSERT INTO bookings VALUES (99, 3, '[2020-01-01,2020-01-03)')")


def test_on_a_large_table_it_is_refused(sandbox: Sandbox) -> None:
    sandbox.execute(TABLE + "INSERT INTO bookings SELECT g, g FROM generate_series(21, 2100) AS g; ANALYZE bookings")
    sandbox.install()
    with pytest.raises(Refused) as caught:
        sandbox.new("retype", RETYPE)
    assert 'exclusion constraint "No Overlap"' in refusal(caught.value)
    assert "about 2100 rows would wait" in refusal(caught.value)
