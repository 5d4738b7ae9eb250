CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ${search_path|sql}
AS <%block filter="dollar_quoted">
#variable_conflict use_column
DECLARE
    held record;
    is_new boolean;
% if follow:
    is_change boolean := TG_OP = 'UPDATE' OR coalesce(current_setting(${left|literal} || pg_trigger_depth(), true), '') <> '';
% endif
BEGIN
% if follow:
    ${follow|sql}
% endif
    -- Images are compared, so that every change counts.
    IF TG_OP = 'UPDATE' AND NOT ${changed|sql} THEN
        RETURN NULL;
    END IF;
    -- As it is now: a trigger that fired before this one may have changed it again.
    SELECT o.${array|ident} AS elements INTO held FROM ${old|sql} AS o WHERE ${current|sql};
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    is_new := current_setting(${guard|literal}, true) = 'on';
% if follow:
    IF is_change AND is_new IS NOT TRUE THEN
% else:
    IF TG_OP = 'UPDATE' AND is_new IS NOT TRUE THEN
% endif
        -- Not where new code wrote a row, since others of its statement are not in the array yet, nor on INSERT, since
        -- the same statement may have brought rows.
        DELETE FROM ${new|sql} AS n
        WHERE ${found|sql} AND (n.${value|ident} OPERATOR(pg_catalog.=) ANY (held.elements)) IS NOT TRUE;
    END IF;
    INSERT INTO ${new|sql} (\
% for name in new_key:
${name|ident}, \
% endfor
${value|ident})
    SELECT \
% for name in key:
NEW.${name|field}, \
% endfor
e.v FROM unnest(held.elements) AS e (v) WHERE ${fits|sql}
    AND (is_new IS NOT TRUE OR (e.v OPERATOR(pg_catalog.=) ANY (OLD.${array|field})) IS NOT TRUE)
    -- In one order, so that two that bring the same elements do not wait for each other.
    ORDER BY e.v
    ON CONFLICT (\
% for name in new_key:
${name|ident}, \
% endfor
${value|ident}) DO NOTHING;
    RETURN NULL;
END
</%block>
