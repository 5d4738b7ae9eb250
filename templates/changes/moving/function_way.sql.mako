CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ${search_path|sql}
AS <%block filter="dollar_quoted">
DECLARE
    -- Of one row at a time: the server deletes and inserts it between the UPDATE that moves it and the next row.
    way CONSTANT text := ${left|literal} || pg_trigger_depth();
    was CONSTANT text := current_setting(way, true);
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF ${rekeyed|sql} THEN
            PERFORM set_config(way, ${key|sql}, true);
        END IF;
        RETURN NEW;
    ELSIF TG_OP = 'DELETE' THEN
        IF was <> '' THEN
            PERFORM set_config(way, CASE WHEN was = ${key|sql} THEN 'moves' ELSE '' END, true);
        END IF;
        RETURN OLD;
    END IF;
    IF was <> '' THEN
        PERFORM set_config(way, '', true);
        IF was = 'moves' THEN
            -- As what old code writes into a row that is there.
            UPDATE ${new|sql} AS n SET \
% for name in columns:
% if not loop.first:
, \
% endif
${name|ident} = NEW.${name|field}\
% endfor

            WHERE ${found|sql} AND ${disagrees|sql};
        END IF;
    END IF;
    RETURN NEW;
END
</%block>
