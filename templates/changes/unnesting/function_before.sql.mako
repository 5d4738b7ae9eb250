CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ${search_path|sql}
AS <%block filter="dollar_quoted">
BEGIN
    PERFORM FROM ${old|sql} AS o WHERE ${found|sql} FOR NO KEY UPDATE;
    RETURN NEW;
END
</%block>
