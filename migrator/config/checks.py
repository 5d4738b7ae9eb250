"""What settings must be beyond the form of each."""

from __future__ import annotations

from pathlib import Path

from migrator.config.settings import BackfillSettings, Settings
from migrator.config.units import milliseconds, size_bytes
from migrator.errors import UsageError

_SHORTEST_LEASE_MS = 30_000
_NEEDED_KEY = {"sql": "query", "http": "url", "command": "command"}


def check(settings: Settings, source: Path | None) -> None:
    """Refuse values that do not fit each other.

    Args:
        source: the file they come from.

    Raises:
        UsageError: the first that does not fit.
    """
    at = str(source) if source else None
    names = [service.name for service in settings.gate.service]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f'service "{name}" is configured twice', at=at)
    if milliseconds(settings.gate.fence_lease) < _SHORTEST_LEASE_MS:
        raise UsageError(
            f"gate.fence_lease is {settings.gate.fence_lease}, at least 30s is needed",
            at=at,
            detail="a refused lock is tried again after up to 10 s, and the fence must stand meanwhile.",
        )
    _check_backfill(settings.backfill, at)
    for rate in ("scan_rate", "build_rate", "rewrite_rate"):
        if not size_bytes(getattr(settings.lint.sizes, rate)):
            raise UsageError(f"lint.sizes.{rate} is nothing in a second", at=at, hint="write a size, as in 100MB")
    for asked in settings.gate.source:
        key = _NEEDED_KEY.get(asked.kind)
        if key and not getattr(asked, key):
            raise UsageError(f'a source of kind "{asked.kind}" needs "{key}"', at=at)
        if asked.service and asked.service not in names:
            raise UsageError(f'source "{asked.kind}" speaks of service "{asked.service}", which is not listed', at=at)
    for service in settings.gate.service:
        if service.expect == "zero" and not service.reason.strip():
            raise UsageError(
                f'service "{service.name}" expects zero instances without a reason', at=at, hint='add reason = "…"'
            )
        # A beat every ttl/3 must not be more than one a second.
        if milliseconds(service.ttl) < 3_000:
            raise UsageError(f'service "{service.name}" has a ttl of {service.ttl}, at least 3s is needed', at=at)


def _check_backfill(settings: BackfillSettings, at: str | None) -> None:
    for signal in settings.signal:
        if not getattr(signal, _NEEDED_KEY[signal.kind]):
            raise UsageError(f'signal "{signal.name}" needs "{_NEEDED_KEY[signal.kind]}"', at=at)
        if signal.kind == "http" and not signal.url.startswith(("http://", "https://")):
            raise UsageError(f'signal "{signal.name}" has a url that is neither http nor https', at=at)
    if settings.time_zone != "UTC":
        import zoneinfo  # many milliseconds, for commands that start in few

        try:
            zoneinfo.ZoneInfo(settings.time_zone)
        except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
            raise UsageError(f'backfill.time_zone "{settings.time_zone}" is not known here', at=at) from None
