"""``migrator lint`` beside squawk and sqlfluff, one after another in each round; and whether its memory stays flat.

    python benchmarks/lint.py [--files N] [--rounds N] [--large]

Linters of others are taken from PATH if they are there: ``pip install squawk-cli sqlfluff`` (the wheel of squawk-cli
has its program in it). sqlfluff only parses. Prints medians of wall time, CPU time and the most memory of each.
``--large`` adds 10,000 files, and one file of 10 and of 50 MB, for which memory must not grow with the number of files,
and by a part of the size of the file only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lint_files import write

OURS = [sys.executable, "-c", "from migrator.cli import main; main()", "lint"]


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a program: wall time, CPU time of all its processes, and the most memory that one held."""

    seconds: float
    cpu_seconds: float
    megabytes: float


def measured(command: Sequence[str]) -> Run:
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    return Run(time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def interleaved(commands: dict[str, Sequence[str]], rounds: int) -> dict[str, Run]:
    """Medians; every round runs each command once, so that what else the machine does is the same for all."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for command in commands.values():
        measured(command)  # so that the files are in memory
    for _ in range(rounds):
        for name, command in commands.items():
            runs[name].append(measured(command))
    return {
        name: Run(
            statistics.median(run.seconds for run in own),
            statistics.median(run.cpu_seconds for run in own),
            statistics.median(run.megabytes for run in own),
        )
        for name, own in runs.items()
    }


def peers(folder: Path, files: int) -> dict[str, Sequence[str]]:
    names = sorted(str(path) for path in folder.glob("*.sql"))
    commands: dict[str, Sequence[str]] = {"migrator": [*OURS, str(folder)]}
    if squawk := shutil.which("squawk"):
        commands["squawk"] = [squawk, *names]
    if (sqlfluff := shutil.which("sqlfluff")) and files <= 100:
        commands["sqlfluff parse"] = [sqlfluff, "parse", "--dialect", "postgres", str(folder)]
    return commands


def show(title: str, found: dict[str, Run]) -> None:
    print(title)
    ours = found["migrator"]
    for name, run in found.items():
        print(
            f"  {name:<16} {run.seconds:8.3f} s   CPU {run.cpu_seconds:8.3f} s   {run.megabytes:6.0f} MB"
            f"   {run.seconds / ours.seconds:6.2f} and {run.cpu_seconds / ours.cpu_seconds:6.2f} of ours"
        )


def one_large(path: Path, megabytes: int) -> None:
    """One file of mixed statements, written piece by piece."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, 500, 5)
        texts = [file.read_text() for file in sorted(folder.glob("*.sql"))]
    size = 0
    with path.open("w") as file:
        while size < megabytes << 20:
            for text in texts:
                size += file.write(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--large", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for files in (1, 20, options.files):
            folder = root / str(files)
            folder.mkdir()
            write(folder, files, 5)
            show(f"{files:,} files of 5 statements", interleaved(peers(folder, files), options.rounds))
        if not options.large:
            return
        folder = root / "10000"
        folder.mkdir()
        write(folder, 10_000, 5)
        show("10,000 files of 5 statements", interleaved(peers(folder, 10_000), 3))
        for megabytes in (10, 50):
            path = root / f"{megabytes}.sql"
            one_large(path, megabytes)
            show(f"one file of {megabytes} MB", {"migrator": measured([*OURS, str(path)])})


if __name__ == "__main__":
    main()
