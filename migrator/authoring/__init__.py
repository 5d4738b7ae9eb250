"""What ``migrator new`` and ``migrator init`` do: SQL text to a folder of phase files, a project set up.

``recognise`` reads a script in this order. Each of the modules takes what people and frameworks write in several
statements for the one thing it means:

- ``sql.guarded`` opens DO blocks that only keep a statement from failing where its work is done;
- ``new_tables`` gives a phase to statements about rows of tables that the script creates, and runs what alters these as
  it is; ``implied`` leaves out what comes along with another change;
- ``named_later`` creates an index under the name it has in the end;
- ``conditional`` leaves out ``IF EXISTS`` and ``IF NOT EXISTS`` where there is nothing to do;
- ``so_far`` has functions and triggers as the statements before have left them;
- ``folding`` makes one change of a column and what is done to it behind ADD COLUMN;
- last, kinds that ``join`` two changes, as a primary key that is dropped and added;
- ``unsplit`` says of what is left why it is of no kind, and in which phase it can run.
"""
