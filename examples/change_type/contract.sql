-- Contract of 20261124T031245_change_type: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_change_type
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: index-orders_pkey transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders: other schema changes and vacuum wait, while every row is read
-- why: takes the place of orders_pkey: built while others write
CREATE UNIQUE INDEX CONCURRENTLY orders_pkey_typed_a1dc36e0 ON public.orders USING btree (migrator_id_dc260a3c);

-- step: add-not-null transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: as on the old column; existing rows are not looked at
ALTER TABLE public.orders ADD CONSTRAINT not_null_typed_ef60e0f5 CHECK (migrator_id_dc260a3c IS NOT NULL) NOT VALID;

-- step: add-lines_order_id_fkey transaction=lines
-- locks: SHARE ROW EXCLUSIVE ON public.lines, SHARE ROW EXCLUSIVE ON public.orders: writes wait, for a moment
-- why: as on the old column; existing rows are not looked at
ALTER TABLE public.lines ADD CONSTRAINT lines_order_id_fkey_typed_8985e339 FOREIGN KEY (order_id) REFERENCES public.orders (migrator_id_dc260a3c) ON DELETE CASCADE NOT VALID;

-- step: validate-not-null transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders: other schema changes and vacuum wait, while every row is read
-- why: looks at every row while reads and writes go on
ALTER TABLE public.orders VALIDATE CONSTRAINT not_null_typed_ef60e0f5;

-- step: validate-lines_order_id_fkey transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.lines: other schema changes and vacuum wait, while every row is read
-- why: looks at every row while reads and writes go on
ALTER TABLE public.lines VALIDATE CONSTRAINT lines_order_id_fkey_typed_8985e339;

-- step: drop-trigger-type transaction=swap-orders-id
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: nothing is left to fill
DROP TRIGGER zzz_migrator_3_00001_id_dc260a3c ON public.orders;

-- step: drop-function-type transaction=swap-orders-id
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_orders_id_type_dc260a3c();

-- step: drop-lines_order_id_fkey transaction=swap-orders-id
-- locks: ACCESS EXCLUSIVE ON public.lines: reads and writes wait, for a moment
-- why: its copy is about the new column
ALTER TABLE public.lines DROP CONSTRAINT lines_order_id_fkey;

-- step: set-not-null transaction=swap-orders-id
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: the validated CHECK proves it, no scan
ALTER TABLE public.orders ALTER COLUMN migrator_id_dc260a3c SET NOT NULL;

-- step: drop-check-not-null transaction=swap-orders-id
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: NOT NULL says the same
ALTER TABLE public.orders DROP CONSTRAINT not_null_typed_ef60e0f5;

-- step: add-identity transaction=swap-orders-id
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: as on the old column
ALTER TABLE public.orders ALTER COLUMN migrator_id_dc260a3c
ADD GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME public.orders_id_seq_typed_ac7a7335);

-- step: set-identity transaction=swap-orders-id
-- locks: ACCESS SHARE ON public.orders_id_seq: nobody waits, for a moment
-- why: goes on where the old one stands; nobody inserts meanwhile
SELECT setval('public.orders_id_seq_typed_ac7a7335', last_value, is_called) FROM public.orders_id_seq;

-- step: drop-old-id transaction=swap-orders-id
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: its indexes and constraints go with it
ALTER TABLE public.orders DROP COLUMN id;

-- step: rename-id transaction=swap-orders-id
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: the new column takes its place
ALTER TABLE public.orders RENAME COLUMN migrator_id_dc260a3c TO id;

-- step: rename-identity transaction=swap-orders-id
-- locks: ACCESS EXCLUSIVE ON public.orders_id_seq_typed_ac7a7335: reads and writes wait, for a moment
-- why: under the name it had
ALTER SEQUENCE public.orders_id_seq_typed_ac7a7335 RENAME TO orders_id_seq;

-- step: key-orders_pkey transaction=swap-orders-id
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: takes the index that was built; no row is looked at
ALTER TABLE public.orders ADD CONSTRAINT orders_pkey PRIMARY KEY USING INDEX orders_pkey_typed_a1dc36e0;

-- step: rename-lines_order_id_fkey transaction=swap-orders-id
-- locks: ACCESS EXCLUSIVE ON public.lines: reads and writes wait, for a moment
-- why: under the name it had
ALTER TABLE public.lines RENAME CONSTRAINT lines_order_id_fkey_typed_8985e339 TO lines_order_id_fkey;

-- step: index-orders_amount_idx transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders: other schema changes and vacuum wait, while every row is read
-- why: takes the place of orders_amount_idx: built while others write
CREATE INDEX CONCURRENTLY orders_amount_idx_typed_323fd835 ON public.orders USING btree (migrator_amount_0aa90378);

-- step: add-converted transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: as on the old column; existing rows are not looked at
ALTER TABLE public.orders ADD CONSTRAINT converted_typed_b93467cd CHECK (migrator_amount_0aa90378 IS DISTINCT FROM NULL OR amount IS NOT DISTINCT FROM NULL OR amount::numeric(12, 2) IS NOT DISTINCT FROM NULL) NOT VALID;

-- step: validate-converted transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders: other schema changes and vacuum wait, while every row is read
-- why: looks at every row while reads and writes go on
ALTER TABLE public.orders VALIDATE CONSTRAINT converted_typed_b93467cd;

-- step: drop-trigger-type-2 transaction=swap-orders-amount
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: nothing is left to fill
DROP TRIGGER zzz_migrator_3_00001_amount_0aa90378 ON public.orders;

-- step: drop-function-type-2 transaction=swap-orders-amount
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_orders_amount_type_0aa90378();

-- step: drop-old-amount transaction=swap-orders-amount
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: its indexes and constraints go with it
ALTER TABLE public.orders DROP COLUMN amount;

-- step: rename-amount transaction=swap-orders-amount
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: the new column takes its place
ALTER TABLE public.orders RENAME COLUMN migrator_amount_0aa90378 TO amount;

-- step: rename-orders_amount_idx transaction=swap-orders-amount
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders_amount_idx_typed_323fd835: other schema changes and vacuum wait, for a moment
-- why: under the name it had
ALTER INDEX public.orders_amount_idx_typed_323fd835 RENAME TO orders_amount_idx;
