"""What a migration would do to production, told before it runs: locks, broken code, lost data.

- ``rules``        one file per rule; its docstring is the page of ``migrator explain CODE``
- ``rule``         what a rule is: examples, and the problems it yields
- ``registry``     finds the rules
- ``engine``       statements to findings, rules dispatched by the kind of statement
- ``context``      what is known where a statement runs: phase, transaction, timeouts, tables made before
- ``catalog``      the schema as far as the files given tell it, replayed statement by statement
- ``suppression``  waivers: ``-- migrator: allow CODE because REASON``
- ``sources``      the only part that reads files
"""
