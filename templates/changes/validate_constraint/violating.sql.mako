SELECT count(*) FROM ${table|sql} WHERE NOT (${condition|sql})
