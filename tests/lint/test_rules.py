"""Every rule keeps what its page promises: good is clean, bad is reported, and its fix is clean."""

from __future__ import annotations

import inspect
import re

import pytest

from migrator.lint.pages import page
from migrator.lint.registry import all_rules
from migrator.lint.rule import Bad, Good, ReportedByTrace, ReportedOfFiles, ReportedOfRelease, Rule
from migrator.lint.selection import everything
from migrator.model.finding import Category, Severity
from migrator.sql.parser import parse_script
from tests.lint.linting import findings

RULES = list(all_rules().values())
GOOD = [pytest.param(rule, good, id=f"{rule.code}-{n}") for rule in RULES for n, good in enumerate(rule.good)]
BAD = [pytest.param(rule, bad, id=f"{rule.code}-{n}") for rule in RULES for n, bad in enumerate(rule.bad)]
PREFIXES = {
    "LK": Category.LOCK,
    "AP": Category.BACKWARD,
    "BC": Category.BACKWARD,
    "DL": Category.DATA_LOSS,
    "RB": Category.ROLLBACK,
    "PO": Category.POLICY,
    "SY": Category.POLICY,
    "WV": Category.POLICY,
}


def found(example: Good | Bad, sql: str):
    selection = everything()
    return findings(
        sql, earlier=example.earlier, phase=example.phase, pg_version=example.pg_version, selection=selection
    )


@pytest.mark.parametrize(("rule", "good"), GOOD)
def test_good_is_clean(rule: Rule, good: Good):
    parse_script(good.sql)
    parse_script(good.earlier)

    assert [each.message for each in found(good, good.sql) if each.code == rule.code] == []


@pytest.mark.parametrize(("rule", "bad"), BAD)
def test_bad_is_reported_once_with_the_fix_it_shows(rule: Rule, bad: Bad):
    parse_script(bad.earlier)

    reported = [each for each in found(bad, bad.sql) if each.code == rule.code]

    assert [each.fix for each in reported] == [bad.fix]
    assert (reported[0].rule, reported[0].category) == (rule.name, rule.category)
    assert reported[0].why
    assert not reported[0].message.endswith(".")


@pytest.mark.parametrize(("rule", "bad"), BAD)
def test_the_fix_is_clean_of_this_rule_and_of_errors(rule: Rule, bad: Bad):
    after = found(bad, bad.fix)

    assert [each.message for each in after if each.code == rule.code or each.severity is Severity.ERROR] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_has_a_page_examples_and_a_code_of_its_category(rule: Rule):
    page = inspect.cleandoc(type(rule).__doc__ or "")

    for heading in ("Why it matters", "What to do", "Source"):
        assert f"\n{heading}\n    " in page
    # what a trace reports depends on statements of an application; its examples are in tests/trace
    # what a release uses is in its manifest; the examples are in test_releases.py
    assert isinstance(rule, (ReportedOfFiles, ReportedByTrace, ReportedOfRelease)) or (rule.good and rule.bad)
    assert re.fullmatch(r"[A-Z]{2}\d{3}", rule.code)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name)
    assert PREFIXES[rule.code[:2]] is rule.category


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_says_its_lock_what_breaks_and_where_it_holds(rule: Rule):
    said = vars(type(rule))
    first, last = rule.versions

    assert {"lock", "work", "breaks"} <= set(said)
    assert 14 <= first <= last <= 18
    assert bool(rule.work) <= bool(rule.lock)
    assert (rule.category is not Category.LOCK) or rule.lock or rule.breaks
    assert "\nVersions  PostgreSQL" in page(rule)


@pytest.mark.parametrize(("rule", "bad"), BAD)
def test_a_finding_carries_both_axes(rule: Rule, bad: Bad):
    reported = [each for each in found(bad, bad.sql) if each.code == rule.code]

    for each in reported:
        assert bool(each.work) <= bool(each.lock_mode)
        assert bool(each.lock_mode) == bool(each.blocks)


def test_there_are_rules_in_every_category():
    assert len(RULES) >= 50
    assert {rule.category for rule in RULES} == set(Category)
