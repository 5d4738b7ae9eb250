"""``migrator gate [TARGET]``: the evidence, and what it comes to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from migrator.cli.gate_session import opened, rollback_option, targets
from migrator.cli.options import database_options, emit_json, json_option, load_project, require_database

if TYPE_CHECKING:
    from migrator.model.evidence import Verdict


@click.command("show", hidden=True)
@click.argument("target", required=False, default=None)
@rollback_option
@json_option
@database_options
def command(target: str | None, rollback: bool, as_json: bool, url_env: str | None, wait_db: str | None) -> int:
    """Show the evidence about TARGET."""
    from migrator.config import in_own_words
    from migrator.model.evidence import Direction
    from migrator.reporting import gate_json, gate_text

    project = load_project()
    database = require_database(project, url_env, wait_db, "gate")
    direction = Direction.ROLLBACK if rollback else Direction.CONTRACT
    with opened(project, database) as (session, gate):
        gate.sync_services(session)
        gate.tidy(session)
        reports = [
            gate.look(session, migration, direction) for migration in targets(session, database, project, target)
        ]
    if as_json:
        documents = [gate_json.document(report) for report in reports]
        emit_json(documents[0] if target is not None else {"migrations": documents})
    elif reports:
        click.echo("\n\n".join(in_own_words(gate_text.render(report)) for report in reports))
    else:
        click.echo("no migration waits for its contract", err=True)
    return worst([report.verdict for report in reports])


def worst(verdicts: list[Verdict]) -> int:
    """The exit code of the worst verdict, in the order 10, 11, 12."""
    from migrator.errors import GateBlocked, GateUnknown, GateWaiting
    from migrator.model.evidence import Verdict

    codes = {
        Verdict.BLOCK: GateBlocked.exit_code,
        Verdict.UNKNOWN: GateUnknown.exit_code,
        Verdict.SOAKING: GateWaiting.exit_code,
        Verdict.PASS: 0,
    }
    return min((codes[verdict] for verdict in verdicts if verdict is not Verdict.PASS), default=0)
