"""The only room that speaks to PostgreSQL: connections, sessions with timeouts, the catalog, who blocks whom."""
