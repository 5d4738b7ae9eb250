CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ${search_path|sql}
AS <%block filter="dollar_quoted">
BEGIN
    IF TG_OP = 'INSERT' OR ${moved|sql} THEN
        UPDATE ${old|sql} AS o SET \
% for name in columns:
% if not loop.first:
, \
% endif
${name|ident} = NEW.${name|field}\
% endfor

        WHERE ${found|sql} AND ${differs|sql};
    ELSIF ${changed|sql} THEN
        -- Only what changed: the backfill may not have reached the rest.
        UPDATE ${old|sql} AS o SET \
% for name in columns:
% if not loop.first:
, \
% endif
${name|ident} = CASE WHEN record_image_ne(ROW(NEW.${name|field}), ROW(OLD.${name|field})) THEN NEW.${name|field} ELSE o.${name|ident} END\
% endfor

        WHERE ${found|sql} AND ${differs|sql};
    END IF;
    RETURN NULL;
END
</%block>
