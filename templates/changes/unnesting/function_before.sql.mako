CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ${search_path|sql}
AS <%block filter="dollar_quoted">
% if lookup:
#variable_conflict use_column
DECLARE
    held record;
% endif
BEGIN
% if lookup:
    SELECT NEW.${value|field} OPERATOR(pg_catalog.=) ANY (o.${array|ident}) AS is_element INTO held
    FROM ${old|sql} AS o WHERE ${found|sql} FOR NO KEY UPDATE;
    IF FOUND AND held.is_element THEN
        -- Of old code or the backfill; what new code inserts has to be there already. Locked, as the foreign key does
        -- only later, so that it does not go in between; a trigger there may not let it in, so there is an end to it.
        FOR attempt IN 1 .. 10 LOOP
            INSERT INTO ${lookup[0]|sql} (${lookup[1]|ident}) VALUES (NEW.${value|field})
            ON CONFLICT (${lookup[1]|ident}) DO NOTHING;
            PERFORM FROM ${lookup[0]|sql} AS t WHERE t.${lookup[1]|ident} OPERATOR(pg_catalog.=) NEW.${value|field} FOR KEY SHARE;
            EXIT WHEN FOUND;
        END LOOP;
    END IF;
% else:
    PERFORM FROM ${old|sql} AS o WHERE ${found|sql} FOR NO KEY UPDATE;
% endif
    RETURN NEW;
END
</%block>
