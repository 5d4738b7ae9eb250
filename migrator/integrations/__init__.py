"""Other tools' ways of keeping things, brought to ours; each is imported only where it is used."""
