"""A process that parses ahead hands over the trees that were made, whole and of the right texts, and is gone then."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from migrator.cli.lint_sources import Read
from migrator.config import load
from migrator.errors import UsageError
from migrator.lint.ahead import Ahead
from migrator.lint.engine import Linter
from migrator.lint.forks import Fork
from migrator.lint.halves import lint_in_two
from migrator.lint.selection import everything
from migrator.reporting import lint_json
from migrator.sql import native
from tests.lint.linting import TODAY

FILL = "-- " + "so that it is worth a process " * 40
TEXTS = [f"CREATE TABLE größe{number} (id int);\n{FILL}\n" for number in range(30)]
BROKEN = ["CREATE TABL x;" + FILL, "DROP TABLE a;\0 DROP TABLE b;" + FILL, "SELECT " + "1+" * native.DEEP_TEXT + "1"]


def parsed(texts: list[str]) -> tuple[Ahead, Fork]:
    """One that has parsed everything."""
    ahead = Ahead(texts, forks=True)
    fork = ahead._fork
    assert fork is not None
    os.waitid(os.P_PID, fork._process, os.WEXITED | os.WNOWAIT)
    return ahead, fork


def every_text_that_parses_has_its_tree_and_no_other_has() -> None:
    ahead, _ = parsed([*TEXTS[:5], *BROKEN, *TEXTS[5:]])

    assert ahead.trees() == {text: native.serialized(text) for text in TEXTS}


def trees_asked_for_early_are_those_of_the_first_texts() -> None:
    texts = [f"{text}{number}" for number in range(40) for text in TEXTS]
    trees = Ahead(texts, forks=True).trees()

    assert list(trees) == texts[: len(trees)]
    assert all(tree == native.serialized(text) for text, tree in trees.items())


def a_tree_cut_off_is_left_out() -> None:
    ahead, fork = parsed(TEXTS)
    written = fork.so_far()
    first = 4 + len(native.serialized(TEXTS[0]))
    for cut, whole in ((0, 0), (3, 0), (first - 1, 0), (first, 1), (first + 2, 1), (len(written), len(TEXTS))):
        assert list(ahead._read(written[:cut])) == TEXTS[:whole]
    ahead.trees()


def no_process_is_started_where_there_may_be_none_or_it_is_not_worth_it() -> None:
    for texts, forks in ((TEXTS, False), (["SELECT 1"], True), ([], True)):
        ahead = Ahead(texts, forks=forks)
        assert ahead._fork is None
        assert ahead.trees() == {}


def what_is_found_is_the_same_with_trees_made_ahead() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, text in enumerate([*TEXTS, "ALTER TABLE größe1 DROP COLUMN id;\n" + FILL, *BROKEN]):
            (folder / f"{number:03}.sql").write_text(text)
        read = Read((folder,), load(folder), None, b"", runs=False)

        def found() -> str:
            report = lint_in_two(read.sources(), lambda: Linter(everything(), pg_version=14, today=TODAY), forks=False)
            return lint_json.text(report)

        alone = found()
        with read.ahead(forks=True) as ahead:
            fork = ahead._fork
            assert fork is not None
            os.waitid(os.P_PID, fork._process, os.WEXITED | os.WNOWAIT)
            ahead.take()
        assert len(native._known) == len(TEXTS) + 1
        assert found() == alone
        assert not native._known, "each was asked for"
        assert found() == alone, "and is parsed where it is asked for again"


def files_before_one_that_is_missing_come_first_then_the_error() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "a.sql").write_text(TEXTS[0])
        read = Read((folder / "a.sql", folder / "b.sql"), load(folder), None, b"", runs=False)
        with read.ahead(forks=True):
            pass

        sources = read.sources()
        assert next(sources).text == TEXTS[0]
        with pytest.raises(UsageError, match=r'no file or folder ".*b\.sql"'):
            next(sources)


def check() -> None:
    """Run by a process of its own, because threads of the test runner do not go well with a fork."""
    for behaviour in (
        every_text_that_parses_has_its_tree_and_no_other_has,
        trees_asked_for_early_are_those_of_the_first_texts,
        a_tree_cut_off_is_left_out,
        no_process_is_started_where_there_may_be_none_or_it_is_not_worth_it,
        what_is_found_is_the_same_with_trees_made_ahead,
        files_before_one_that_is_missing_come_first_then_the_error,
    ):
        behaviour()
        with pytest.raises(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)


@pytest.mark.skipif(sys.platform != "linux", reason="there is one process only where a fork is not safe")
def test_what_is_parsed_ahead():
    script = "from tests.lint.test_ahead import check; check()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_known_tree_is_taken_once_and_is_the_one_that_is_made():
    text = TEXTS[0]
    made = native.parse(text).SerializeToString()
    native.take_known({text: native.serialized("DROP TABLE known")})

    assert native.parse(text).stmts[0].stmt.WhichOneof("node") == "drop_stmt"
    assert native.parse(text).SerializeToString() == made
