CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ${search_path|sql}
AS <%block filter="dollar_quoted">
#variable_conflict use_column
DECLARE
    held record;
BEGIN
    IF TG_OP = 'UPDATE' AND NOT ${changed|sql} THEN
        RETURN NULL;
    END IF;
    -- As the row is now: another trigger may have written it since.
    SELECT \
% for name in columns:
% if not loop.first:
, \
% endif
n.${name|ident}\
% endfor
 INTO held FROM ${new|sql} AS n WHERE ${own|sql};
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
% if follow:
    ${follow|sql}
% endif
    IF TG_OP = 'UPDATE' THEN
% if needed:
        IF NOT (${given|sql}) AND (\
% for name in needed:
% if not loop.first:
 OR \
% endif
held.${name|field} IS NULL\
% endfor
) THEN
            DELETE FROM ${old|sql} AS o WHERE ${found|sql};
            RETURN NULL;
        END IF;
% endif
        -- Only what changed: the backfill may not have reached the rest.
        UPDATE ${old|sql} AS o SET \
% for name, value in values.items():
% if not loop.first:
, \
% endif
${name|ident} = CASE WHEN record_image_ne(ROW(NEW.${name|field}), ROW(OLD.${name|field})) THEN ${value|sql} ELSE o.${name|ident} END\
% endfor

        WHERE ${found|sql} AND ${differs|sql};
    END IF;
    IF (${given|sql}) AND NOT EXISTS (SELECT FROM ${old|sql} AS o WHERE ${found|sql}) THEN
        INSERT INTO ${old|sql} AS o (\
% for name in (*old_key, *columns):
% if not loop.first:
, \
% endif
${name|ident}\
% endfor
)
        VALUES (\
% for name in key:
NEW.${name|field}, \
% endfor
% for value in values.values():
% if not loop.first:
, \
% endif
${value|sql}\
% endfor
)
        ON CONFLICT (\
% for name in old_key:
% if not loop.first:
, \
% endif
${name|ident}\
% endfor
) DO UPDATE SET \
% for name in columns:
% if not loop.first:
, \
% endif
${name|ident} = EXCLUDED.${name|ident}\
% endfor

        WHERE ${conflicts|sql};
    END IF;
    RETURN NULL;
END
</%block>
