"""Two processes find what one finds, in its order, and one goes on alone where the other dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable

import pytest

from migrator.lint.engine import Linter
from migrator.lint.halves import cut_of, lint_in_two
from migrator.lint.registry import all_rules
from migrator.lint.report import Report
from migrator.lint.selection import everything
from migrator.lint.sources import Source, Standing
from migrator.model.phase import Phase
from migrator.reporting import lint_json, lint_junit, lint_text
from tests.lint.linting import TODAY, report_on

HERE = os.getpid()


def history() -> list[Source]:
    """Every example of every rule, with what needs a whole history: a base, waivers, phases, levels, includes."""
    base = Source("base.sql", "CREATE TABLE there (id int); CREATE FUNC", standing=Standing.BASE)
    bodies = ["DROP TABLE t;", "EXECUTE x;", "NEW.a := 1;", "UPDATE t SET a = 1;", "IF;"]
    functions = [
        f"CREATE FUNCTION made{number}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$;"
        for number, body in enumerate(bodies)
    ]
    files = [base, Source("functions.sql", "\n".join(functions))]
    examples = [each for rule in all_rules().values() for each in (*rule.good, *rule.bad)]
    for number, example in enumerate(examples):
        name = f"{number:04}/expand.sql"
        level = number % 7 or None
        sql = f"{example.sql}\n-- {'so that it is long enough ' * 6}\n"
        standing = Standing.NEW if number % 3 else Standing.EDITED
        files.append(Source(name, sql, example.phase, example.phase is not None, standing=standing, level=level))
        if number % 11 == 0:
            text = f"-- migrator: allow BC001 because it is so\nDROP TABLE t;\n{example.sql}"
            files.append(Source(f"{number:04}/again.sql", text, Phase.EXPAND))
            files.append(Source(f"{number:04}/again.sql", "DROP TABLE u;", continues=True))
            files.append(Source(f"{number:04}/latin.sql", "DROP TABLE v; SELEC", unreadable=("not UTF-8", 1, 1)))
    calls = [f"SELECT made{number}();" for number in range(len(bodies))]
    return [*files, Source("calls.sql", "\n".join(calls))]


def linter() -> Linter:
    return Linter(everything(), pg_version=14, today=TODAY)


class Dying(Linter):
    """One that is killed if it runs in another process than this."""

    def walk(self, sources: Iterable[Source], *, silent: bool = False) -> Report:
        if os.getpid() != HERE:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().walk(sources, silent=silent)


def shown(report: Report) -> str:
    rest = [str(report.not_in_base), lint_junit.text(report)]
    return "\n".join([lint_json.text(report), *lint_text.lines(report), *rest])


def compare() -> None:
    """Run by a process of its own, because threads of the test runner do not go well with a fork."""
    sources = history()
    alone = shown(linter().run(sources))
    assert shown(lint_in_two(iter(sources), linter, forks=True)) == alone
    assert os.times().children_user > 0.01, "there was no second process"
    died = lint_in_two(iter(sources), lambda: Dying(everything(), pg_version=14, today=TODAY), forks=True)
    assert shown(died) == alone
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return
    raise AssertionError("a process is left behind")


@pytest.mark.skipif(sys.platform != "linux", reason="there is one process only where a fork is not safe")
def test_two_processes_find_what_one_finds():
    script = "from tests.lint.test_halves import compare; compare()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_both_processes_get_as_much_to_do():
    files = [Source(f"{number}.sql", "x" * 1_000) for number in range(300)]

    # 0.33 to take a file in, 0.67 for the rules, 0.3 to parse it; 0.05 of all at the end
    assert cut_of(files) == 208  # 208 * 1.3 = 208 * 0.63 + 92 * 1.3 + 0.05 * 300 * 1.3
    assert cut_of(files, lambda _: True) == 189  # 189 = 189 * 0.33 + 111 + 0.05 * 300


def test_the_first_process_gets_more_files_where_those_of_the_other_are_yet_to_be_parsed():
    files = [Source(f"{number}.sql", str(number).zfill(1_000)) for number in range(300)]

    assert cut_of(files, lambda text: int(text) < 200) > cut_of(files, lambda _: True)


def test_what_is_only_taken_in_is_not_split():
    known = [Source(f"{number}.sql", "x" * 1_000, standing=Standing.KNOWN) for number in range(300)]

    assert cut_of(known) == 0
    assert cut_of([*known, Source("new.sql", "x" * 1_000)]) == 0


def test_few_files_and_one_large_one_stay_with_one_process():
    assert cut_of([Source(f"{number}.sql", "x" * 1_000) for number in range(50)]) == 0
    assert cut_of([Source("large.sql", "x" * 1_000_000)]) == 0
    assert cut_of([]) == 0


def test_a_file_that_comes_in_pieces_stays_together():
    files = [Source(f"{number}.sql", "x" * 1_000, continues=number not in (0, 250)) for number in range(300)]

    assert cut_of(files) == 250


def test_nothing_to_lint_is_nothing_found():
    assert shown(lint_in_two([], linter, forks=True)) == shown(report_on(selection=everything()))
