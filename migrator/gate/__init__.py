"""Proves that no running version of the application needs what a contract removes.

- ``decision``   pure: observations and soak to a verdict
- ``soak``       pure: samples to "clean since"
- ``subject``    what wants to pass
- ``source``     what a source of evidence is asked, and finding the sources
- ``evidence``   one source per file
- ``override``   one verdict that two people decided to overrule, once
- ``look``       asks all sources, keeps a sample
- ``fence``      raises, renews, confirms and lowers the fence
- ``barriers``   fences that the database enforces, one kind per file
- ``barricade``  puts them up and takes them down with the fence
- ``drain``      waits under the fence for the last old code to leave
- ``apply``      re-reads all evidence and removes the old shape in one transaction
- ``gate``       the order of all that
- ``waiting``    waits for a PASS and says what changed
- ``levels``     which level may start, and which one a release needs
- ``registry``   what people take off the ledger's lists
- ``audit``      what is shown ever after, and whether the log is whole
- ``messages``   a verdict as the error a person reads
"""
