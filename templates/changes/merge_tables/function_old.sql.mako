CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ${search_path|sql}
AS <%block filter="dollar_quoted">
BEGIN
    IF TG_OP = 'UPDATE' THEN
        -- Images are compared, so that every change counts, in types without an equality operator too.
        IF NOT ${changed|sql} THEN
            RETURN NULL;
        END IF;
% if follow:
        -- Not with the row it belongs to, when that came to another partition.
        IF ${moved|sql} AND current_setting('migrator.following', true) IS DISTINCT FROM 'on' THEN
% else:
        IF ${moved|sql} THEN
% endif
            UPDATE ${new|sql} AS n SET \
% for name, value in cleared.items():
% if not loop.first:
, \
% endif
${name|ident} = ${value|sql}\
% endfor

            WHERE ${found_before|sql} AND NOT EXISTS (SELECT FROM ${old|sql} AS o WHERE ${link|sql});
        END IF;
    END IF;
    -- As the row is now: where the foreign key or another trigger has written it, this one fires behind what came later.
    -- One that becomes empty is written in any case: a batch that has read what was here before must meet this write.
    UPDATE ${new|sql} AS n SET \
% for name in columns:
% if not loop.first:
, \
% endif
${name|ident} = o.${name|ident}\
% endfor

    FROM ${old|sql} AS o WHERE ${found|sql} AND ${link|sql} AND (${disagrees|sql}\
% for name in columns:
 OR NEW.${name|field} IS NULL AND OLD.${name|field} IS NOT NULL\
% endfor
);
    RETURN NULL;
END
</%block>
