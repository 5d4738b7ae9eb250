<%def name="replace(deeper)">\
% if deeper:
    \
% endif
                UPDATE ${new|sql} AS n SET \
% for name, there in pairs.items():
% if not loop.first:
, \
% endif
${there|ident} = sync.held.${name|field}\
% endfor

% if deeper:
    \
% endif
                WHERE ${old_row|sql};
</%def>\
CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ${search_path|sql}
AS <%block filter="dollar_quoted">
#variable_conflict use_column
<<sync>>
DECLARE
    held record;
    violated text;
BEGIN
    -- Images are compared, so that every change counts.
    IF TG_OP = 'UPDATE' AND NOT ${changed|sql} THEN
        RETURN NULL;
    END IF;
    -- As it is now: a trigger that fired before this one may have changed it again.
    SELECT o.xmin, o.cmin\
% for name in columns:
, o.${name|ident}\
% endfor
 INTO held FROM ${old|sql} AS o WHERE ${current|sql};
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    -- Not where new code wrote: its rows are there already.
    IF TG_OP = 'UPDATE' AND current_setting(${guard|literal}, true) IS DISTINCT FROM 'on'
    AND (sync.held.${value|field} OPERATOR(pg_catalog.=) OLD.${value|field}) IS NOT TRUE
    -- Nor where another row got the key afterwards, since keys changed in the table that both point to. cid has no order.
    AND (${rekeyed|sql} OR NOT EXISTS (
        SELECT FROM ${new|sql} AS n WHERE ${old_row|sql} AND n.xmin OPERATOR(pg_catalog.=) sync.held.xmin
        AND CAST(CAST(n.cmin AS text) AS bigint) OPERATOR(pg_catalog.>) CAST(CAST(sync.held.cmin AS text) AS bigint)
    )) THEN
        IF ${fits|sql} AND NOT EXISTS (SELECT FROM ${new|sql} AS n WHERE ${own_row|sql}) THEN
            IF current_setting('transaction_isolation') OPERATOR(pg_catalog.=) 'read committed' THEN
<% replace(deeper=False) %>\
            ELSE
                BEGIN
<% replace(deeper=True) %>\
                EXCEPTION WHEN unique_violation THEN
                    GET STACKED DIAGNOSTICS violated = CONSTRAINT_NAME;
                    -- The row that was not seen has come since the snapshot: who repeats this sees it.
                    IF EXISTS (
                        SELECT FROM pg_constraint AS c WHERE c.conrelid OPERATOR(pg_catalog.=) CAST(${new|literal} AS regclass)
                        AND c.contype OPERATOR(pg_catalog.=) 'p' AND c.conname OPERATOR(pg_catalog.=) CAST(violated AS name)
                    ) THEN
                        RAISE serialization_failure USING MESSAGE = 'could not serialize access due to concurrent update';
                    END IF;
                    RAISE;
                END;
            END IF;
        ELSE
            DELETE FROM ${new|sql} AS n WHERE ${old_row|sql};
        END IF;
    END IF;
    IF ${fits|sql} THEN
        INSERT INTO ${new|sql} AS n (\
% for name in (*new_key, *pairs.values()):
% if not loop.first:
, \
% endif
${name|ident}\
% endfor
)
        VALUES (\
% for name in key:
NEW.${name|field}, \
% endfor
% for name in pairs:
% if not loop.first:
, \
% endif
sync.held.${name|field}\
% endfor
)
        ON CONFLICT (\
% for name in new_key:
${name|ident}, \
% endfor
${new_value|ident}) DO UPDATE SET \
% for name in pairs.values():
% if not loop.first:
, \
% endif
${name|ident} = EXCLUDED.${name|ident}\
% endfor

        WHERE ${conflicts|sql};
    END IF;
    RETURN NULL;
END
</%block>
