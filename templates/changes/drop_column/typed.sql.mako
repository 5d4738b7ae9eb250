SELECT CAST(${down|sql} AS ${type|sql})
