"""From the rewrite of a statement to edits of its file: where each new statement goes, and in which transaction.

What has to commit by itself cannot be written into a transaction of several statements. Whether there is one is said by
BEGIN and COMMIT, by the header of a step in a phase file, or by whatever runs the file: then the file is marked in that
runner's own words, unless other statements rely on being committed together.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from operator import itemgetter

from msgspec import Struct

from migrator.lint.asking import asked_once
from migrator.lint.enclosing import BEGINS, ENDS, NotFixable, Transaction, keeps, needs_one
from migrator.lint.parts import Part
from migrator.lint.repairs import Repair
from migrator.lint.runners import outside_mark, sent_as_one
from migrator.lint.sources import Source
from migrator.lint.transactions import Membership, file_directive
from migrator.model.finding import Edit, Fix
from migrator.sql.lexing import Mark, marks
from migrator.sql.parser import Comment, Statement

_APART = "other statements of the file would no longer commit together with it"


class Standpoint(Struct, frozen=True, gc=False):
    """Where a statement stands.

    Attributes:
        index: of the statement in its part.
        membership: whether it runs in a transaction with others.
        begun: whether a BEGIN of the file itself is open.
    """

    index: int
    membership: Membership
    begun: bool


class Repairs:
    """Puts the repairs of one part into effect; what they share is found out once, when it is first asked for."""

    def __init__(self, part: Part, alone: Collection[int]) -> None:
        """Args: the part, and which of its statements are to commit by themselves, so that they do not mind."""
        self.part = part
        self._alone = alone
        self._inside: dict[int, Transaction] = {}

    def fix(self, repair: Repair, at: Standpoint) -> Fix:
        """The edits of the file that put a repair of the statement at ``at`` into effect.

        Raises:
            NotFixable: it cannot be done there.
        """
        part = self.part
        statement = part.script.statements[at.index]
        start, end = statement.offset, statement.offset + len(statement.text)
        text = part.source.text
        if statement.block is not None:
            raise NotFixable("it is run by a DO block or a function")
        if part.source.written_in is not None:
            raise NotFixable("revisions in Python are not edited")
        if not part.literal or text[start:end] != part.script.source[start:end]:
            raise NotFixable("placeholders or comments of the runner stand in it")
        edits = _Edits(self, at.index)
        remark, claimed = repair.remark, (start, end)
        if repair.alone:
            if (repair.before or repair.after) and self.sent_as_one:
                raise NotFixable(self.sent_as_one)
            if part.source.phased:
                written = " ".join((statement.text, *(edit.text for edit in repair.edits)))
                edits.leave_group(at.membership, is_concurrent=_is_long(written))
            elif at.begun:
                left = self._left_transaction(edits, at.index)
                claimed = left.start, left.end
                remark = remark or (_APART if left.minding - {at.index} else edits.mark_outside(at.index))
            elif at.membership is not Membership.OUTSIDE:
                remark = remark or edits.mark_outside(at.index)
        edits.around(repair.before, repair.after, part.script.statements[at.index + repair.behind])
        edits.own(repair.edits)
        if repair.removes:
            edits.take_out(statement)
        offset = part.source.offset
        return Fix(
            edits.of_file(offset), claimed[0] + offset, claimed[1] + offset, not remark, remark, repair.migration
        )

    @asked_once
    def new_line(self) -> str:
        """What ends the lines of the file."""
        return "\r\n" if "\r\n" in self.part.source.text else "\n"

    @asked_once
    def sent_as_one(self) -> str:
        """Why a second statement would share a transaction with the first; or nothing."""
        return sent_as_one(self.part.source.name, self.part.source.text)

    @asked_once
    def mark(self) -> Edit | str | None:
        """What keeps the runner from putting a transaction around the part; see ``runners.outside_mark``."""
        source = self.part.source
        if not self.part.whole or self.part.continues:
            return "what else is in its transaction cannot be told: the file is in several parts"
        comments = [(each.text, each.offset) for each in self.part.script.comments]
        return outside_mark(source.name, source.text, comments, is_first=source.offset == 0)

    @asked_once
    def is_outside(self) -> bool:
        """Whether it is said that the runner puts no transaction around the part."""
        return self.part.source.wrapped is False or file_directive(self.part.script.comments) is False

    @asked_once
    def minding(self) -> frozenset[int]:
        """Statements that rely on a transaction that the runner may put around the part."""
        found, begun = set(), False
        for number, statement in enumerate(self.part.script.statements):
            if statement.kind == "transaction_stmt":
                begun = statement.node.kind in BEGINS or (begun and statement.node.kind not in ENDS)
            elif not begun and number not in self._alone and not keeps(statement):
                found.add(number)
        return frozenset(found)

    @asked_once
    def bound(self) -> str:
        """What of the part only works in the transaction that the runner may put around it; or nothing."""
        begun = False
        for statement in self.part.script.statements:
            if statement.kind == "transaction_stmt":
                begun = statement.node.kind in BEGINS or (begun and statement.node.kind not in ENDS)
            if not begun and (found := needs_one(statement)):
                return found
        return ""

    @asked_once
    def step_ids(self) -> list[str]:
        """Names of the steps of a phase file that have one."""
        comments = self.part.script.comments
        return [each.body.split()[1] for each in comments if _NAMED.match(each.body)]

    @asked_once
    def groups(self) -> list[str]:
        """The transaction groups in the headers of a phase file, as often as they are named."""
        comments = (each for each in self.part.script.comments if each.body.startswith("step:"))
        return [match[1] for each in comments if (match := _GROUP.search(each.text))]

    @asked_once
    def _controls(self) -> list[int]:
        """Indexes of BEGIN, COMMIT and their like."""
        statements = self.part.script.statements
        return [number for number, each in enumerate(statements) if each.kind == "transaction_stmt"]

    def _left_transaction(self, edits: _Edits, index: int) -> Transaction:
        """Take a statement out of its BEGIN and COMMIT.

        Raises:
            NotFixable: the transaction is not all there, or what is in it depends on it in other ways.
        """
        statements = self.part.script.statements
        place = bisect_left(self._controls, index)
        around = self._controls[max(place - 2, 0) : place], self._controls[place : place + 1]
        known = self._inside.get(place)
        if known is None:
            known = self._inside[place] = Transaction.between(statements, *around)
        if known.set_local is not None and known.set_local < index:
            raise NotFixable("SET LOCAL before it holds for its transaction only")
        own, first, last = statements[index], known.first, known.last
        if first + 1 == index:
            edits.take_out(statements[first])
        else:
            edits.add(edits.head, edits.head, f"COMMIT;{edits.lead}", rank=-1)
        if last - 1 == index:
            edits.take_out(statements[last])
        else:
            behind = own.offset + len(own.text)
            edits.add(behind, behind, f";{edits.lead_behind(own)}{statements[first].text}", rank=3)
        return known


def without(source: Source, comment: Comment) -> Fix | None:
    """A comment taken out, with its line if nothing else is on it; None where it does not stand in the file so."""
    text, start, end = source.text, comment.offset, comment.offset + len(comment.text)
    if source.written_in is not None or text[start:end] != comment.text:
        return None
    own_start, own_end = start, end
    line_start, line_end = text.rfind("\n", 0, start) + 1, text.find("\n", end) + 1 or len(text)
    if not text[end:line_end].strip():
        if text[line_start:start].strip():
            own_start = line_start + len(text[line_start:start].rstrip())
        else:
            own_start, own_end = line_start, line_end
    offset = source.offset
    parts_words = text[start - 1 : start].strip() and text[end : end + 1].strip()
    edit = Edit(own_start + offset, own_end + offset, " " if parts_words else "")
    return Fix((edit,), edit.start, edit.end)


class _Edits:
    """The edits of one fix as places in the part."""

    def __init__(self, repairs: Repairs, index: int) -> None:
        part = repairs.part
        statement = part.script.statements[index]
        self._repairs = repairs
        self._part = part
        self._number = index + 1
        self._text = part.source.text
        self._statement = statement
        self._start = statement.offset
        self._found: list[tuple[int, int, Edit]] = []
        self._new_line = repairs.new_line
        line = self._text.rfind("\n", 0, self._start) + 1
        before = self._text[line : self._start]
        self._indent = before if before.isspace() else ""
        self.lead = " " if before.strip() else f"\n{self._indent}"

    def add(self, start: int, end: int, text: str, rank: int = 0) -> None:
        """Take an edit in; of several insertions at one place those of lower rank come first."""
        self._found.append((start, rank, Edit(start, end, text.replace("\n", self._new_line))))

    def own(self, edits: Sequence[Edit]) -> None:
        """Edits inside the statement."""
        for edit in edits:
            self.add(edit.start, edit.end, edit.text, rank=1)

    def around(self, before: Sequence[str], after: Sequence[str], last: Statement) -> None:
        """New statements before the statement and behind ``last``, whose semicolon ends the last of them."""
        end = last.offset + len(last.text)
        lead = f"\n{self._indent}"
        behind = self.lead_behind(last)
        head = self.head if before else self._start
        steps = iter(self._step_headers((*before, *after)))
        for sql in before:
            step = next(steps)
            self.add(head, head, f"{step}{lead}{sql};\n{lead}" if step else f"{sql};{self.lead}")
        for sql in after:
            step = next(steps)
            self.add(end, end, f";\n{lead}{step}{lead}{sql}" if step else f";{behind}{sql}", rank=2)

    def lead_behind(self, statement: Statement) -> str:
        """What stands between a statement and one that is put behind it.

        Statements that share a line stay on it: a waiver there holds for all of them.
        """
        end = statement.offset + len(statement.text)
        line_end = self._text.find("\n", end)
        rest = self._text[end : line_end if line_end >= 0 else len(self._text)].strip().removeprefix(";").strip()
        return " " if rest and not rest.startswith("--") else f"\n{self._indent}"

    def leave_group(self, membership: Membership, *, is_concurrent: bool) -> None:
        """Let a step of a phase file commit by itself; outside any transaction only where it cannot be in one.

        Raises:
            NotFixable: others are in its group.
        """
        header = self._step()
        match = _GROUP.search(header.text) if header else None
        if header is None or match is None or match[1] == "none":
            return
        if membership is Membership.INSIDE and self._repairs.groups.count(match[1]) > 1:
            raise NotFixable(f"other steps are in transaction={match[1]} as well")
        if is_concurrent:
            self.add(header.offset + match.start(1), header.offset + match.end(1), "none")

    def mark_outside(self, index: int) -> str:
        """Mark the file so that its runner puts no transaction around it; what becomes different by that.

        Raises:
            NotFixable: the runner has no word for it, or the rest of the file is not known here.
        """
        if self._repairs.is_outside:
            return ""
        if self._repairs.bound:
            raise NotFixable(f"{self._repairs.bound} needs the transaction around the file")
        mark = self._repairs.mark
        if isinstance(mark, str):
            raise NotFixable(mark)
        if mark is not None:
            self.add(mark.start, mark.end, mark.text, rank=-2)
        return _APART if self._repairs.minding - {index} else ""

    def take_out(self, statement: Statement) -> None:
        """Remove a statement with its semicolon, and its line if nothing else is on it."""
        text = self._text
        start, end = statement.offset, statement.offset + len(statement.text)
        if text.startswith(";", end):
            stop = end + 1
        else:
            semicolon = next((each for each in marks(text[end:]) if each.mark is Mark.END), None)
            if semicolon is None:
                self.add(start, end, "")
                return
            stop = end + semicolon.end
        if text[end : stop - 1].strip():
            self.add(start, end, "")
            self.add(stop - 1, stop, "")
            return
        line_start = text.rfind("\n", 0, start) + 1
        line_end = text.find("\n", stop)
        line_end = len(text) if line_end < 0 else line_end + 1
        is_alone = not text[line_start:start].strip() and not text[stop:line_end].strip()
        self.add(*((line_start, line_end) if is_alone else (start, stop)), "")

    def of_file(self, offset: int) -> tuple[Edit, ...]:
        """All edits in order, as places in the file; insertions at one place made one."""
        result: list[Edit] = []
        for _, _, edit in sorted(self._found, key=_PLACE):
            moved = Edit(edit.start + offset, edit.end + offset, edit.text) if offset else edit
            last = result[-1] if result else None
            if last is not None and last.start == last.end == moved.start:
                result[-1] = Edit(moved.start, moved.end, last.text + moved.text)
            else:
                result.append(moved)
        return tuple(result)

    @asked_once
    def head(self) -> int:
        """Where statements before it go: above comments to migrator that belong to it."""
        if self._part.source.phased and (header := self._step()):
            return header.offset
        place = self._start - len(self._indent)
        lines = 0
        while place > 0:
            above = self._text.rfind("\n", 0, place - 1) + 1
            line = self._text[above:place].strip()
            if not line.startswith("--") or not _ITS_OWN.match(line):
                break
            place = above
            lines += 1
        if not lines:
            return self._start
        line = self._text[place : self._text.find("\n", place)]
        return place + len(line) - len(line.lstrip())

    def _step(self) -> Comment | None:
        own = (each for each in self._statement.comments if each.offset < self._start)
        return next((each for each in own if each.body.startswith("step:")), None)

    def _step_headers(self, added: Sequence[str]) -> Iterator[str]:
        """For each added statement the header that makes a step of it; empty outside phase files."""
        if not self._part.source.phased:
            yield from [""] * len(added)
            return
        header = self._step()
        words = header.body.split() if header else []
        name = words[1] if len(words) > 1 else f"statement-{self._number}"
        taken = self._repairs.step_ids
        number = 0
        for sql in added:
            number += 1
            while f"{name}-{number}" in taken:
                number += 1
            yield f"-- step: {name}-{number}" + (" transaction=none" if _is_long(sql) else "")


_PLACE = itemgetter(0, 1)
_NAMED = re.compile(r"step:\s+\S")
_GROUP = re.compile(r"\btransaction=([\w.-]+)")
_ITS_OWN = re.compile(r"--\s*(?:migrator:\s*allow\b|step:|locks:|why:|verify:|key:|loses:)")


def _is_long(sql: str) -> bool:
    """Whether a statement runs for long under a lock that hardly anybody minds, so that it gets no timeout."""
    return _LONG.search(sql) is not None


_LONG = re.compile(r"\b(?:CONCURRENTLY|VALIDATE CONSTRAINT|ANALYZE)\b", re.IGNORECASE)
