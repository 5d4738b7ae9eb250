"""The table of hazards is what the data and the rules say, and leaves out no rule."""

from __future__ import annotations

import re

from migrator.lint.registry import all_rules
from tests.lint import catalogue

HAZARDS = [hazard for section in catalogue.load()["section"] for hazard in section["hazards"]]


def test_the_page_is_up_to_date():
    written = catalogue.PAGE.read_text(encoding="utf-8")

    assert written == catalogue.page(), "run: python -m tests.lint.catalogue"


def test_every_code_is_a_rule_and_every_peer_is_known():
    known = catalogue.load()["peers"]

    for hazard in HAZARDS:
        assert set(hazard["rules"]) <= set(all_rules()), hazard["is"]
        assert set(catalogue.peers_of(hazard)) <= set(known), hazard["is"]
        assert all(re.fullmatch(r"\w+[+$~]?", word) for word in hazard["peers"].split()), hazard["is"]


def test_every_rule_about_sql_has_a_row():
    shown = {code for hazard in HAZARDS for code in hazard["rules"]}
    about_sql = {code for code in all_rules() if code[:2] in ("LK", "BC", "DL", "RB", "PO")}

    assert about_sql - shown == set()


def test_it_is_honest_in_both_directions():
    assert [hazard for hazard in HAZARDS if hazard["rules"] and not hazard["peers"]]
    assert [hazard for hazard in HAZARDS if hazard["peers"] and not hazard["rules"]]
