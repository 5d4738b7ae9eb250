"""A worker of one release: ``python -m shop.app 2`` works until it gets SIGTERM, then says what happened."""

from __future__ import annotations

import importlib
import json
import os
import random
import sys
import threading
from signal import SIGINT, SIGTERM
from signal import signal as set_handler

import psycopg
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from migrator.client import Heartbeat, application_name


def main() -> None:
    """Beat, work, and print the number of rounds and every error as JSON."""
    release = importlib.import_module(f"shop.release_{sys.argv[1]}")
    url = os.environ["SHOP_URL"]
    who, ended = f"worker-{sys.argv[1]}-{os.getpid()}", threading.Event()
    choice, rounds, errors = random.Random(), 0, []  # noqa: S311 - not for secrets
    heartbeat = Heartbeat(
        lambda: psycopg.connect(url.replace("+psycopg", ""), connect_timeout=5),
        service="shop",
        level=release.LEVEL,
        version=f"{sys.argv[1]}.0",
    )
    for signal in (SIGTERM, SIGINT):
        set_handler(signal, lambda *_: ended.set())
    with heartbeat:
        name = application_name("shop", level=release.LEVEL, version=f"{sys.argv[1]}.0")
        # A prepared SELECT fails once when a column that it returns changes its type: see README.md.
        engine = create_engine(url, connect_args={"application_name": name, "prepare_threshold": None})
        print("ready", flush=True)
        while not ended.wait(0.05):
            try:
                with Session(engine) as session, session.begin():
                    release.work(session, choice, who)
                rounds += 1
            except (SQLAlchemyError, AssertionError) as error:
                errors.append(f"{type(error).__name__}: {error}")
        engine.dispose()
    print(json.dumps({"rounds": rounds, "errors": errors}), flush=True)


if __name__ == "__main__":
    main()
