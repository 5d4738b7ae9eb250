"""Rules are found, and two of one code or name are a mistake that shows at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrator.lint import registry
from migrator.lint import rules as rules_room

RULE = '''
from migrator.lint.rule import Rule

class {cls}(Rule):
    """A rule."""
    code = "{code}"
    name = "{name}"
'''


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A folder whose rules count as well."""
    monkeypatch.setattr(rules_room, "__path__", [*rules_room.__path__, str(tmp_path)])
    registry.all_rules.cache_clear()
    yield tmp_path
    registry.all_rules.cache_clear()


def test_a_new_file_is_a_new_rule(room: Path):
    (room / "fresh_for_a_test.py").write_text(RULE.format(cls="Fresh", code="LK998", name="fresh"))

    assert registry.find("lk998") is registry.find("fresh") is not None
    assert list(registry.all_rules()) == sorted(registry.all_rules())


@pytest.mark.parametrize(("code", "name"), [("LK001", "other"), ("LK997", "drop-table")])
def test_a_second_rule_of_one_code_or_name_is_refused(room: Path, code: str, name: str):
    (room / f"twice_{code.lower()}.py").write_text(RULE.format(cls="Twice", code=code, name=name))

    with pytest.raises(registry.DuplicateRule, match=rf"{code} {name}"):
        registry.all_rules()


def test_one_file_one_rule():
    files = {path.stem for path in Path(rules_room.__path__[0]).glob("*.py")} - {"__init__"}
    modules = {type(rule).__module__.rpartition(".")[2] for rule in registry.all_rules().values()}

    assert modules == files
    assert len(files) == len(registry.all_rules())


def test_the_nearest_rule_is_named():
    assert registry.nearest("drop-colunm") == "drop-column"
    assert registry.nearest("lk01") in registry.all_rules()
    assert registry.nearest("zzzzzzzzzz") is None
