SELECT CAST(NULL AS ${type|sql})
