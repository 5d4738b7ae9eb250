CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ${search_path|sql}
SET ${guard|sql} = 'on'
AS <%block filter="dollar_quoted">
BEGIN
    IF OLD.${state|field} IS NULL THEN
        UPDATE ${old|sql} AS o SET \
% for name, value in cleared.items():
% if not loop.first:
, \
% endif
${name|ident} = ${value|sql}\
% endfor
 WHERE ${found|sql};
    END IF;
    RETURN NULL;
END
</%block>
