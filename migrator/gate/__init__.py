"""Proves that no running version of the application needs what a contract removes.

- ``decision``  pure: observations and soak to a verdict
- ``soak``      pure: samples to "clean since"
- ``source``    what a source of evidence is asked, and finding the sources
- ``evidence``  one source per file
- ``look``      asks all sources, keeps a sample
- ``fence``     raises, renews and lowers the fence
- ``drain``     waits under the fence for the last old code to leave
- ``apply``     re-reads all evidence and removes the old shape in one transaction
- ``gate``      the order of all that
- ``messages``  a verdict as the error a person reads
"""
