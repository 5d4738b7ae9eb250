CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ${search_path|sql}
AS <%block filter="dollar_quoted">
BEGIN
% if follow:
    ${follow|sql}
% endif
    -- As the row is now: where another trigger has written it, this one fires behind what came later.
    IF TG_OP = 'INSERT' OR ${moved|sql} THEN
% if not makes_rows:
        -- Empty where the other row has a value: that one came later, by the same statement, and fills this one.
% endif
        UPDATE ${old|sql} AS o SET \
% for name in columns:
% if not loop.first:
, \
% endif
% if makes_rows:
${name|ident} = n.${name|ident}\
% else:
${name|ident} = coalesce(n.${name|ident}, o.${name|ident})\
% endif
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
    RETURN NULL;
END
</%block>
