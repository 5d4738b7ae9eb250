"""``select``, ``ignore`` and ``severity`` of the configuration."""

from __future__ import annotations

import pytest

from migrator.errors import UsageError
from migrator.lint.registry import all_rules
from migrator.lint.selection import everything, select
from migrator.model.finding import Severity


def test_all_is_all_but_what_has_to_be_asked_for():
    opt_in = {code for code, rule in all_rules().items() if rule.opt_in}

    assert opt_in
    assert select().codes == set(all_rules()) - opt_in
    assert everything().codes == set(all_rules())


def test_opt_in_rules_are_selected_by_code_prefix_or_name():
    for text in ("PO001", "PO", "po0", "json-column"):
        assert "PO001" in select(["ALL", text]).codes
    assert select(["PO001"]).codes == {"PO001", "SY001"}


def test_ignore_wins():
    codes = select(["LK"], ["LK001", "no-lock-timeout"]).codes

    assert "LK002" in codes
    assert not {"LK001", "LK020", "BC001"} & codes


def test_severity_by_code_prefix_or_name():
    changed = select(severities={"LK001": "warning", "drop-table": "info", "RB": "error"}).severities

    assert changed["LK001"] is Severity.WARNING
    assert changed["BC002"] is Severity.INFO
    assert changed["RB001"] is Severity.ERROR


@pytest.mark.parametrize("setting", ["select", "ignore", "severity"])
def test_an_unknown_code_names_the_nearest(setting: str):
    arguments = {
        "select": ([["LK001", "drop-tabel"]]),
        "ignore": (["ALL"], ["drop-tabel"]),
        "severity": (["ALL"], [], {"drop-tabel": "info"}),
    }[setting]

    with pytest.raises(UsageError, match=rf'{setting}: no rule "drop-tabel"') as refused:
        select(*arguments)

    assert 'did you mean "drop-table"?' in refused.value.render()


def test_an_empty_code_is_refused():
    with pytest.raises(UsageError):
        select([""])
