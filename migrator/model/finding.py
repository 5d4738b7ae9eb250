"""What lint reports at a file and line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """``error``: production is harmed; ``warning``: it may be; ``info``: worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Category(StrEnum):
    """Which promise a finding is about."""

    BACKWARD = "backward"
    LOCK = "lock"
    DATA_LOSS = "data-loss"
    ROLLBACK = "rollback"
    POLICY = "policy"


@dataclass(frozen=True, slots=True)
class Finding:
    """One hazard at one place.

    Attributes:
        code: stable code of the rule, ``LK001``.
        rule: stable name of the rule, which says what is wrong.
        line: 1-based line where the offending part starts.
        column: 1-based column in characters.
        end_line: 1-based last line of the statement, inclusive.
        statement: the whole statement.
        lock_mode: PostgreSQL's spelling, or an empty string.
        blocks: whom the lock makes wait.
        why: what happens to whom.
        fix: SQL or words to put in its place; may be empty.
        length: number of characters to underline on ``line``, at least 1.
    """

    code: str
    rule: str
    severity: Severity
    category: Category
    message: str
    file: str
    line: int
    column: int
    end_line: int
    statement: str
    lock_mode: str = ""
    blocks: str = ""
    why: str = ""
    fix: str = ""
    length: int = 1
