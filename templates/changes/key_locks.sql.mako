<%page args="unique_keys"/>\
% if unique_keys:
    -- Two inserts of one key take turns, so that ON CONFLICT on one of the two unique indexes sees the other insert.
    -- Only the first rows of a transaction do, so that a bulk load does not fill the server's lock table.
    IF TG_OP = 'INSERT' THEN
        taken := coalesce(nullif(current_setting('migrator.key_locks', true), '')::integer, 0);
        IF taken < 100 THEN
            PERFORM set_config('migrator.key_locks', (taken + 1)::text, true);
% for key in unique_keys:
            PERFORM pg_advisory_xact_lock(hashtextextended(lower(concat_ws(E'\x1f'\
% for column in key.columns:
, NEW.${column|field}::text\
% endfor
)), ${key.seed|literal}));
% endfor
        END IF;
    END IF;
% endif
