"""Functions that users made, and the triggers that call them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TriggerFunction:
    """A function of a trigger, whose text reads or writes a table by its name.

    Attributes:
        name: qualified.
        is_own: whether the trigger is on that very table.
        is_qualified: whether it has the schema before the name somewhere.
    """

    name: str
    is_own: bool
    is_qualified: bool


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger users made.

    Attributes:
        definition: ``pg_get_triggerdef``, with everything qualified.
        enabled: as in ``pg_trigger.tgenabled``: ``O`` as it was made, ``D`` disabled, ``A`` always, ``R`` on replicas.
        comment: its comment, or None.
        goes: whether a statement before, of the same script, drops it.
    """

    name: str
    definition: str
    enabled: str = "O"
    comment: str | None = None
    goes: bool = False


@dataclass(frozen=True, slots=True)
class Routine:
    """A function or procedure that users made.

    Attributes:
        definition: ``pg_get_functiondef``, with everything qualified; empty for aggregates.
        users: what uses it, as the server describes it.
        stored_in: those of them that keep what it returned: indexes, CHECKs, generated columns, partition keys.
        mentioned_by: functions whose text mentions its name.
        fired_by: triggers that call it: schema and name of the table, the trigger, and how ``users`` has it; one that a
            partition has from its parent is told for each table above it as well.
        belongings: statements that give one made anew the owner, privileges and comment that it has.
        goes: whether a statement before, of the same script, drops it.
    """

    definition: str
    users: tuple[str, ...] = ()
    stored_in: tuple[str, ...] = ()
    mentioned_by: tuple[str, ...] = ()
    fired_by: tuple[tuple[str, str, str, str], ...] = ()
    belongings: tuple[str, ...] = ()
    goes: bool = False
