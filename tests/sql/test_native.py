"""libpg_query's messages are those that postgast would make, and its modules stay unloaded."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import postgast
import pytest

from migrator.sql import native

STATEMENTS = (
    "SELECT 1; CREATE TABLE t (a int CHECK (a > 1), b numeric(4, 2) DEFAULT 0)",
    'ALTER TABLE "T" ADD COLUMN größe text -- how large\n',
    "INSERT INTO t SELECT * FROM u WHERE a = ANY('{1,2}') ON CONFLICT DO NOTHING",
)


@pytest.mark.parametrize("sql", STATEMENTS)
def test_every_function_answers_as_the_one_of_postgast(sql: str):
    tree = native.parse(sql)

    assert tree.SerializeToString() == postgast.parse(sql).SerializeToString()
    assert native.deparse(tree) == postgast.deparse(postgast.parse(sql))
    assert native.scan(sql).SerializeToString() == postgast.scan(sql).SerializeToString()
    assert native.normalize(sql) == postgast.normalize(sql)
    assert native.fingerprint(sql) == postgast.fingerprint(sql).hex


def test_functions_in_plpgsql_are_read_as_by_postgast():
    sql = "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DELETE FROM t; END $$"

    assert native.parse_plpgsql(sql) == postgast.parse_plpgsql(sql)


@pytest.mark.parametrize("call", ["parse", "scan", "normalize", "fingerprint", "parse_plpgsql"])
def test_refusals_have_the_words_and_the_place_of_postgast(call: str):
    sql = "SELECT 'größe', 'without an end"
    with pytest.raises(postgast.PgQueryError) as theirs:
        getattr(postgast, call)(sql)
    with pytest.raises(native.PgQueryError) as ours:
        getattr(native, call)(sql)

    assert (ours.value.message, ours.value.cursorpos) == (theirs.value.message, theirs.value.cursorpos)


def test_the_messages_and_enumerations_are_those_of_postgast():
    theirs = {name for name in vars(postgast.pg_query_pb2) if not name.startswith("_")} - {"DESCRIPTOR_POOL"}
    values = {name for name in theirs if isinstance(getattr(postgast.pg_query_pb2, name), int)}

    assert {name for name in theirs if not hasattr(native.pb, name)} == set()
    assert not hasattr(native.pb, "OBJECT_TABLES")
    assert {name: getattr(native.pb, name) for name in values} == {
        name: getattr(postgast.pg_query_pb2, name) for name in values
    }
    assert native.pb.ObjectType.Name(native.pb.OBJECT_TABLE) == "OBJECT_TABLE"


def loaded(before: str) -> set[str]:
    """Modules that are there after the parser was used in a new process."""
    code = f"import sys\n{before}\nfrom migrator.sql.parser import parse_script\n"
    code += "print(*parse_script('SELECT 1; DROP TABLE t').statements, *sys.modules)"
    shown: Any = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert "drop_stmt" in shown.stdout
    return set(shown.stdout.split())


def test_what_takes_long_to_import_is_not_imported():
    assert not loaded("") & {"postgast", "google.protobuf.descriptor_pool", "google.protobuf.text_format"}


def test_where_protobuf_is_another_one_postgast_makes_the_messages():
    assert "postgast.pg_query_pb2" in loaded("sys.modules['google._upb'] = None\nimport google.protobuf")
