"""What a change of a column's type consists of; see migrator.changes.kinds.change_type for what a user writes."""
