"""SIGTERM, by which containers are stopped, ends Python without leaving any ``with`` block: no bye would be said."""

from __future__ import annotations

import signal
import threading
from types import FrameType


def exit_on_sigterm() -> bool:
    """Let SIGTERM end the main thread as ``sys.exit(143)`` does, so that queries end and bye is said.

    Does nothing, and returns False, where somebody handles SIGTERM already (as uvicorn and gunicorn do: leave the
    heartbeat in their shutdown hook) or when not called from the main thread.
    """
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        return False
    signal.signal(signal.SIGTERM, _exit)
    return True


def _exit(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)
