"""Properties that are found out when they are first asked for.

``functools.cached_property`` is the same with a lock around it, which takes longer than most of the answers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

Answer = TypeVar("Answer")


class asked_once(Generic[Answer]):  # noqa: N801 - used as a decorator, as property is
    """A property whose answer is kept in the object; for objects that one thread uses."""

    def __init__(self, answer: Callable[[Any], Answer]) -> None:
        self._answer = answer
        self.__doc__ = answer.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, one: Any, owner: type | None = None) -> Answer:
        answer = one.__dict__[self._name] = self._answer(one)
        return answer
