"""A fork of this process that works something out and writes it to a pipe."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Self


def may_fork() -> bool:
    """Whether a fork is safe (no other threads; macOS aborts children that use its frameworks) and a processor is idle.

    Together the two processes do more than one alone would: where other work waits for processors, that takes longer.
    """
    if sys.platform != "linux" or threading.active_count() > 1 or len(os.sched_getaffinity(0)) < 2:
        return False
    try:
        text = Path("/proc/loadavg").read_text(encoding="ascii")
        running = int(text.split()[3].split("/")[0])  # proc_loadavg(5): now, this process included
    except (OSError, ValueError, IndexError):
        return False
    return running < (os.cpu_count() or 1)


class Fork:
    """It is gone when the block ends."""

    def __init__(self, work: Callable[[BinaryIO], object], room: int = 0) -> None:
        """Start it.

        Args:
            work: writes to the pipe.
            room: bytes that the pipe should hold while nobody reads; 0: as many as the system likes.

        Raises:
            OSError: there may be no more processes.
        """
        gc.freeze()  # a search for cycles would write to what both processes share, and copy it
        self._read, write = os.pipe()
        if room:
            _widen(write, room)
        try:
            self._process = os.fork()
        except OSError:
            os.close(self._read)
            os.close(write)
            raise
        if self._process == 0:
            code = 1
            try:
                os.close(self._read)
                with os.fdopen(write, "wb") as pipe:
                    work(pipe)
                code = 0
            finally:
                # whatever went wrong goes wrong in the parent as well, which says so; nothing of its output is flushed
                os._exit(code)
        os.close(write)

    def __enter__(self) -> Self:
        return self

    def everything(self) -> bytes | None:
        """What it wrote up to its end; None if it died."""
        with os.fdopen(self._read, "rb", closefd=False) as pipe:
            written = pipe.read()
        process, self._process = self._process, 0
        _, status = os.waitpid(process, 0)
        return None if status else written

    def so_far(self) -> bytes:
        """What can be read now."""
        os.set_blocking(self._read, False)
        pieces = []
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(self._read, 1 << 20):
                pieces.append(piece)
        return b"".join(pieces)

    def __exit__(self, *_: object) -> None:
        os.close(self._read)
        if self._process:
            os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)


def _widen(pipe: int, room: int) -> None:
    import fcntl

    with contextlib.suppress(OSError, AttributeError):  # it holds less, then
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, room)
