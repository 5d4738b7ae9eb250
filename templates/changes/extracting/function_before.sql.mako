CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ${search_path|sql}
AS <%block filter="dollar_quoted">
#variable_conflict use_column
<<sync>>
DECLARE
    held record;
BEGIN
    IF TG_OP = 'UPDATE' AND NOT ${rekeyed|sql} THEN
        RETURN NEW;
    END IF;
    -- Locked, so that a write of old code either was before or waits, and finds this row.
    SELECT \
% for name in columns:
% if not loop.first:
, \
% endif
o.${name|ident}\
% endfor
 INTO held FROM ${old|sql} AS o WHERE ${found|sql} FOR NO KEY UPDATE;
% if defaults:
    -- The row that old code sees, and the backfill has not made: where its writer gives nothing, it has what is there.
    IF FOUND AND TG_OP = 'INSERT' AND sync.held.${value|field} OPERATOR(pg_catalog.=) NEW.${new_value|field}
    AND NOT EXISTS (SELECT FROM ${new|sql} AS n WHERE ${row|sql}) THEN
% for name, default in defaults.items():
        IF NEW.${pairs[name]|field} IS NULL OR NOT record_image_ne(ROW(NEW.${pairs[name]|field}), ROW(${default|sql})) THEN
            NEW.${pairs[name]|field} := sync.held.${name|field};
        END IF;
% endfor
    END IF;
% endif
    RETURN NEW;
END
</%block>
