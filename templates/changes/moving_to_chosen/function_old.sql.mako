CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ${search_path|sql}
AS <%block filter="dollar_quoted">
BEGIN
    -- Images are compared, so that every change counts, in types without an equality operator too.
    IF TG_OP = 'UPDATE' AND NOT ${changed|sql} THEN
        RETURN NULL;
    END IF;
% if follow:
    ${follow|sql}
% endif
    -- As the row is now: where another trigger has written it, this one fires behind what came later.
    IF TG_OP = 'INSERT' THEN
        -- The chosen row of the new table may have been first: what it has wins.
        UPDATE ${new|sql} AS n SET ${state|ident} = CASE n.${state|ident} WHEN 's' THEN 't' ELSE 's' END\
% for name in columns:
, ${name|ident} = coalesce(n.${name|ident}, o.${name|ident})\
% endfor

        FROM ${old|sql} AS o WHERE ${found|sql} AND ${link|sql} AND ${disagrees|sql};
        UPDATE ${old|sql} AS o SET \
% for name in columns:
% if not loop.first:
, \
% endif
${name|ident} = n.${name|ident}\
% endfor

        FROM ${new|sql} AS n WHERE ${found|sql} AND ${link|sql} AND ${disagrees|sql};
    ELSE
        UPDATE ${new|sql} AS n SET ${state|ident} = CASE n.${state|ident} WHEN 's' THEN 't' ELSE 's' END\
% for name in columns:
, ${name|ident} = o.${name|ident}\
% endfor

        -- One that becomes empty is written in any case: a batch that has read what was here before must meet this write.
        FROM ${old|sql} AS o WHERE ${found|sql} AND ${link|sql} AND (${disagrees|sql}\
% for name in columns:
 OR NEW.${name|field} IS NULL AND OLD.${name|field} IS NOT NULL\
% endfor
);
    END IF;
    RETURN NULL;
END
</%block>
