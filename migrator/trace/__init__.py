"""Lint's scratch server: what the linted files really lock, rewrite and break.

- ``history``      the statements in the order they run, with what lint says of each
- ``scratch``      the server, its roles and sessions
- ``samples``      a few rows in every table
- ``observe``      one statement and what it did; ``outside`` for those that refuse a transaction block
- ``compare``      what it did against what was said (pure)
- ``run``          a whole history
- ``application``  the statements of the running version, before and after each change
"""
