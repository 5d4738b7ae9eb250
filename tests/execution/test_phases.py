"""What a phase does and refuses in each state."""

from __future__ import annotations

import pathlib

import pytest

from migrator.errors import FilesDiffer, OutOfOrder, Refused
from migrator.execution import phases
from migrator.ledger import decisions, files
from migrator.model.events import PhaseDone
from migrator.model.plan import Migration, Phase
from tests.support.sandbox import SERVICE, Sandbox, refusal

OFFLINE = "nobody is connected"


@pytest.fixture
def rename(sandbox: Sandbox) -> Migration:
    sandbox.execute(
        "CREATE TABLE t (k int PRIMARY KEY, a text); INSERT INTO t SELECT g, g FROM generate_series(1, 99) g"
    )
    return sandbox.new("rename t.a", "ALTER TABLE t RENAME COLUMN a TO b")


def edit(migration: Migration, phase: str) -> None:
    path = pathlib.Path(migration.folder) / f"{phase}.sql"
    path.write_text(path.read_text(encoding="utf-8") + "-- edited\n", encoding="utf-8")


def reread(sandbox: Sandbox, migration: Migration) -> Migration:
    return next(each for each in sandbox.migrations() if each.id == migration.id)


def test_every_phase_may_be_run_again(sandbox: Sandbox, rename: Migration) -> None:
    for command in ("expand", "backfill", "contract"):
        arguments = ("--offline", OFFLINE) if command == "contract" else ()
        assert sandbox.command(command, rename.id, *arguments).code == 0
        shape = sandbox.snapshot()
        again = sandbox.command(command, rename.id, *arguments)
        assert again.code == 0
        assert "already" in again.err + again.out
        assert sandbox.snapshot() == shape
    for earlier in ("expand", "backfill"):
        assert sandbox.command(earlier, rename.id).code == 0
    assert sandbox.state(rename) == "contracted"


@pytest.mark.parametrize("command", ["backfill", "contract"])
def test_a_phase_before_expand_is_out_of_order(sandbox: Sandbox, rename: Migration, command: str) -> None:
    outcome = sandbox.command(command, rename.id)
    assert outcome.code == 5
    assert "never expanded" in outcome.err


def test_contract_before_the_data_is_moved_is_out_of_order(sandbox: Sandbox, rename: Migration) -> None:
    sandbox.expand(rename)
    with pytest.raises(OutOfOrder, match="its data is not moved"):
        sandbox.contract(rename, offline=OFFLINE)


def test_a_rollback_of_what_never_ran_has_nothing_to_undo(sandbox: Sandbox, rename: Migration) -> None:
    sandbox.rollback(rename)
    assert any("nothing to undo" in note for note in sandbox.notes())


def test_a_rollback_after_contract_is_too_late(sandbox: Sandbox, rename: Migration) -> None:
    sandbox.finish(rename)
    outcome = sandbox.command("rollback", rename.id, "--yes", "--offline", OFFLINE)
    assert outcome.code == 5
    assert "too late to roll back" in outcome.err


def test_a_rolled_back_migration_may_be_corrected_and_expanded_again(sandbox: Sandbox, rename: Migration) -> None:
    before = sandbox.snapshot()
    sandbox.expand(rename)
    sandbox.rollback(rename, offline=OFFLINE)
    assert sandbox.snapshot() == before
    edit(rename, "expand")
    sandbox.finish(reread(sandbox, rename))
    assert sandbox.state(rename) == "contracted"


def test_a_rollback_in_mid_backfill_undoes_that_too(sandbox: Sandbox, rename: Migration) -> None:
    sandbox.expand(rename)
    process = sandbox.process("backfill", MIGRATOR_KILL_AT="1", MIGRATOR_KILL_MATCH=r"(?s)\AUPDATE.*public\.t")
    process.communicate()
    assert sandbox.state(rename) == "backfilling"
    with pytest.raises(OutOfOrder, match="its data is not moved"):
        sandbox.contract(rename, offline=OFFLINE)
    sandbox.rollback(rename, offline=OFFLINE)
    assert sandbox.value("SELECT count(*) FROM migrator.backfill_job") == 0
    sandbox.finish(rename)


def test_while_it_is_being_rolled_back_it_goes_no_other_way(sandbox: Sandbox, rename: Migration) -> None:
    sandbox.expand(rename)
    process = sandbox.process(
        *("rollback", rename.id, "--offline", OFFLINE),
        MIGRATOR_KILL_AT="1",
        MIGRATOR_KILL_MATCH="DELETE FROM migrator.step",
    )
    process.communicate()
    assert sandbox.state(rename) == "rolling_back"
    for command in ("expand", "backfill", "contract"):
        outcome = sandbox.command(command, rename.id)
        assert outcome.code == 5, command
        assert "being rolled back" in outcome.err
    assert sandbox.command("rollback", rename.id).code == 0
    assert sandbox.state(rename) == "rolled_back"


def test_rollback_goes_from_the_newest_back(sandbox: Sandbox, rename: Migration) -> None:
    sandbox.expand(rename)
    later = sandbox.new("later", "ALTER TABLE t ADD c int")
    sandbox.expand(later)
    with pytest.raises(OutOfOrder, match=later.id) as error:
        sandbox.rollback(rename, offline=OFFLINE)
    assert f"migrator rollback {later.id}" in refusal(error.value)
    sandbox.rollback(later, offline=OFFLINE)
    sandbox.rollback(rename, offline=OFFLINE)


def test_a_rollback_that_loses_data_says_how_much_and_needs_a_yes(sandbox: Sandbox) -> None:
    sandbox.execute("CREATE TABLE t (k int); INSERT INTO t SELECT generate_series(1, 10)")
    migration = sandbox.new("add", "ALTER TABLE t ADD a int DEFAULT 7; CREATE TABLE u (k int)")
    sandbox.expand(migration)
    outcome = sandbox.command("rollback", migration.id, "--offline", OFFLINE)
    assert outcome.code == 0, "rows at the default lose nothing"
    sandbox.expand(migration)
    sandbox.execute("UPDATE t SET a = 8 WHERE k < 4; UPDATE t SET a = NULL WHERE k = 4; INSERT INTO u VALUES (1), (2)")
    shape = sandbox.snapshot()
    outcome = sandbox.command("rollback", migration.id, "--offline", OFFLINE)
    assert outcome.code == 1
    assert "drop-a: 4 rows" in outcome.err
    assert "drop-u: 2 rows" in outcome.err
    assert "--yes" in outcome.err
    assert sandbox.snapshot() == shape
    assert sandbox.command("rollback", migration.id, "--offline", OFFLINE, "--yes").code == 0
    lost = [each for each in decisions.recent(sandbox.session, "default") if each.kind == "data lost"]
    assert lost[0].evidence["drop-u"] == 2


@pytest.mark.parametrize(
    ("ran", "edited", "command"),
    [
        (("expand",), "expand", "expand"),
        (("expand",), "expand", "backfill"),
        (("expand",), "rollback", "rollback"),
        (("expand", "backfill"), "backfill", "contract"),
        (("expand", "backfill"), "expand", "contract"),
    ],
)
def test_a_file_edited_after_it_ran_is_refused_with_a_diff(
    sandbox: Sandbox, rename: Migration, ran: tuple[str, ...], edited: str, command: str
) -> None:
    for each in ran:
        assert sandbox.command(each).code == 0
    edit(rename, edited)
    shape = sandbox.snapshot()
    outcome = sandbox.command(command, rename.id)
    assert outcome.code == 15
    assert f"{edited}.sql of {rename.id} was changed" in outcome.err
    assert "+-- edited" in outcome.err
    assert sandbox.snapshot() == shape


def test_files_of_a_phase_that_did_not_start_may_be_edited(sandbox: Sandbox, rename: Migration) -> None:
    sandbox.expand(rename)
    edit(rename, "backfill")
    edit(rename, "contract")
    migration = reread(sandbox, rename)
    sandbox.backfill(migration)
    sandbox.contract(migration, offline=OFFLINE)


def test_contract_is_frozen_while_it_soaks(sandbox: Sandbox, rename: Migration) -> None:
    sandbox.configure(SERVICE, gate={"soak": "1h"})
    sandbox.expand(rename)
    sandbox.backfill(rename)
    assert sandbox.beat(level=1)
    assert sandbox.command("contract", rename.id).code == 12
    assert sandbox.record(rename).gate == "soaking"
    edit(rename, "contract")
    with pytest.raises(FilesDiffer, match=r"contract\.sql"):
        sandbox.contract(reread(sandbox, rename))


def test_a_migration_with_nothing_to_remove_is_complete_after_expand(sandbox: Sandbox) -> None:
    migration = sandbox.new("table", "CREATE TABLE u (k int)")
    sandbox.expand(migration)
    assert sandbox.state(migration) == "complete"
    for command in ("backfill", "contract", "expand"):
        assert sandbox.command(command, migration.id).code == 0
    assert [event.already for event in sandbox.events if isinstance(event, PhaseDone)] == [False]


def test_a_failure_is_shown_until_the_next_success(sandbox: Sandbox) -> None:
    sandbox.execute("CREATE TABLE t (k int)")
    migration = sandbox.write(
        "20260101T000000_bad", expand="-- step: s transaction=s\nALTER TABLE t ADD a int DEFAULT 1/0;\n"
    )
    outcome = sandbox.command("expand")
    assert outcome.code == 4
    assert "division by zero" in outcome.err
    status = sandbox.command("status", "--json").json()["migrations"][0]
    assert status["state"] == "failed"
    assert "division by zero" in status["problem"]
    (pathlib.Path(migration.folder) / "expand.sql").write_text("-- step: s transaction=s\nALTER TABLE t ADD a int;\n")
    assert sandbox.command("expand").code == 15, "it was put to use"
    assert sandbox.command("rollback", migration.id).code == 15


def test_the_longest_hold_of_a_lock_is_recorded(sandbox: Sandbox, rename: Migration) -> None:
    sandbox.finish(rename)
    held = sandbox.value("SELECT max(held_ms) FROM migrator.step WHERE phase IN ('expand', 'contract')")
    assert 0 < held < 500


def test_after_contract_names_what_must_be_contracted_before(sandbox: Sandbox, rename: Migration) -> None:
    sandbox.execute("CREATE TABLE u (k int, a int)")
    second = sandbox.new("drop", "ALTER TABLE u DROP COLUMN a")
    manifest = pathlib.Path(second.folder) / "migration.toml"
    text = manifest.read_text(encoding="utf-8")
    text = "\n".join(line for line in text.splitlines() if not line.startswith("after_contract"))
    level = f"level = {second.level}"
    manifest.write_text(text.replace(level, f'{level}\nafter_contract = ["{rename.id}"]'), encoding="utf-8")
    second = reread(sandbox, second)
    for migration in (rename, second):
        sandbox.expand(migration)
    with pytest.raises(OutOfOrder, match="after_contract names"):
        sandbox.contract(second, offline=OFFLINE)
    sandbox.backfill(rename)
    sandbox.contract(rename, offline=OFFLINE)
    sandbox.contract(second, offline=OFFLINE)


def test_rows_that_violate_stop_a_contract_before_the_gate(sandbox: Sandbox) -> None:
    sandbox.execute("CREATE TABLE t (k int PRIMARY KEY, a int); INSERT INTO t VALUES (1, NULL), (2, 2), (3, NULL)")
    migration = sandbox.new("not null", "ALTER TABLE t ALTER a SET NOT NULL")
    sandbox.expand(migration)
    shape = sandbox.snapshot()
    with pytest.raises(Refused, match=r"2 rows of public\.t violate CHECK"):
        sandbox.contract(migration, offline=OFFLINE)
    assert sandbox.snapshot() == shape
    assert sandbox.record(migration).gate == "none"
    sandbox.execute("UPDATE t SET a = 0 WHERE a IS NULL")
    sandbox.contract(migration, offline=OFFLINE)
    assert "column 2 t.a: integer NOT NULL" in sandbox.snapshot()


def test_what_runs_is_in_the_listener_in_order(sandbox: Sandbox, rename: Migration) -> None:
    sandbox.finish(rename)
    assert sandbox.ran(Phase.EXPAND) == [step.id for step in rename.phase(Phase.EXPAND)]
    assert sandbox.ran(Phase.CONTRACT) == [step.id for step in rename.phase(Phase.CONTRACT)]


def test_what_is_built_on_the_copy_during_the_soak_is_seen_at_the_fence(
    sandbox: Sandbox, rename: Migration, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.expand(rename)
    sandbox.backfill(rename)
    freeze = files.freeze

    def freeze_and_build(*arguments: object) -> None:
        """The checks are over, the gate comes next."""
        freeze(*arguments)  # type: ignore[arg-type]
        monkeypatch.undo()
        sandbox.execute("CREATE INDEX mine ON t (b)")

    monkeypatch.setattr(files, "freeze", freeze_and_build)
    with pytest.raises(Refused, match='index "mine" was built on "b"'):
        sandbox.contract(rename, offline=OFFLINE)
    assert sandbox.rows("SELECT a FROM t WHERE k = 1") == [("1",)]
    sandbox.execute("DROP INDEX mine")
    sandbox.contract(rename, offline=OFFLINE)
    assert sandbox.rows("SELECT b FROM t WHERE k = 1") == [("1",)]


@pytest.mark.parametrize("meanwhile", ["expanded", "rolled_back"])
def test_what_another_command_did_before_the_lock_was_held_is_seen(
    sandbox: Sandbox, rename: Migration, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    """A rollback that found an unfinished expand needs no gate; one that was finished meanwhile does."""
    sandbox.expand(rename)
    sandbox.execute("UPDATE migrator.migration SET state = 'expanding'")
    shape = sandbox.snapshot()
    standing = phases.transitions.standing

    def decide_and_change(*arguments: object) -> object:
        answer = standing(*arguments)  # type: ignore[arg-type]
        monkeypatch.undo()
        sandbox.execute(f"UPDATE migrator.migration SET state = '{meanwhile}'")
        return answer

    monkeypatch.setattr(phases.transitions, "standing", decide_and_change)
    with pytest.raises(OutOfOrder, match=f"was expanding when this command began and is {meanwhile} now"):
        sandbox.rollback(rename)
    assert sandbox.snapshot() == shape
