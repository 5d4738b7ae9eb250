CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ${search_path|sql}
AS <%block filter="dollar_quoted">
BEGIN
    -- Also where it is empty: a batch that has read the row must meet this write.
    UPDATE ${new|sql} AS n SET \
% for name, value in cleared.items():
% if not loop.first:
, \
% endif
${name|ident} = ${value|sql}\
% endfor

    WHERE ${found|sql};
    RETURN NULL;
END
</%block>
