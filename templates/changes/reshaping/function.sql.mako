CREATE FUNCTION ${function|sql}() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, ${schema|ident}, pg_temp
AS <%block filter="dollar_quoted">
DECLARE
% for column in new:
    was_${loop.index|literal} ${column.type_sql|sql};
% endfor
    failed boolean := false;
    new_side boolean;
    old_side boolean := true;
BEGIN
% if moves:
    -- A row that an UPDATE takes to another partition is inserted there as it was settled: nobody else gives a state.
    IF TG_OP = 'INSERT' AND NEW.${state|field} IS NOT NULL THEN
        RETURN NEW;
    END IF;
% endif
    -- Images are compared, so that every change counts, in types without an equality operator too.
    IF TG_OP = 'UPDATE' THEN
% for column in new:
        was_${loop.index|literal} := OLD.${column.name|field};
% endfor
        IF OLD.${state|field} IS NULL THEN
            -- The backfill has not reached the row: what the writer left alone is what it would have found there.
            BEGIN
% for column in new:
                was_${loop.index|literal} := ${column.of_old|sql};
% endfor
            EXCEPTION WHEN OTHERS THEN
                failed := true;
% for column in new:
                was_${loop.index|literal} := NULL;
% endfor
            END;
% for column in new:
            IF NOT record_image_ne(ROW(NEW.${column.name|field}), ROW(OLD.${column.name|field})) THEN
                NEW.${column.name|field} := was_${loop.index|literal};
            END IF;
% endfor
        END IF;
        old_side := record_image_ne(ROW(${rows.old_of_new|sql}), ROW(${rows.old_of_old|sql}));
    END IF;
    new_side := record_image_ne(ROW(${rows.new_of_new|sql}), ROW(${rows.was|sql}));
    IF new_side THEN
% for name, down in old:
        NEW.${name|field} := ${down|sql};
% endfor
        -- Whether the old columns hold all that was written: a rollback tells how many rows do not.
        BEGIN
% for column in new:
            was_${loop.index|literal} := ${column.of_new|sql};
% endfor
            NEW.${state|field} := CASE
                WHEN record_image_ne(ROW(${rows.new_of_new|sql}), ROW(${rows.was|sql})) THEN 'n' ELSE 's'
            END;
        EXCEPTION WHEN OTHERS THEN
            NEW.${state|field} := 'n';
        END;
    ELSIF old_side THEN
        -- A value that has no counterpart must not make the write fail: it is counted before contract.
        BEGIN
% for column in new:
            was_${loop.index|literal} := ${column.of_new|sql};
% endfor
            NEW.${state|field} := 's';
        EXCEPTION WHEN OTHERS THEN
            NEW.${state|field} := 'f';
% for column in new:
            was_${loop.index|literal} := NULL;
% endfor
        END;
% for column in new:
        NEW.${column.name|field} := was_${loop.index|literal};
% endfor
    ELSIF OLD.${state|field} IS NULL THEN
        NEW.${state|field} := CASE WHEN failed THEN 'f' ELSE 's' END;
    ELSE
        NEW.${state|field} := OLD.${state|field};
    END IF;
    RETURN NEW;
END
</%block>
