"""Writes ``truth.json``: what PostgreSQL 14 and 18 do with the probes. Run it when probes change::

python -m tests.lint.acceptance.truth
"""

from __future__ import annotations

import json
import os

from migrator.embedded.binaries import BINARIES_VARIABLE
from migrator.trace.scratch import scratch_database, scratch_server
from tests.lint.acceptance.probes import FOLDER, KINDS, TRUTH, VERSIONS, of_version, on_server

FETCHED = FOLDER.parents[2] / ".cache" / "postgres"


def main() -> None:
    os.environ[BINARIES_VARIABLE] = os.pathsep.join(map(str, FETCHED.glob("*/bin")))
    found = {}
    for major in VERSIONS:
        with scratch_server(major) as server, scratch_database(server) as scratch:
            assert server.major == major
            found[str(major)] = {
                kind: {probe.name: on_server(scratch, probe) for probe in of_version(kind, major)} for kind in KINDS
            }
    lines = json.dumps(found, indent=1, sort_keys=True)
    TRUTH.write_text(lines + "\n")


if __name__ == "__main__":
    main()
