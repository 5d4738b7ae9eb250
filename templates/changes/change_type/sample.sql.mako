SELECT count(*) FROM (SELECT ${conversion|sql} AS value FROM ${table|sql} LIMIT 1000) AS sample WHERE value IS NOT NULL
