CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ${search_path|sql}
AS <%block filter="dollar_quoted">
BEGIN
    -- The foreign key has been here before this, and what belongs to a row that is deleted is gone, or lets it go.
    IF EXISTS (SELECT FROM ${pointing|sql} AS ${alias|ident} WHERE ${found|sql}) THEN
        PERFORM set_config(${left|literal} || pg_trigger_depth(), jsonb_build_object(\
% for name, of in key.items():
% if not loop.first:
, \
% endif
${name|literal}, OLD.${of|field}\
% endfor
)::text, true);
    END IF;
    RETURN NULL;
END
</%block>
