"""The tree of errors."""

from __future__ import annotations

import pytest

from migrator.errors import GateBlocked, MigratorError, Refused, all_error_classes

CONTRACT = {
    "MigratorError": 70, "Refused": 1, "UsageError": 2, "DatabaseUnavailable": 3, "StatementFailed": 4, "OutOfOrder": 5,
    "GateBlocked": 10, "GateUnknown": 11, "GateWaiting": 12, "Fenced": 13, "BudgetSpent": 14, "FilesDiffer": 15,
    "Interrupted": 130,
}  # fmt: skip


def test_exit_codes_are_those_of_the_contract_and_unique():
    codes = {cls.__name__: cls.exit_code for cls in all_error_classes()}

    assert codes == CONTRACT
    assert len(set(codes.values())) == len(codes)


def test_the_tree_in_the_module_docstring_shows_every_class_with_its_code():
    import migrator.errors

    for cls in all_error_classes():
        (line,) = [line for line in migrator.errors.__doc__.splitlines() if f" {cls.__name__} " in f" {line} "]
        assert f" {cls.exit_code} " in line


def test_special_errors_keep_the_exit_code_of_their_class():
    class Special(Refused):
        pass

    assert Special("x").exit_code == 1
    assert Special not in all_error_classes()


def test_a_message_alone():
    assert Refused("no").render() == "error: no"


def test_the_whole_message():
    error = GateBlocked(
        'contract of "users.name" is closed: 3 of 14 instances of "web" still run level 41, it needs 42',
        at="migrations/1_x/contract.sql:3",
        detail="web-7 (4 s ago)\nweb-9 (11 s ago)",
        hint='wait for them to stop, then run "migrator contract 1"',
    )

    assert error.render() == (
        'error: contract of "users.name" is closed: 3 of 14 instances of "web" still run level 41, it needs 42\n'
        "  at: migrations/1_x/contract.sql:3\n"
        "  DETAIL: web-7 (4 s ago)\n"
        "    web-9 (11 s ago)\n"
        '  HINT: wait for them to stop, then run "migrator contract 1"'
    )
    assert str(error) == error.message


@pytest.mark.parametrize("detail", ["one\n\ntwo", "one\n   two"])
def test_details_of_several_lines_end_no_line_with_blanks(detail):
    shown = MigratorError("x", detail=detail).render()

    assert all(line == line.rstrip() for line in shown.splitlines())
    assert shown.endswith("two")
