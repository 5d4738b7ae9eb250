"""Moving rows in small batches: resumable, verified, and never in the way of the application.

What makes every choice here safe: the sync trigger of the expand phase is in place before the first block is read, so
every row version written since then is right already. A row that moves, is inserted or is updated meanwhile needs no
attention; only versions older than the trigger do, and those lie in the blocks that exist when the sweep starts.

- ``reading``      the author's statement, and why it cannot be batched (pure)
- ``statements``   what a batch runs; ``update`` and ``move`` are its two forms, ``trees`` their pieces (pure)
- ``matching``     whether a row of UPDATE … FROM finds one row at most (pure)
- ``segments``     blocks to segments to batches; narrowing down to one row (pure)
- ``sizing``       how large the next batch is, and what follows a refused lock (pure)
- ``throttle``     how hard the workers may work, from what the server says (pure)
- ``lag``          how far standbys are behind (pure)
- ``hours``        quiet hours (pure)
- ``target``       the table as the catalog knows it, and what must be right before the start
- ``checkpoint``   job and segments in the ledger: claims, progress, sweeps, verification
- ``batch``        one batch, one transaction
- ``rejects``      finding the one row that makes a batch fail
- ``worker``       a thread that runs batches until there are none
- ``control``      the row that all processes obey: pauses, limits, and what follows from the last look at the server
- ``watch``        looking at the server, one process at a time for all
- ``external``     signals of the user's own: queries, URLs, programs
- ``connection``   the session on which a process directs its workers
- ``progress``     how far it is
- ``engine``       ``run``
"""
