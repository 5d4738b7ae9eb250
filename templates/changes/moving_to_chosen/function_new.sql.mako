CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ${search_path|sql}
AS <%block filter="dollar_quoted">
BEGIN
    -- As the row is now: where another trigger has written it, this one fires behind what came later.
    IF ${new_matches|sql} THEN
        IF TG_OP = 'INSERT' OR ${moved|sql} OR NOT coalesce(${old_matches|sql}, false) THEN
            -- Empty where the other row has a value: that one came later, by the same statement, and fills this one.
            UPDATE ${old|sql} AS o SET \
% for name in columns:
% if not loop.first:
, \
% endif
${name|ident} = CASE WHEN n.${name|ident} IS NULL AND OLD.${name|field} IS NULL THEN o.${name|ident} ELSE n.${name|ident} END\
% endfor

            FROM ${new|sql} AS n WHERE ${found|sql} AND ${own|sql} AND ${disagrees|sql};
        ELSIF ${changed|sql} THEN
            -- Only what changed: the backfill may not have reached the rest.
            UPDATE ${old|sql} AS o SET \
% for name in columns:
% if not loop.first:
, \
% endif
${name|ident} = CASE WHEN record_image_ne(ROW(NEW.${name|field}), ROW(OLD.${name|field})) THEN n.${name|ident} ELSE o.${name|ident} END\
% endfor

            FROM ${new|sql} AS n WHERE ${found|sql} AND ${own|sql} AND ${disagrees|sql};
        END IF;
        IF FOUND AND NEW.${state|field} = 'o' THEN
            -- New code has changed what old code reads: what rows hold that were chosen before is theirs from now on.
            UPDATE ${new|sql} AS n SET ${state|ident} = 'o'
            WHERE ${siblings|sql} AND NOT coalesce(${sibling_matches|sql}, false) AND n.${state|ident} IS DISTINCT FROM 'o' AND NOT (${sibling_empty|sql});
        END IF;
    END IF;
    RETURN NULL;
END
</%block>
