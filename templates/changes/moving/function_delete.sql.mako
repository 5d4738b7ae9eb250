CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ${search_path|sql}
AS <%block filter="dollar_quoted">
DECLARE
    was text := current_setting(${guard|literal}, true);
BEGIN
    IF EXISTS (SELECT FROM ${new|sql} AS n WHERE ${again|sql}) THEN
        -- Made again by the same statement: the foreign key lets go of rows only behind it.
        RETURN NULL;
    END IF;
    IF current_setting('migrator.making_way', true) IS DISTINCT FROM 'on' THEN
        -- Not where its row of the old table went, by the foreign key: that comes back with one of its own.
        INSERT INTO ${gone|sql} (\
% for name in key:
% if not loop.first:
, \
% endif
${name|ident}\
% endfor
)
        SELECT \
% for name in key:
% if not loop.first:
, \
% endif
OLD.${name|field}\
% endfor
 FROM ${old|sql} AS o WHERE ${found|sql}
        ON CONFLICT DO NOTHING;
    END IF;
    IF OLD.${state|field} IS NULL THEN
        PERFORM set_config(${guard|literal}, 'on', true);
        UPDATE ${old|sql} AS o SET \
% for name, value in cleared.items():
% if not loop.first:
, \
% endif
${name|ident} = ${value|sql}\
% endfor
 WHERE ${found|sql};
        PERFORM set_config(${guard|literal}, coalesce(was, ''), true);
    END IF;
    RETURN NULL;
END
</%block>
