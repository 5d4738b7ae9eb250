CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ${search_path|sql}
AS <%block filter="dollar_quoted">
% if makes_rows:
#variable_conflict use_column
<<sync>>
DECLARE
    is_update CONSTANT boolean := TG_OP = 'UPDATE';
% endif
BEGIN
    -- Images are compared, so that every change counts, in types without an equality operator too.
    IF TG_OP = 'UPDATE' AND NOT ${changed|sql} THEN
        RETURN NULL;
    END IF;
% if follow:
    ${follow|sql}
% endif
    -- As the row is now: where another trigger has written it, this one fires behind what came later.
% if makes_rows:
    IF current_setting(${guard|literal}, true) = 'on' THEN
        -- New code deleted the row of the new table, which is not to come back by that.
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' AND ${rekeyed|sql} THEN
        -- That new code deleted the row of the new table goes along with the key; it comes back where a value is written.
        DELETE FROM ${gone|sql} AS n WHERE ${was_gone|sql};
        IF FOUND AND NOT ${written|sql} THEN
            INSERT INTO ${gone|sql} (\
% for name in new_key:
% if not loop.first:
, \
% endif
${name|ident}\
% endfor
) VALUES (\
% for name in key:
% if not loop.first:
, \
% endif
NEW.${name|field}\
% endfor
) ON CONFLICT DO NOTHING;
            RETURN NULL;
        END IF;
    END IF;
    INSERT INTO ${new|sql} AS n (\
% for name in new_key:
${name|ident}, \
% endfor
% for name in columns:
${name|ident}, \
% endfor
${state|ident})
    SELECT \
% for name in (*key, *columns):
o.${name|ident}, \
% endfor
CASE WHEN NOT (sync.is_update OR ${given|sql}) THEN 'd' END
    FROM ${old|sql} AS o WHERE ${own|sql}
    ON CONFLICT (\
% for name in new_key:
% if not loop.first:
, \
% endif
${name|ident}\
% endfor
) DO UPDATE SET ${state|ident} = NULL\
% for name in columns:
, ${name|ident} = EXCLUDED.${name|ident}\
% endfor

    -- Where the row is there already when this one comes, new code has written both.
    WHERE sync.is_update AND ${conflicts|sql};
% else:
    IF TG_OP = 'INSERT' THEN
        -- The row of the new table may have been first: what it has wins where this one gives nothing.
        UPDATE ${new|sql} AS n SET \
% for name in columns:
% if not loop.first:
, \
% endif
${name|ident} = ${arriving[name]|sql}\
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
        UPDATE ${new|sql} AS n SET \
% for name in columns:
% if not loop.first:
, \
% endif
${name|ident} = o.${name|ident}\
% endfor

        -- One that becomes empty is written in any case: a batch that has read what was here before must meet this write.
        FROM ${old|sql} AS o WHERE ${found|sql} AND ${link|sql} AND (${disagrees|sql}\
% for name in columns:
 OR NEW.${name|field} IS NULL AND OLD.${name|field} IS NOT NULL\
% endfor
);
    END IF;
% endif
    RETURN NULL;
END
</%block>
