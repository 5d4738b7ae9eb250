SELECT count(*) FROM (
    SELECT FROM ${table|sql}
    GROUP BY ${key|sql}
    HAVING count(*) > 1
) AS duplicates
