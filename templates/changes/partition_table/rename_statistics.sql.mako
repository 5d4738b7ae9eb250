ALTER STATISTICS ${statistics|sql} RENAME TO ${new_name|ident}
