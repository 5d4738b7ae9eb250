"""MySQL, MariaDB and SQLite: what their manuals say of locks, copies and rebuilds; less exact than for PostgreSQL.

No server is asked and no grammar is the server's own: statements are taken apart by words. What is not known to be
understood is reported as not checked.

- ``rules``    one file per rule, as in ``migrator.lint.rules``
- ``rule``     what a rule of these dialects is
- ``actions``  the actions of ALTER TABLE, each by what it is
- ``tables``   what earlier statements made
- ``engine``   files to findings
"""
