SELECT count(*) FROM (
    SELECT ${value|sql} AS value FROM (<%include file="computed.sql.mako" args="new=new"/> FROM ${table|sql} LIMIT 1000) AS computed
) AS sample WHERE value IS NOT NULL
