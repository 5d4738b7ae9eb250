"""Rewriting by the tree: copies of indexes, expressions seen from a trigger, names."""

from __future__ import annotations

import pytest

from migrator.errors import Refused
from migrator.sql.rewrite import columns_in, columns_of_index, copied_index, role_sql, seen_from_trigger, slug


@pytest.mark.parametrize(
    ("definition", "copy"),
    [
        (
            "CREATE INDEX i ON public.t USING btree (a, b DESC NULLS LAST)",
            "CREATE INDEX CONCURRENTLY j ON public.t USING btree (x, b DESC NULLS LAST)",
        ),
        (
            "CREATE UNIQUE INDEX i ON public.t USING btree (lower(a)) INCLUDE (a) WHERE (a IS NOT NULL)",
            "CREATE UNIQUE INDEX CONCURRENTLY j ON public.t USING btree (lower(x)) INCLUDE (x) WHERE x IS NOT NULL",
        ),
        (
            "CREATE INDEX i ON public.t USING gin ((a || 'a') x.gin_trgm_ops) WITH (fastupdate='off')",
            "CREATE INDEX CONCURRENTLY j ON public.t USING gin ((x || 'a') x.gin_trgm_ops) WITH (fastupdate='off')",
        ),
        (
            'CREATE INDEX i ON public.t USING btree (b COLLATE "C" text_pattern_ops)',
            'CREATE INDEX CONCURRENTLY j ON public.t USING btree (b COLLATE "C" text_pattern_ops)',
        ),
    ],
)
def test_an_index_copy_differs_in_name_columns_and_concurrently_only(definition: str, copy: str):
    assert copied_index(definition, name="j", renamed={"a": "x"}) == copy


def test_a_copied_index_quotes_what_needs_it():
    assert copied_index("CREATE INDEX i ON t (a)", name='J"', renamed={"a": "select"}) == (
        'CREATE INDEX CONCURRENTLY "J""" ON t USING btree ("select")'
    )


def test_columns_of_an_expression_and_of_an_index():
    assert columns_in("a || lower(t.b) || 'c' || 1") == {"a", "b"}
    assert columns_in("now()") == set()
    assert columns_of_index("CREATE INDEX i ON t (a, lower(b)) INCLUDE (c) WHERE d > 0") == {"a", "b", "c", "d"}


@pytest.mark.parametrize(
    ("expression", "seen"),
    [
        ("''", "''"),
        ("a || '-' || b", "(new.a || '-') || new.b"),
        ('"A b"', 'new."A b"'),
        ("lower(a)", "lower(new.a)"),
        ("coalesce(\"if\", 'new.migrator_0_0')", "COALESCE(new.\"if\", 'new.migrator_0_0')"),
        ('"begin" || "loop" || "select"', '(new."begin" || new."loop") || new."select"'),
        ('"a$migrator$b"', 'new."a$migrator$b"'),
        ("'a' || '\\1'", "'a' || E'\\\\1'"),
        ("CASE WHEN a > 0 THEN a ELSE 0 END", "CASE WHEN new.a > 0 THEN new.a ELSE 0 END"),
    ],
)
def test_columns_are_those_of_the_new_row_in_a_trigger(expression: str, seen: str):
    assert seen_from_trigger(expression) == seen


@pytest.mark.parametrize("expression", ["(SELECT 1)", "EXISTS (SELECT 1)", "t.a", "public.t.a", "t.*"])
def test_what_means_something_else_in_a_trigger_is_refused(expression: str):
    with pytest.raises(Refused):
        seen_from_trigger(expression)


@pytest.mark.parametrize(
    ("words", "name"),
    [(("users",), "users"), (("a b", "c"), "a-b-c"), (("Ünï",), "n"), (("表",), "step"), (("", ""), "step")],
)
def test_slugs_hold_only_what_step_names_may(words: tuple[str, ...], name: str):
    assert slug(*words) == name


def test_a_role_is_quoted_and_public_is_not():
    assert (role_sql("app"), role_sql("App role"), role_sql("")) == ("app", '"App role"', "PUBLIC")
