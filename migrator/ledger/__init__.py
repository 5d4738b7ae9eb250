"""The tool's own tables in schema ``migrator`` of the target database: state, journal, files, lease, decisions."""
