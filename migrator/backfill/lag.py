"""How far standbys are behind, from what the primary says about them.

``pg_stat_replication.replay_lag`` stands still while replay is paused and is NULL on an idle system (documentation of
the view, section 27.2), so time behind is measured here too: the primary's WAL position is noted at every look, and a
standby is behind by the age of the oldest note it has not reached.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MOST_BYTES_BEHIND = 256 * 1024 * 1024
_NOTES_KEPT_S = 600.0
_FINENESS = 16
"""Notes are kept at distances of a sixteenth of their age: about sixty for ten minutes, and a lag is told to 6 %."""


@dataclass(frozen=True, slots=True)
class Standby:
    """One physical standby as the primary sees it.

    Attributes:
        name: its ``application_name``, with its address where the name alone does not tell.
        replayed: WAL position it has replayed, in bytes from the start of WAL.
        replay_lag_s: the server's own measure; None: not known.
    """

    name: str
    replayed: int
    replay_lag_s: float | None


class LagTracker:
    """Turns looks at the primary into a reason to pause, or none.

    Args:
        most_lag_s: pause while any standby is further behind than this; None: never for its time.
        most_bytes: or further behind than this many bytes; None: never for them.
        notes: of another tracker, to go on from: time and position, oldest first.
    """

    def __init__(
        self,
        most_lag_s: float | None,
        most_bytes: int | None = MOST_BYTES_BEHIND,
        notes: Sequence[tuple[float, int]] = (),
    ) -> None:
        self._most_lag_s = most_lag_s
        self._most_bytes = most_bytes
        self._notes = list(notes)

    @property
    def notes(self) -> tuple[tuple[float, int], ...]:
        """Time and WAL position of earlier looks, oldest first."""
        return tuple(self._notes)

    def look(self, now_s: float, written: int, standbys: Iterable[Standby]) -> str | None:
        """Take a reading; which standby is how far behind, for people, or None.

        Args:
            now_s: time of the reading on any clock that does not go back.
            written: the primary's current WAL position in bytes.
            standbys: all physical standbys that stream.
        """
        self._note(now_s, written)
        worst: tuple[float, str] | None = None
        for standby in standbys:
            behind_s, behind_bytes = self._behind(now_s, standby), max(0, written - standby.replayed)
            excesses = []
            if self._most_lag_s is not None:
                text = f"{behind_s:.1f} s behind, limit {self._most_lag_s:g} s"
                excesses.append((behind_s / max(self._most_lag_s, 0.001), text))
            if self._most_bytes is not None:
                text = f"{behind_bytes >> 20} MB behind, limit {self._most_bytes >> 20} MB"
                excesses.append((behind_bytes / max(self._most_bytes, 1), text))
            for excess, text in excesses:
                if excess > 1 and (worst is None or excess > worst[0]):
                    worst = (excess, f"standby {standby.name} is {text}")
        return worst[1] if worst else None

    def _note(self, now_s: float, written: int) -> None:
        """Keep the look, and of the ones before it fewer the older they are."""
        kept: list[tuple[float, int]] = [(now_s, written)]
        for at_s, position in reversed(self._notes):
            age_s = now_s - at_s
            if age_s > _NOTES_KEPT_S:
                break
            if kept[-1][0] - at_s >= age_s / _FINENESS:
                kept.append((at_s, position))
        self._notes = kept[::-1]

    def _behind(self, now_s: float, standby: Standby) -> float:
        """Seconds since the oldest note the standby has not reached; never less than what the server measured."""
        measured = standby.replay_lag_s or 0.0
        for noted_s, position in self._notes:
            if position > standby.replayed:
                return max(measured, now_s - noted_s)
        # It has replayed everything noted: an old measurement says nothing about now.
        return 0.0
