-- Contract of 20261124T031245_rename_enum_value: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_rename_enum_value
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: rename-order_state-shipped transaction=rename-order_state-shipped
-- why: only the catalog changes: every row has the new name at once, and no table is locked
ALTER TYPE public.order_state RENAME VALUE 'shipped' TO 'sent';
