SELECT CAST(${default|sql} AS ${type|sql}), (SELECT 1 FROM (SELECT CAST(NULL AS ${type|sql}) AS value) AS given WHERE ${condition|sql})
