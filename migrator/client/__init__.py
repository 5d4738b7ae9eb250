"""For applications: say that this process runs, and learn in time that it must not.

::

    from migrator.client import Heartbeat, application_name

    name = application_name("web", level=SCHEMA_LEVEL, version="1.42.0")
    with Heartbeat(lambda: psycopg.connect(URL, application_name=name), service="web", level=SCHEMA_LEVEL,
                   version="1.42.0") as heartbeat:      # raises Fenced: this code must not start
        with ConnectionPool(URL, kwargs={"application_name": name}) as pool:
            ...                                         # heartbeat.lease_valid: whether queries may be sent

It needs psycopg and nothing else of this package; the protocol is one SQL statement, so other languages need no client.
"""

from migrator.client.heartbeat import Connect, Fenced, Heartbeat, application_name

__all__ = ["Connect", "Fenced", "Heartbeat", "application_name"]
