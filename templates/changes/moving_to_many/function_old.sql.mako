CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ${search_path|sql}
AS <%block filter="dollar_quoted">
BEGIN
    IF current_setting(${guard|literal}, true) = 'on' THEN
        -- One of the rows of the new table was written, and the others keep what they have.
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT' THEN
        -- Rows that the same statement inserted before it have found nothing yet.
        UPDATE ${new|sql} AS n SET \
% for name in columns:
% if not loop.first:
, \
% endif
${name|ident} = coalesce(n.${name|ident}, o.${name|ident})\
% endfor

        FROM ${old|sql} AS o WHERE ${found|sql} AND ${link|sql} AND n.${state|ident} IS NULL;
    -- Images are compared, so that every change counts, in types without an equality operator too.
    ELSIF ${changed|sql} THEN
        -- As the row is now. Rows that are not filled yet are written in any case, and filled by that.
        UPDATE ${new|sql} AS n SET \
% for name in columns:
% if not loop.first:
, \
% endif
${name|ident} = CASE WHEN record_image_ne(ROW(NEW.${name|field}), ROW(OLD.${name|field})) THEN o.${name|ident} ELSE n.${name|ident} END\
% endfor

        FROM ${old|sql} AS o WHERE ${found|sql} AND ${link|sql} AND (${disagrees|sql} OR n.${state|ident} IS NULL);
    END IF;
    RETURN NULL;
END
</%block>
