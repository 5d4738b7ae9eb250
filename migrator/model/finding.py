"""What lint reports at a file and line."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from migrator.model.stats import TableSize
    from migrator.model.trace import Traced


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


class Effort(StrEnum):
    """What the server does while it holds the lock: how long that takes depends on it."""

    NONE = ""
    BRIEF = "brief"
    """The catalog only: no longer for a large table, but it waits behind every transaction that uses the table."""
    SCAN = "scan"
    BUILD = "build"
    REWRITE = "rewrite"


class Breaks(StrEnum):
    """What fails, apart from those who wait for a lock."""

    READS = "reads"
    WRITES = "writes"
    UPSERTS = "upserts"
    PREPARED = "prepared statements"
    AFTER_ROLLBACK = "code after a rollback"
    REPLICATION = "replication"
    DATA = "data"
    MIGRATION = "the migration itself"


class Edit(Struct, frozen=True, gc=False):
    """Text to put in the place of another; ``start`` and ``end`` (exclusive) are in characters of the file.

    A byte order mark counts as no character, a line end of two characters as two.
    """

    start: int
    end: int
    text: str


class Fix(Struct, frozen=True, gc=False):
    """The safe rewrite of a finding as edits of its file, in order, none touching another.

    Attributes:
        edits: they belong together: all or none.
        start: first character of what they rely on; two fixes that rely on the same text are not applied at once.
        end: index behind its last.
        is_safe: whether the file still ends with the same schema, in the same order and as atomic as before.
        remark: if it is not, what is different.
        migration: title of the phased migration that the statement is moved to; empty: it stays.
    """

    edits: tuple[Edit, ...]
    start: int
    end: int
    is_safe: bool = True
    remark: str = ""
    migration: str = ""


class Finding(Struct, frozen=True, gc=False):
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
        traced: what the statement did on the scratch server; None if it was not traced.
        relation: the table that ``lock_mode`` is taken on, as SQL; empty where the statement does not name it.
        work: what the server does while it holds the lock.
        breaks: what fails because of it: statements of the running version, data, the migration itself.
        repair: edits of the file that do what ``fix`` says; None if nothing mechanical does.
        unfixed: why a rule that has a mechanical rewrite has none here.
        size: of the table it is about; None: nobody said, or no table.
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
    relation: str = ""
    work: Effort = Effort.NONE
    breaks: tuple[Breaks, ...] = ()
    traced: Traced | None = None
    repair: Fix | None = None
    unfixed: str = ""
    size: TableSize | None = None

    @property
    def headline(self) -> str:
        """The message with the size of the table, which changes while the finding is the same."""
        return f"{self.message} ({self.size.title})" if self.size else self.message


def seen_from(root: str, name: str) -> str:
    """The path of a file from a folder, however it was named; as it was if there is no folder, or it is no file."""
    if not root or name == "stdin":
        return name
    try:
        return os.path.relpath(name, root)
    except ValueError:  # on another drive
        return name


def fingerprints(findings: Iterable[Finding], root: str = "") -> list[str]:
    """For each finding 32 hexadecimal digits that stay the same while the statement and its file do, wherever it moves.

    They depend on the rule, the file, the message and the statement without its white space, and number those that are
    alike in the order given: of two equal statements the second keeps its own.

    Args:
        findings: in order.
        root: folder of the project, so that it does not count from which folder, or how, a file was named.
    """
    import hashlib  # loads OpenSSL; only some formats need it

    seen: Counter[bytes] = Counter()
    result = []
    for finding in findings:
        key = (
            finding.code,
            seen_from(root, finding.file).replace("\\", "/"),
            finding.message,
            " ".join(finding.statement.split()),
        )
        text = "\0".join(key).encode(errors="surrogatepass")
        alike = hashlib.sha256(text).digest()  # the texts themselves would take more than the findings
        result.append(hashlib.sha256(text + b"\0%d" % seen[alike]).hexdigest()[:32])
        seen[alike] += 1
    return result
