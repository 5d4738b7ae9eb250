SELECT 1 FROM ${table|sql} WHERE (${condition|sql})
