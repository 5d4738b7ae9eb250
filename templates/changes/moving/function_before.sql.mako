CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ${search_path|sql}
AS <%block filter="dollar_quoted">
DECLARE
    held record;
BEGIN
    IF TG_OP = 'UPDATE' THEN
% if makes_rows:
        IF NEW.${state|field} IS NOT DISTINCT FROM OLD.${state|field} THEN
            NEW.${state|field} := NULL;
        END IF;
% endif
        IF NOT ${moved|sql} THEN
% if not makes_rows:
            -- What the backfill has not reached: a row that it moved past must not stay empty. No lock is needed here,
            -- since whoever changes the value meanwhile waits for this row.
            IF \
% for name in columns:
% if not loop.first:
 OR \
% endif
NEW.${name|field} IS NULL AND OLD.${name|field} IS NULL\
% endfor
 THEN
                SELECT \
% for name in columns:
% if not loop.first:
, \
% endif
o.${name|ident}\
% endfor
 INTO held FROM ${old|sql} AS o WHERE ${found|sql};
                IF FOUND THEN
% for name in columns:
                    IF NEW.${name|field} IS NULL AND OLD.${name|field} IS NULL THEN
                        NEW.${name|field} := held.${name|field};
                    END IF;
% endfor
                END IF;
            END IF;
% endif
            RETURN NEW;
        END IF;
    END IF;
% if makes_rows:
    IF NEW.${state|field} = 'b' THEN
        -- Of the backfill: looked at as of now, so that what new code deletes meanwhile does not come back. In one
        -- statement, and not waited for: a row that is being deleted is there or gone.
        IF EXISTS (
            SELECT FROM ${new|sql} AS n WHERE ${own|sql}
            UNION ALL SELECT FROM ${gone|sql} AS n WHERE ${own|sql}
        ) THEN
            RETURN NULL;
        END IF;
        NEW.${state|field} := NULL;
    ELSIF NEW.${state|field} IS NULL THEN
        -- A row that was made only because old code has no other way to say that it gave nothing.
        PERFORM set_config('migrator.making_way', 'on', true);
        DELETE FROM ${new|sql} AS n WHERE n.${state|ident} = 'd'\
% for name in key:
 AND n.${name|ident} OPERATOR(pg_catalog.=) NEW.${name|field}\
% endfor
;
        PERFORM set_config('migrator.making_way', '', true);
    END IF;
% endif
    -- Locked, so that a change of it either was before or waits, and finds this row.
    SELECT \
% for name in columns:
% if not loop.first:
, \
% endif
o.${name|ident}\
% endfor
 INTO held
    FROM ${old|sql} AS o WHERE ${found|sql} FOR NO KEY UPDATE;
    IF FOUND THEN
% for name, default in defaults.items():
        IF NEW.${name|field} IS NULL OR NOT record_image_ne(ROW(NEW.${name|field}), ROW(${default|sql})) THEN
            NEW.${name|field} := held.${name|field};
        END IF;
% endfor
    END IF;
    RETURN NEW;
END
</%block>
