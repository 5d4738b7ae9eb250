"""A plan for machines: exactly the keys of the contract, and true ones."""

from __future__ import annotations

import json
from pathlib import Path

from migrator.model.plan import Phase
from migrator.planning.folders import load
from migrator.reporting.plan_json import document

PHASES = (Phase.EXPAND, Phase.BACKFILL, Phase.CONTRACT)
STEP_KEYS = {
    "id", "sql", "lock_mode", "relation", "blocks_reads", "blocks_writes", "rewrites_table", "scans_table",
    "transactional", "lock_timeout_ms", "undo", "reason",
}  # fmt: skip


def migration(tmp_path: Path, manifest: str = ""):
    folder = tmp_path / "20260101T000000_x"
    folder.mkdir()
    (folder / "migration.toml").write_text(f'id = "20260101T000000_x"\nlevel = 4\ntitle = "a title"\n{manifest}')
    (folder / "expand.sql").write_text(
        "-- step: add transaction=users\n-- why: needed\nALTER TABLE public.users ADD COLUMN a int;\n"
        "-- step: index transaction=none\nCREATE INDEX CONCURRENTLY i ON public.users (a);\n"
    )
    (folder / "backfill.sql").write_text("-- step: fill\nUPDATE public.users SET a = 1 WHERE a IS NULL;\n")
    (folder / "rollback.sql").write_text("-- step: drop undoes=add\nALTER TABLE public.users DROP COLUMN a;\n")
    return load(folder)


def test_the_keys_are_those_of_the_contract(tmp_path: Path):
    shown = document(migration(tmp_path), PHASES, 500)

    assert json.loads(json.dumps(shown)) == shown
    assert set(shown) == {"migration", "notes", "phases", "schema_fingerprint"}
    assert shown["notes"] == []
    assert shown["migration"] == {"id": "20260101T000000_x", "level": 4, "title": "a title"}
    assert [phase["phase"] for phase in shown["phases"]] == ["expand", "backfill"]
    for phase in shown["phases"]:
        assert set(phase) == {"phase", "steps"}
        for step in phase["steps"]:
            assert set(step) >= STEP_KEYS


def test_each_step_says_what_it_locks_and_whom_it_blocks(tmp_path: Path):
    expand, backfill = document(migration(tmp_path), PHASES, 250)["phases"]
    add, index = expand["steps"]

    assert {key: add[key] for key in STEP_KEYS} == {
        "id": "add",
        "sql": "ALTER TABLE public.users ADD COLUMN a int",
        "lock_mode": "ACCESS EXCLUSIVE",
        "relation": "public.users",
        "blocks_reads": True,
        "blocks_writes": True,
        "rewrites_table": False,
        "scans_table": False,
        "transactional": True,
        "lock_timeout_ms": 250,
        "undo": "ALTER TABLE public.users DROP COLUMN a",
        "reason": "needed",
    }
    assert (index["lock_mode"], index["blocks_writes"], index["scans_table"]) == ("SHARE UPDATE EXCLUSIVE", False, True)
    assert (index["transactional"], index["lock_timeout_ms"], index["undo"]) == (False, None, None)
    (fill,) = backfill["steps"]
    assert (fill["lock_mode"], fill["blocks_reads"], fill["blocks_writes"]) == ("ROW EXCLUSIVE", False, False)


def test_only_the_phases_asked_for_are_shown(tmp_path: Path):
    shown = document(migration(tmp_path), (Phase.ROLLBACK,), 500)

    assert [phase["phase"] for phase in shown["phases"]] == ["rollback"]


def test_the_fingerprint_is_that_of_the_facts_assumed(tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "c").mkdir()
    one = migration(
        tmp_path / "a", '[assumed."public.users"]\nkind = "table"\n[assumed."public.users".columns]\na = "x"'
    )
    same = migration(
        tmp_path / "b", '[assumed."public.users".columns]\na = "x"\n[assumed."public.users"]\nkind = "table"'
    )
    none = migration(tmp_path / "c")

    first, second, third = (document(each, PHASES, 1)["schema_fingerprint"] for each in (one, same, none))

    assert first == second
    assert len(first) == 64
    assert third is None
