ALTER MATERIALIZED VIEW ${view|sql} RENAME TO ${new_name|ident}
