CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ${search_path|sql}
AS <%block filter="dollar_quoted">
#variable_conflict use_column
<<sync>>
DECLARE
    was text := current_setting(${guard|literal}, true);
    is_new boolean := TG_OP = 'INSERT';
    is_moved boolean := false;
    next record;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NOT ${changed|sql} THEN
            RETURN NULL;
        END IF;
        -- Not by the foreign key, since the row it belongs to got another key: then that one is nobody's any more.
        is_moved := ${moved|sql} AND EXISTS (SELECT FROM ${old|sql} AS o WHERE ${found_before|sql});
    END IF;
    PERFORM set_config(${guard|literal}, 'on', true);
    IF TG_OP = 'UPDATE' AND NOT sync.is_moved AND EXISTS (SELECT FROM ${new|sql} AS n WHERE ${row|sql}) THEN
        -- Old code goes on seeing it, unless another row has got the key it had.
        UPDATE ${old|sql} AS o SET \
% for name, there in pairs.items():
% if not loop.first:
, \
% endif
${name|ident} = n.${there|ident}\
% endfor

        FROM ${new|sql} AS n
        WHERE ${found|sql} AND ${row|sql} AND ${differs|sql} AND o.${value|ident} OPERATOR(pg_catalog.=) OLD.${new_value|field}
        AND NOT EXISTS (SELECT FROM ${new|sql} AS n WHERE ${old_row|sql});
    ELSIF TG_OP <> 'INSERT' THEN
        PERFORM FROM ${old|sql} AS o
        WHERE ${found_before|sql} AND o.${value|ident} OPERATOR(pg_catalog.=) OLD.${new_value|field} FOR NO KEY UPDATE;
        IF FOUND AND NOT EXISTS (SELECT FROM ${new|sql} AS n WHERE ${old_row|sql}) THEN
            -- Locked, so that what is being written there is seen, or seen to be what old code reads.
            SELECT \
% for there in pairs.values():
% if not loop.first:
, \
% endif
n.${there|ident}\
% endfor
 INTO next
            FROM ${new|sql} AS n WHERE ${siblings|sql} ORDER BY n.${new_value|ident} LIMIT 1 FOR NO KEY UPDATE;
            IF FOUND THEN
                UPDATE ${old|sql} AS o SET \
% for name, there in pairs.items():
% if not loop.first:
, \
% endif
${name|ident} = sync.next.${there|field}\
% endfor
 WHERE ${found_before|sql};
            ELSE
                UPDATE ${old|sql} AS o SET \
% for name, nothing in cleared.items():
% if not loop.first:
, \
% endif
${name|ident} = ${nothing|sql}\
% endfor
 WHERE ${found_before|sql};
            END IF;
        END IF;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        -- As the row is now: where another trigger has written it, this one fires behind what came later.
        UPDATE ${old|sql} AS o SET \
% for name, there in pairs.items():
% if not loop.first:
, \
% endif
${name|ident} = n.${there|ident}\
% endfor

        FROM ${new|sql} AS n
        WHERE ${found|sql} AND ${row|sql} AND ${differs|sql}
        AND (o.${value|ident} OPERATOR(pg_catalog.=) n.${new_value|ident} OR o.${value|ident} IS NULL AND (sync.is_new OR sync.is_moved));
    END IF;
    PERFORM set_config(${guard|literal}, coalesce(was, ''), true);
    RETURN NULL;
END
</%block>
