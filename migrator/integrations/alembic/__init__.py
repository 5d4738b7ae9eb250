"""Alembic: revisions whose operations are phased, run with their project's own ``env.py``.

The history stays linear and holds the expand half only: ``alembic upgrade`` never contracts. What a revision changes
goes to the ledger with every step of its later phases; backfill and contract run from there.

- ``project``    finds the configuration; runs something in the project's ``env.py``
- ``revision``   which revision is running, and its level
- ``database``   our own connection to the database that Alembic is connected to
- ``apply``      what an operation does: plan, expand, undo
- ``operations`` one function for each kind of change, written by ``python -m tests.integrations.alembic.generate``
- ``running``    ``migrator expand`` on a project of revisions: one revision for each run of Alembic
- ``capture``    the SQL of revisions with its lines, for lint; ``sketched`` what phased operations make of it
- ``foreseen``   ``migrator plan`` of revisions that are not expanded yet
- ``authoring``  ``migrator new`` on a project of revisions
- ``compare``    autogenerate and ``alembic check`` while a contract is pending
- ``autogenerate`` what autogenerate finds, as phased operations; ``models`` is the same for ``migrator new --models``
- ``found``      differences sorted: renames, what is phased, what stays; ``same`` pairs indexes and constraints
- ``renaming``   who says what was renamed
- ``rendering``  operations of Alembic as SQL
- ``on_added``   constraints on columns that the same revision adds
"""
