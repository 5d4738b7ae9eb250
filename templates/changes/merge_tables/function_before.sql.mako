CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ${search_path|sql}
AS <%block filter="dollar_quoted">
DECLARE
    held record;
BEGIN
    -- What the backfill has not reached: a row that it moved past must not stay empty. No lock is needed here, since
    -- whoever changes the value meanwhile waits for this row.
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
    RETURN NEW;
END
</%block>
