"""Pure: since when the look has been clean, from samples and from what remembering sources prove."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from migrator.ledger.services import Sample
from migrator.model.evidence import Soak

_CLOCK_TOLERANCE = timedelta(seconds=1)
"""Samples are stamped by the server's clock; one from the future means that the clock went back."""


def clean_since(
    samples: Sequence[Sample],
    remembered: datetime | None,
    *,
    now: datetime,
    identity: tuple[str, int],
    max_gap_s: float | None,
    same_server: bool = True,
) -> datetime | None:
    """The moment since which every look was clean and none can have missed old code; None: not clean now.

    Args:
        samples: what looks came to, oldest first, the current one last.
        remembered: the moment from which sources that remember prove that no old code ran; None: they set no bound.
        now: the database's clock at the current look.
        identity: system identifier and timeline of the server; a sample from another one ends the run, because a
            failover may have lost beats.
        same_server: whether the server is the one that expanded the migration; if not, a failover may have lost beats
            that no sample tells of, and memory reaches no further back than the looks.
        max_gap_s: longest gap between samples in seconds, inclusive; None: no source needs to be looked at that often.
    """
    if any(moment > now + _CLOCK_TOLERANCE for moment in [sample.at for sample in samples] + [remembered or now]):
        return None
    run_start: datetime | None = None
    interrupted = False
    after = now
    for sample in reversed(samples):
        interrupted = (
            not sample.clean
            or (sample.system_identifier, sample.timeline_id) != identity
            or (max_gap_s is not None and (after - sample.at).total_seconds() > max_gap_s)
        )
        if interrupted:
            break
        run_start = after = sample.at
    if run_start is None:
        return None
    if remembered is None:
        return run_start
    # Sources that all remember prove more than the looks do, unless something came in between.
    reaches_back = max_gap_s is None and same_server and not interrupted
    return min(now, remembered if reaches_back else max(run_start, remembered))


def soak(since: datetime | None, *, now: datetime, needs_s: float) -> Soak:
    """How much of the required time has passed."""
    return Soak(since, needs_s, max(0.0, (now - since).total_seconds()) if since else 0.0)
