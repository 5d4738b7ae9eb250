"""Whose role, whose session: from the name of a role or an application to service and level. Pure."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass

from migrator.config import IgnoredRole
from migrator.ledger.services import Service

_ROLE_LEVEL = re.compile(r"_l([0-9]{1,9})\Z")
_APPLICATION = re.compile(r"(?P<service>[^/]+)/(?P<version>.*)/(?P<level>[0-9]{1,9})\Z")
_LONGEST_APPLICATION_NAME = 63  # bytes the server keeps; a name that fills them may have lost digits of its level


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose session it is.

    Attributes:
        service: None: nobody knows.
        level: None: not known, or two statements about it disagree.
        why: what is unclear; empty when nothing is.
    """

    service: str | None
    level: int | None
    version: str = ""
    why: str = ""


def owner_of(role: str | None, application_name: str, services: Iterable[Service]) -> Owner:
    """The service and level a session belongs to, by its role and its application_name.

    Args:
        role: None: it was dropped since.
        application_name: of the form ``service/version/level``, or anything else.
        services: those listed.
    """
    services = tuple(services)
    by_role = services_of(role, services)
    stated = None
    if len(application_name.encode()) < _LONGEST_APPLICATION_NAME:
        stated = _APPLICATION.match(application_name)
    names = {service.name for service in services}
    claimed = stated["service"] if stated and stated["service"] in names else None
    if claimed is not None and by_role and claimed not in by_role:
        return Owner(
            None, None, "", f'role "{role}" belongs to {" and ".join(by_role)}, application_name says {claimed}'
        )
    service = claimed or (by_role[0] if len(by_role) == 1 else None)
    if service is None:
        if len(by_role) > 1:
            return Owner(None, None, "", f'role "{role}" belongs to {" and ".join(by_role)}')
        if stated:
            return Owner(None, None, "", f'service "{stated["service"]}" is not listed')
        return Owner(None, None, "", f'neither role "{role}" nor application_name "{application_name}" names a service')
    suffix = level_of(role) if by_role else None
    levels = {suffix} if suffix is not None else set()
    if stated and claimed:
        levels.add(int(stated["level"]))
    version = stated["version"] if stated and claimed else ""
    if len(levels) != 1:
        why = "its level is not known" if not levels else f"role and application_name disagree: levels {sorted(levels)}"
        return Owner(service, None, version, why)
    return Owner(service, levels.pop(), version)


def services_of(role: str | None, services: Iterable[Service]) -> list[str]:
    """Names of the services that list a role."""
    return [service.name for service in services if any(matches(role, pattern) for pattern in service.db_roles)]


def level_of(role: str | None) -> int | None:
    """The level a role says it is for, ``web_l42``; None: it says none."""
    suffix = _ROLE_LEVEL.search(role) if role else None
    return int(suffix[1]) if suffix else None


def matches(role: str | None, pattern: str) -> bool:
    """Whether a role fits a pattern of ``*`` and ``?``; case counts."""
    return role is not None and fnmatch.fnmatchcase(role, pattern.replace("[", "[[]"))


def is_ignored(role: str | None, ignored: Iterable[IgnoredRole]) -> bool:
    """Whether the sessions of a role say nothing about the application."""
    return any(matches(role, one.role) for one in ignored)
