IF TG_OP = 'INSERT' AND coalesce(current_setting(${left|literal} || pg_trigger_depth(), true), '') <> '' THEN
        -- From another partition. The foreign key would take these rows along only behind this.
        PERFORM set_config('migrator.following', 'on', true);
% if unless:
        IF ${unless|sql} THEN
            DELETE FROM ${pointing|sql} AS ${alias|ident}
            USING jsonb_to_record(current_setting(${left|literal} || pg_trigger_depth())::jsonb) AS l (\
% for name, type in types.items():
% if not loop.first:
, \
% endif
${name|ident} ${type|sql}\
% endfor
)
            WHERE ${was|sql};
        END IF;
% endif
        UPDATE ${pointing|sql} AS ${alias|ident} SET \
% for name, value in {**key, **values}.items():
% if not loop.first:
, \
% endif
${name|ident} = ${value|sql}\
% endfor

        FROM ${pointed_to|sql} AS ${other|ident}, jsonb_to_record(current_setting(${left|literal} || pg_trigger_depth())::jsonb) AS l (\
% for name, type in types.items():
% if not loop.first:
, \
% endif
${name|ident} ${type|sql}\
% endfor
)
        WHERE ${own|sql} AND ${was|sql};
        PERFORM set_config('migrator.following', '', true), set_config(${left|literal} || pg_trigger_depth(), '', true);
    END IF;
