"""What people take off the ledger's lists: an instance or a service that is gone, the past of another database."""

from __future__ import annotations

from migrator.config import Settings
from migrator.errors import Refused, UsageError
from migrator.gate import fence as fences
from migrator.ledger import decisions, overrides, services, state
from migrator.ledger import home as homes
from migrator.ledger.state import GateState
from migrator.postgres.session import Session


def retire(session: Session, project: str, service: str, instance: str, reason: str, actor: str) -> int:
    """Record that a stale instance is gone for certain, so that it does not count as running any more.

    Returns:
        How many processes of that name were retired, at least 1.

    Raises:
        Refused: there is none, it ended already, it still beats, or its service belongs to another project.
    """
    owner = services.window(session, service).project
    if owner not in (None, project):
        raise Refused(f'service "{service}" belongs to project "{owner}"')
    rows = services.matching(session, service, instance)
    running = [row for row in rows if row.running]
    if not running:
        ended = f", it is {rows[-1].state}" if rows else ""
        raise Refused(f'no instance "{instance}" of "{service}" counts as running{ended}')
    if live := [row for row in running if not row.stale]:
        raise Refused(
            f'instance "{instance}" of "{service}" beat {live[0].last_seen_s:.0f} s ago: it runs',
            hint="stop it; it leaves the list when it says bye, and can be retired when its ttl has passed",
        )
    with session.transaction(lock_timeout_ms=10_000):
        count = services.retire(session, service, instance, reason)
        facts = {"service": service, "instance": instance, "processes": count}
        decisions.append(session, project, None, "retire", None, [reason], facts, actor)
    return count


def retire_service(session: Session, settings: Settings, service: str, reason: str, actor: str) -> None:
    """Take a service off the list, so that no contract asks for it any more.

    Raises:
        Refused: it is not on the list of this project, or instances of it count as running.
        UsageError: the configuration still names it and would list it again.
    """
    if any(configured.name == service for configured in settings.gate.service):
        raise UsageError(
            f'service "{service}" is in the configuration, which would list it again',
            hint=f'remove [[tool.migrator.gate.service]] name = "{service}" from pyproject.toml first, in every '
            "checkout that is in use",
        )
    with session.transaction(lock_timeout_ms=10_000):
        listed = services.lock(session, settings.project)
        if service not in {known.name for known in listed}:
            names = ", ".join(known.name for known in listed) or "none"
            raise Refused(f'service "{service}" is not on the list', detail=f"on the list: {names}.")
        if running := [row for row in services.running(session, settings.project) if row.service == service]:
            shown = [
                f"{row.instance} ({'stale' if row.stale else 'live'}, {row.last_seen_s:.0f} s ago)"
                for row in running[:12]
            ]
            more = [f"and {len(running) - 12} more"] if len(running) > 12 else []
            raise Refused(
                f'service "{service}" still has {len(running)} instance{"" if len(running) == 1 else "s"} that'
                f" count{'s' if len(running) == 1 else ''} as running",
                detail="\n".join([*shown, *more]),
                hint=f'stop them; one that is gone for certain: migrator gate retire {service} INSTANCE --reason "…"',
            )
        services.retire_service(session, settings.project, service, reason)
        decisions.append(session, settings.project, None, "retire service", None, [reason], {"service": service}, actor)


def reset_clone(session: Session, settings: Settings, reason: str, actor: str) -> list[str]:
    """Make a copy of a database its own: what the ledger says of code that runs and of fences is set aside.

    For all projects, since the database is one. Code that runs against the copy beats again and counts from then on.
    What else keeps code out of the original, such as roles that cannot log in, is the original's and stays as it is.

    Returns:
        The instances that were set aside, ``service/instance``.

    Raises:
        Refused: this is the database that the ledger was made in.
    """
    where = homes.home(session)
    if not where.is_copy:
        raise Refused(
            f'database "{where.name}" is the one that the ledger was made in, and no copy',
            detail=f"system identifier {where.now_in[0]}, database oid {where.now_in[1]}.",
        )
    lowered: list[str] = []
    with session.transaction(lock_timeout_ms=10_000):
        projects = sorted({settings.project, *homes.projects(session)})
        for project in projects:
            services.lock(session, project)
            for record in state.all_records(session, project):
                if record.gate not in fences.UNDOABLE and not record.barriers:
                    continue
                kept = record.gate if record.gate not in fences.UNDOABLE else GateState.ABORTED
                cleared = {"soak_started_at": None, "fence_at": None, "fence_deadline": None, "fence_direction": None}
                state.set_gate(
                    session, project, record.id, kept, barriers=[], **(cleared if kept is GateState.ABORTED else {})
                )
                lowered.append(record.id)
            overrides.void(session, project)
            services.touch(session, project)
        ended = homes.settle(session, f"reset-clone: {reason}")
        facts = {
            "was": list(where.made_in),
            "is": list(where.now_in),
            "instances": ended,
            "fences": lowered,
            "projects": projects,
        }
        decisions.append(session, settings.project, None, "reset clone", None, [reason], facts, actor)
    return ended
