CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ${search_path|sql}
AS <%block filter="dollar_quoted">
BEGIN
% if follow:
    IF current_setting('migrator.following', true) = 'on' THEN
        -- Taken out where its row of the other table came to another partition: nothing of that is to be cleared.
        RETURN NULL;
    END IF;
% endif
    -- Also where it is empty: a batch that has read the row must meet this write.
    IF EXISTS (SELECT FROM ${old|sql} AS o WHERE ${again|sql}) THEN
        -- Another row has taken its place, by the same statement, and is taken across by itself.
        UPDATE ${new|sql} AS n SET \
% for name in columns:
% if not loop.first:
, \
% endif
${name|ident} = n.${name|ident}\
% endfor

        WHERE ${found|sql};
        RETURN NULL;
    END IF;
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
