"""Texts that an expression makes are those that the server makes of it."""

from __future__ import annotations

import psycopg
import pytest

from migrator.sql.constants import text_of
from migrator.sql.parser import parse_expression

CONSTANT = [
    "'a'", "'it''s'", "E'a\\tb'", "$q$x'y$q$", "'a' || 'b' || 'c'", "'a'::text || 1", "format('%s', 'x')",
    "format('%I.%I = %L', 'a b', 'user', 'it''s')", "format('%2$s %1$s %s', 'a', 'b')", "format('100%% %s', 'x')",
    "quote_ident('Ab\"c')", "quote_literal('it''s')", "concat('a', 'b')", "concat_ws('-', 'a', 'b')",
]  # fmt: skip
UNKNOWN = ["a", "'a' || b", "format('%s', b)", "format('%s')", "format('%5s', 'x')", "upper('a')", "format('%I', '')"]


def evaluated(expression: str) -> str | None:
    return text_of(parse_expression(expression))


@pytest.mark.parametrize("expression", CONSTANT)
def test_a_constant_is_what_the_server_makes_of_it(expression: str, database_url: str):
    with psycopg.connect(database_url) as connection:
        row = connection.execute(f"SELECT ({expression})::text").fetchone()

    assert row == (evaluated(expression),)


@pytest.mark.parametrize("expression", UNKNOWN)
def test_what_depends_on_anything_else_is_not_constant(expression: str):
    assert evaluated(expression) is None
