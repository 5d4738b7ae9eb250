SELECT count(*) FROM (
    SELECT FROM ${table|sql}
    WHERE true
% for column in columns:
        AND ${column|ident} IS NOT NULL
% endfor
    GROUP BY ${key|sql}
    HAVING count(*) > 1
) AS duplicates
