SELECT CAST(${default|sql} AS ${type|sql})
