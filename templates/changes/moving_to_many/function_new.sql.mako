CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ${search_path|sql}
AS <%block filter="dollar_quoted">
DECLARE
    was text := current_setting(${guard|literal}, true);
BEGIN
    -- Of an INSERT all of OLD is NULL: what it gives is what changed.
    IF ${changed|sql} THEN
        PERFORM set_config(${guard|literal}, 'on', true);
        -- What old code reads is what rows are filled with: those that are not have to be before it changes.
        UPDATE ${new|sql} AS n SET ${state|ident} = 'f' WHERE ${siblings|sql} AND n.${state|ident} IS NULL
        AND EXISTS (SELECT FROM ${old|sql} AS o WHERE ${found|sql} AND (${differs|sql}));
        UPDATE ${old|sql} AS o SET \
% for name in columns:
% if not loop.first:
, \
% endif
${name|ident} = CASE WHEN ${written[name]|sql} THEN NEW.${name|field} ELSE o.${name|ident} END\
% endfor

        WHERE ${found|sql} AND (${differs|sql});
        PERFORM set_config(${guard|literal}, coalesce(was, ''), true);
    END IF;
    RETURN NULL;
END
</%block>
