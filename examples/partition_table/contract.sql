-- Contract of 20261124T031245_partition_table: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_partition_table
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: rename-orders transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: everybody waits from here on, until the partitioned table has its name
ALTER TABLE public.orders RENAME TO orders_2026;

-- step: rename-orders_customer_id transaction=orders
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders_customer_id: other schema changes and vacuum wait, for a moment
-- why: its name is for the one of the partitioned table
ALTER INDEX public.orders_customer_id RENAME TO orders_2026_customer_id;

-- step: rename-orders_pkey transaction=orders
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders_pkey: other schema changes and vacuum wait, for a moment
-- why: its name is for the one of the partitioned table; its constraint is called the same
ALTER INDEX public.orders_pkey RENAME TO orders_2026_pkey;

-- step: create-orders transaction=orders
-- locks: none on a table that others know: it is new in this transaction
-- why: columns, defaults and CHECKs as they are
CREATE TABLE public.orders (
    LIKE public.orders_2026 INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS INCLUDING COMMENTS INCLUDING STORAGE INCLUDING COMPRESSION
) PARTITION BY RANGE (created_at);

-- step: owner transaction=orders
-- locks: none on a table that others know: it is new in this transaction
-- why: as of the table before
-- migrator: allow SY002 because it is made of what the catalog says at that moment
DO $migrator$
BEGIN
    EXECUTE format(
        'ALTER TABLE %s OWNER TO %I', 'public.orders',
        (SELECT pg_get_userbyid(c.relowner) FROM pg_class AS c WHERE c.oid = CAST('public.orders_2026' AS regclass))
    );
END
$migrator$;

-- step: identity-id transaction=orders
-- locks: none on a table that others know: it is new in this transaction
-- why: the sequence of an identity column cannot change hands
ALTER TABLE public.orders ALTER COLUMN id
ADD GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME public.migrator_orders_id_seq_f55cbea6);

-- step: position-id transaction=orders
-- locks: ACCESS SHARE ON public.orders_id_seq: nobody waits, for a moment
-- why: goes on where the one before stands
SELECT setval('public.migrator_orders_id_seq_f55cbea6', last_value, is_called) FROM public.orders_id_seq;

-- step: drop-identity-id transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders_2026: reads and writes wait, for a moment
-- why: with its sequence; values come from the partitioned table
ALTER TABLE public.orders_2026 ALTER COLUMN id DROP IDENTITY;

-- step: rename-sequence-id transaction=orders
-- locks: none on a table that others know: it is new in this transaction
-- why: as before
ALTER SEQUENCE public.migrator_orders_id_seq_f55cbea6 RENAME TO orders_id_seq;

-- step: add-orders_customer_id_fkey transaction=orders
-- locks: SHARE ROW EXCLUSIVE ON public.customers: writes wait, for a moment
-- why: as it is on the partition, which need not be looked at then
ALTER TABLE public.orders ADD CONSTRAINT orders_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES public.customers(id);

-- step: add-orders_pkey transaction=orders
-- locks: none on a table that others know: it is new in this transaction
-- why: as it is on the partition, which need not be looked at then
ALTER TABLE public.orders ADD CONSTRAINT orders_pkey PRIMARY KEY (id, created_at);

-- step: index-orders_customer_id transaction=orders
-- locks: none on a table that others know: it is new in this transaction
-- why: empty: the one of the partition becomes a part of it
CREATE INDEX orders_customer_id ON public.orders USING btree (customer_id);

-- step: attach-orders_2026 transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders_2026: reads and writes wait, for a moment
-- why: the validated CHECK proves the bound: no row is looked at
ALTER TABLE public.orders ATTACH PARTITION public.orders_2026 FOR VALUES FROM (minvalue) TO ('2027-01-01');

-- step: drop-bound transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders_2026: reads and writes wait, for a moment
-- why: the bound says the same; with that on the partition
ALTER TABLE public.orders DROP CONSTRAINT migrator_orders_2026_bound_080971c1;

-- step: analyze transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders: other schema changes and vacuum wait, while every row is read
-- why: autovacuum never analyzes a partitioned table itself; rows are sampled while reads and writes go on
ANALYZE public.orders;
