CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ${search_path|sql}
AS <%block filter="dollar_quoted">
BEGIN
    -- Before the row is in the index: whoever writes the other table has that row, and would wait for this one there.
    PERFORM 1 FROM ${new|sql} AS n WHERE ${found|sql} FOR NO KEY UPDATE;
    RETURN NEW;
END
</%block>
