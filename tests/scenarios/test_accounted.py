"""Every scenario has a test, and every row of docs/semantics.md names one that exists.

S1 to S37 are what tools with one schema per version can do, B1 to B28 what such tools were seen to fail at. Where such
a tool shows two versions of one column, this one has two columns (rename, split, merge), or says in docs/semantics.md
what holds for the one there is. Each is played by itself, and again among two writers and two readers of each version,
with a rollback, a killed backfill and a killed contract on the way (``crowd.py``). A test in this folder is named for
its scenarios, ``test_s07_…``, ``test_b19_b20_…``. No crowd is in B1, B14 and S33: there all is refused before expand.

Shown elsewhere, because a crowd is not what they are about: before there is any migration; a kill at every statement,
and of the server; every value that was committed is known and looked for; a pooler; a standby.

S34  ledger/test_install.py::test_eight_processes_install_it_once
S34  ledger/test_install.py::test_a_newer_ledger_is_refused
B03  execution/test_kill_points.py::test_killed_anywhere_and_run_again_it_converges
B03  execution/test_server_crash.py::test_a_crash_in_the_middle_of_every_phase
B04  lifecycle/test_kinds.py::test_life
B09  postgres/test_connect.py::test_a_pooler_in_transaction_mode_is_refused
B28  backfill/test_replication.py::test_it_pauses_while_a_standby_is_behind_and_goes_on_after

Shown here among a crowd, and closer elsewhere: how long who waits, which row it is, what is listed where.

S30  postgres/test_locks.py::test_a_refused_lock_is_tried_again_until_it_is_free
B02  backfill/test_crash.py::test_killed_processes_lose_nothing_and_count_nothing_twice
B02  execution/test_phases.py::test_contract_before_the_data_is_moved_is_out_of_order
B06  execution/test_waiting.py::test_a_refused_lock_is_tried_again_and_readers_hardly_wait
B06  postgres/test_locks.py::test_others_wait_no_longer_than_the_limit
B07  execution/test_steps.py::test_a_build_waits_for_a_long_transaction_and_blocks_nobody
B07  execution/test_steps.py::test_an_invalid_index_of_a_killed_run_is_dropped_and_built_anew
B08  execution/test_waiting.py::test_a_contract_whose_budget_is_spent_lowers_its_fence
B15  lifecycle/test_change_type.py::test_everything_on_a_key_is_as_if_it_had_been_changed_in_place
B15  lifecycle/test_change_type.py::test_a_key_and_a_column_that_points_to_it_are_changed_in_one_migration
B18  lifecycle/test_rename_names.py::test_the_whole_life_under_an_awkward_name
B18  lifecycle/test_rename_names.py::test_names_alike_in_their_first_63_bytes_do_not_meet
B23  lifecycle/test_rename_dependents.py::test_an_application_that_owns_nothing_works_under_both_names_at_once
B23  lifecycle/test_rename_table.py::test_a_role_may_do_under_the_new_name_what_it_may_under_the_old_one
B26  acceptance/test_story.py::test_a_rename_with_old_and_new_code_and_the_gate_between_them
B26  acceptance/test_story.py::test_offline_is_refused_while_anybody_is_connected
B27  backfill/test_engine.py::test_a_bad_row_is_named_and_everything_else_is_kept
B27  backfill/test_rejects.py::test_corrected_rows_count_as_any_other_and_the_rest_is_tried_again
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
TESTS = HERE.parent
PAGE = TESTS.parent / "docs" / "semantics.md"
ELSEWHERE = re.compile(r"^([SB]\d\d)  (\S+)::(test_\w+)$", re.MULTILINE)
NAMED = re.compile(r"\btest((?:_[sb]\d\d)+)_")
SHOWN = re.compile(r"`([a-z_/]+\.py)::(test_\w+)`")
ALL = {f"S{number:02}" for number in range(1, 38)} | {f"B{number:02}" for number in range(1, 29)}


@cache
def names_in(path: Path) -> frozenset[str]:
    """The names of a file's tests, as pytest collects them."""
    return frozenset(
        node.name
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


def there(path: str, name: str) -> bool:
    return (TESTS / path).is_file() and name in names_in(TESTS / path)


def test_every_scenario_has_a_test() -> None:
    elsewhere = ELSEWHERE.findall(__doc__ or "")
    assert [f"{path}::{name}" for _, path, name in elsewhere if not there(path, name)] == []
    here = {
        mark.upper()
        for path in HERE.glob("test_*.py")
        for name in names_in(path)
        for found in NAMED.findall(name)
        for mark in found[1:].split("_")
    }
    assert here | {scenario for scenario, *_ in elsewhere} == ALL


def test_every_row_of_the_page_names_a_test_that_exists() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("|") and not line.startswith("|---")]
    rows = [row for row in rows if not row.endswith("| shown by |")]
    assert len(rows) > 40
    assert [row for row in rows if len(re.split(r"(?<!\\)\|", row)) != 6] == []
    assert [row for row in rows if not SHOWN.search(row)] == []
    assert [f"{path}::{name}" for row in rows for path, name in SHOWN.findall(row) if not there(path, name)] == []


def test_every_scenario_says_in_one_line_what_it_shows() -> None:
    without = [
        node.name
        for path in HERE.glob("test_*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and NAMED.match(node.name) and not ast.get_docstring(node)
    ]
    assert without == []
