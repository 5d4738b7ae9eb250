SELECT CAST(${default|sql} AS ${base|sql}), (SELECT 1 FROM (SELECT CAST(NULL AS ${base|sql}) AS value) AS given WHERE ${condition|sql})
