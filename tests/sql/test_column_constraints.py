"""What ADD COLUMN says of a column besides its type comes behind it, as the server takes it."""

from __future__ import annotations

import pytest

from migrator.sql.actions import actions_of
from migrator.sql.column_constraints import apart
from migrator.sql.parser import parse_script

LONG = "t" * 50


def parts(sql: str) -> list[str]:
    return [part.text for action in actions_of(parse_script(sql), whole=True) for part in apart(action)]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("x int", ["ADD COLUMN x int"]),
        ("x int NOT NULL DEFAULT 3 CHECK (x > 0)", ["ADD COLUMN x int NOT NULL DEFAULT 3", "ADD CHECK (x > 0)"]),
        ("x int CONSTRAINT c CHECK (x > y)", ["ADD COLUMN x int", "ADD CONSTRAINT c CHECK (x > y)"]),
        ("x int CHECK (x > 0) NOT NULL", ["ADD COLUMN x int NOT NULL", "ADD CHECK (x > 0)"]),
        ("x int UNIQUE NULLS NOT DISTINCT", ["ADD COLUMN x int", "ADD UNIQUE NULLS NOT DISTINCT (x)"]),
        (
            "x int REFERENCES y ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED UNIQUE DEFERRABLE",
            [
                "ADD COLUMN x int",
                "ADD FOREIGN KEY (x) REFERENCES y ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED",
                "ADD UNIQUE (x) DEFERRABLE",
            ],
        ),
        # PostgreSQL: INITIALLY DEFERRED alone is DEFERRABLE too.
        (
            "x int REFERENCES y (z) INITIALLY DEFERRED",
            ["ADD COLUMN x int", "ADD FOREIGN KEY (x) REFERENCES y (z) DEFERRABLE INITIALLY DEFERRED"],
        ),
        ("x serial PRIMARY KEY", ["ADD COLUMN x serial NOT NULL", "ADD PRIMARY KEY (x)"]),
        (
            "x int NOT NULL DEFAULT 1 CONSTRAINT k PRIMARY KEY INITIALLY DEFERRED",
            ["ADD COLUMN x int NOT NULL DEFAULT 1", "ADD CONSTRAINT k PRIMARY KEY (x) DEFERRABLE INITIALLY DEFERRED"],
        ),
        (
            "x int GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
            ["ADD COLUMN x int GENERATED ALWAYS AS IDENTITY", "ADD PRIMARY KEY (x)"],
        ),
        ("x int REFERENCES y NOT DEFERRABLE", ["ADD COLUMN x int", "ADD FOREIGN KEY (x) REFERENCES y"]),
    ],
)
def test_a_constraint_of_the_column_is_one_of_the_table_behind_it(column: str, expected: list[str]):
    assert parts(f"ALTER TABLE t ADD COLUMN {column}") == [f"ALTER TABLE t {each}" for each in expected]


def test_checks_that_would_be_called_alike_are_numbered():
    assert parts("ALTER TABLE t ADD x int CHECK (x > 0) CHECK (x > y) CHECK (x < 9) CHECK (y < x) CHECK (x <> 4)") == [
        "ALTER TABLE t ADD COLUMN x int",
        "ALTER TABLE t ADD CHECK (x > 0)",
        "ALTER TABLE t ADD CHECK (x > y)",
        "ALTER TABLE t ADD CONSTRAINT t_x_check1 CHECK (x < 9)",
        "ALTER TABLE t ADD CONSTRAINT t_check1 CHECK (y < x)",
        "ALTER TABLE t ADD CONSTRAINT t_x_check2 CHECK (x <> 4)",
    ]


def test_numbered_names_have_room():
    *_, last = parts(f"ALTER TABLE {LONG} ADD column_x int CHECK (column_x > 0) CHECK (column_x > 1)")
    name = last.split()[5]
    assert len(name) == 63
    assert name.startswith(LONG)


def test_directives_are_about_the_column():
    (action,) = actions_of(parse_script("-- migrator: fill = 'a'\nALTER TABLE t ADD x text NOT NULL CHECK (x <> '')"))
    assert [part.options for part in apart(action)] == [{"fill": "'a'"}, {}]


@pytest.mark.parametrize("sql", ["ALTER TABLE t ADD CHECK (x > 0)", "DROP TABLE t", "ALTER TABLE t DROP COLUMN x"])
def test_other_statements_stay_whole(sql: str):
    assert parts(sql) == [sql]
