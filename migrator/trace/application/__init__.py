"""The statements of the running version of an application, tried before and after every change of the schema.

- ``reading``   the files they come in: SQL, or what pg_stat_statements has seen
- ``probe``     one statement on the scratch server: prepared, planned, run and rolled back
- ``watch``     all of them, while the migrations run
"""
