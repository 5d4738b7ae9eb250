DO <%block filter="dollar_quoted">
BEGIN
    EXECUTE format(
        'ALTER TABLE %s OWNER TO %I', ${table|sql},
        (SELECT pg_get_userbyid(c.relowner) FROM pg_class AS c WHERE c.oid = CAST(${partition|sql} AS regclass))
    );
END
</%block>
