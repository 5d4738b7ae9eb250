"""``python -m migrator.client start-check SERVICE --level N [-- COMMAND …]``, for entrypoints.

Needs psycopg or psycopg2 and nothing else of this package.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import sys
import time
from collections.abc import Sequence
from typing import Any, NoReturn

from migrator.client.entrypoint import start_check
from migrator.client.lease import Fenced

_USAGE_EXIT = 2
_DATABASE_EXIT = 3
_FENCED_EXIT = 13
_URL_VARIABLES = ("MIGRATOR_DATABASE_URL", "DATABASE_URL")
_UNITS = {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86400}
_RETRY_S = 0.5
_CONNECT_TIMEOUT_S = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code: 0 may start, 13 must not, 3 the database cannot be reached or used, 2 usage."""
    parser = argparse.ArgumentParser(prog="python -m migrator.client", description="What applications ask.")
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser(
        "start-check",
        usage="%(prog)s SERVICE --level N [--url-env NAME] [--wait-db TIME] [-- COMMAND ...]",
        help="exit 13 if this code must not start",
        description="Exit 13 if code of SERVICE at this level must not start now, 3 if nobody can say; "
        "otherwise run COMMAND, if one is given, in place of this process.",
        epilog='example: ENTRYPOINT ["python", "-m", "migrator.client", "start-check", "web", "--level", "42", "--", '
        '"gunicorn", "app"]',
    )
    check.add_argument("service", metavar="SERVICE")
    check.add_argument("--level", type=int, required=True, metavar="N", help="schema level of the code")
    check.add_argument(
        "--url-env", metavar="NAME", help=f"variable that holds the URL (default: {', '.join(_URL_VARIABLES)}, PG*)"
    )
    check.add_argument(
        "--wait-db", type=_seconds, default=0.0, metavar="TIME", help="wait so long for a server, as in 60s"
    )
    given = list(sys.argv[1:] if arguments is None else arguments)
    end = given.index("--") if "--" in given else len(given)
    options, program = parser.parse_args(given[:end]), given[end + 1 :]
    url = _url(options.url_env)
    if url is None:
        return _fail(_USAGE_EXIT, f"environment variable {options.url_env} is not set")
    driver = _driver()
    if driver is None:
        return _fail(_USAGE_EXIT, "neither psycopg nor psycopg2 is installed")
    try:
        window = _ask(driver, url, options)
    except Fenced as error:
        return _fail(_FENCED_EXIT, str(error))
    except driver.Error as error:
        return _fail(_DATABASE_EXIT, "\n  ".join([str(error).strip(), *getattr(error, "__notes__", ())]))
    print(
        f'"{options.service}" at level {options.level} may start: levels {window.min_level} to {window.max_level} may',
        file=sys.stderr,
    )
    if program:
        _become(program)
    return 0


def _ask(driver: Any, url: str, options: argparse.Namespace) -> Any:
    deadline = time.monotonic() + options.wait_db
    while True:
        try:
            return start_check(
                lambda: driver.connect(url, connect_timeout=_CONNECT_TIMEOUT_S),
                service=options.service,
                level=options.level,
            )
        except driver.OperationalError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(_RETRY_S)


def _url(variable: str | None) -> str | None:
    """The URL, without the driver that SQLAlchemy's form names; empty: libpq's environment; None: not set."""
    if variable is not None:
        found = os.environ.get(variable)
    else:
        found = next((os.environ[name] for name in _URL_VARIABLES if os.environ.get(name)), "")
    return None if found is None else re.sub(r"\A(postgres(?:ql)?)\+\w+://", r"\1://", found)


def _driver() -> Any:
    for name in ("psycopg", "psycopg2"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None


def _seconds(text: str) -> float:
    matched = re.fullmatch(r"([0-9]+)(ms|s|min|h|d)", text)
    if matched is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration: an integer with ms, s, min, h or d")
    return int(matched[1]) * _UNITS[matched[2]]


def _become(program: list[str]) -> NoReturn:
    sys.stderr.flush()
    os.execvp(program[0], program)  # noqa: S606 - the user's own command, without a shell


def _fail(code: int, message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
