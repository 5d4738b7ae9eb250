CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ${search_path|sql}
AS <%block filter="dollar_quoted">
DECLARE
    was text := current_setting(${guard|literal}, true);
    -- A trigger that fired before this one may have changed the row again, and was taken across by that.
    is_there boolean := EXISTS (SELECT FROM ${new|sql} AS n WHERE ${row|sql});
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NOT ${changed|sql} THEN
            RETURN NULL;
        END IF;
% if follow:
        IF ${moved|sql} AND current_setting('migrator.following', true) = 'on' THEN
            -- With the row it belongs to, which came to another partition.
            RETURN NULL;
        END IF;
% endif
        IF ${moved|sql} THEN
            -- By the foreign key, since the row it belongs to got another key: its array is what it was.
            PERFORM FROM ${old|sql} AS o WHERE ${was|sql};
            IF NOT FOUND THEN
                RETURN NULL;
            END IF;
        END IF;
    END IF;
    PERFORM set_config(${guard|literal}, 'on', true);
    IF TG_OP = 'UPDATE' THEN
        IF NOT ${moved|sql} AND is_there THEN
            UPDATE ${old|sql} AS o SET ${array|ident} = ARRAY(
                SELECT CASE WHEN e.v OPERATOR(pg_catalog.=) OLD.${value|field} THEN NEW.${value|field} ELSE e.v END
                FROM unnest(o.${array|ident}) WITH ORDINALITY AS e (v, place) ORDER BY e.place
            )
            WHERE ${found|sql} AND OLD.${value|field} OPERATOR(pg_catalog.=) ANY (o.${array|ident});
        END IF;
        IF ${moved|sql} OR NOT is_there THEN
            UPDATE ${old|sql} AS o SET ${array|ident} = ARRAY(
                SELECT e.v FROM unnest(o.${array|ident}) WITH ORDINALITY AS e (v, place)
                WHERE (e.v OPERATOR(pg_catalog.=) OLD.${value|field}) IS NOT TRUE ORDER BY e.place
            )
            WHERE ${was|sql} AND OLD.${value|field} OPERATOR(pg_catalog.=) ANY (o.${array|ident})
            AND NOT EXISTS (SELECT FROM ${new|sql} AS n WHERE ${old_row|sql});
        END IF;
    END IF;
    -- What old code or the backfill brings is in the array. On partitions each statement is planned anew for each row.
    IF is_there AND NOT EXISTS (
        SELECT FROM ${old|sql} AS o WHERE ${found|sql} AND NEW.${value|field} OPERATOR(pg_catalog.=) ANY (o.${array|ident})
    ) THEN
        UPDATE ${old|sql} AS o SET ${array|ident} = array_append(ARRAY(
            SELECT e.v FROM unnest(o.${array|ident}) WITH ORDINALITY AS e (v, place) ORDER BY e.place
        ), NEW.${value|field})
        WHERE ${found|sql} AND (NEW.${value|field} OPERATOR(pg_catalog.=) ANY (o.${array|ident})) IS NOT TRUE;
        -- A trigger of the old table has not let it in.
        DELETE FROM ${new|sql} AS n USING ${old|sql} AS o
        WHERE ${row|sql} AND ${found|sql}
        AND (NEW.${value|field} OPERATOR(pg_catalog.=) ANY (o.${array|ident})) IS NOT TRUE;
    END IF;
    PERFORM set_config(${guard|literal}, coalesce(was, ''), true);
    RETURN NULL;
END
</%block>
