"""The story that ``migrator demo`` plays, on a PostgreSQL of its own, with an application under load.

- ``shop``      the application: one process that reads and writes all the time, version 1 or 2 of its code
- ``crew``      starting and stopping such processes
- ``records``   what they write down about every operation
- ``measure``   failures and latencies from these records; no I/O
- ``history``   whether every write is in the database and every read was right; no I/O
- ``promises``  what was kept and what was broken; no I/O
- ``stage``     the server, the databases, the project folder
- ``commands``  running the program as a user would
- ``screen``    the story as text
- ``story``     the order of events
- ``report``    the tables and the JSON document at the end
"""
