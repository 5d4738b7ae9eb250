"""Zero-downtime schema changes for PostgreSQL that prove themselves.

A map for the newcomer, in the order data flows:

- ``sql``       text to trees: the only home of libpg_query; quoting; what a statement locks
- ``changes``   one file per kind of schema change: recognise it, split it into phases
- ``planning``  phase files to a plan, and a plan to what a person or a machine reads
- ``authoring`` what ``migrator new`` does: SQL text to a reviewed folder of phase files
- ``ledger``    the tool's own tables in schema ``migrator`` of the target database
- ``backfill``  moves rows in small batches, resumable, verified
- ``gate``      proves that no running version of the application needs the old shape
- ``execution`` runs phases: expand, contract, rollback, and the locks around them
- ``lint``      one file per rule: what breaks running code or blocks production
- ``cli``       one command per file; no logic
"""

__version__ = "0.1.0"
