"""Kinds of schema change: recognising them in SQL, and splitting each into expand, backfill and contract."""
