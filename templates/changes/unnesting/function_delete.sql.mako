CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ${search_path|sql}
AS <%block filter="dollar_quoted">
DECLARE
    was text := current_setting(${guard|literal}, true);
BEGIN
    PERFORM set_config(${guard|literal}, 'on', true);
    UPDATE ${old|sql} AS o SET ${array|ident} = ARRAY(
        SELECT e.v FROM unnest(o.${array|ident}) WITH ORDINALITY AS e (v, place)
        WHERE (e.v OPERATOR(pg_catalog.=) OLD.${value|field}) IS NOT TRUE ORDER BY e.place
    )
    WHERE ${was|sql} AND OLD.${value|field} OPERATOR(pg_catalog.=) ANY (o.${array|ident})
    AND NOT EXISTS (SELECT FROM ${new|sql} AS n WHERE ${old_row|sql});
    PERFORM set_config(${guard|literal}, coalesce(was, ''), true);
    RETURN NULL;
END
</%block>
