-- Contract of 20261124T031245_add_identity: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_add_identity
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-default-id transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: the identity takes its place; nobody inserts until then
ALTER TABLE public.orders ALTER COLUMN id DROP DEFAULT;

-- step: set-aside-id transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders_id_seq: reads and writes wait, for a moment
-- why: the sequence of the identity has its name; nobody draws from it until then
ALTER SEQUENCE public.orders_id_seq RENAME TO orders_id_seq_before_f2411ab2;

-- step: identity-id transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: inserts need not name values any more, and may not
ALTER TABLE public.orders ALTER COLUMN id
ADD GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME public.orders_id_seq);

-- step: go-on-id transaction=orders
-- locks: ACCESS SHARE ON public.orders_id_seq_before_f2411ab2: nobody waits, for a moment
-- why: the next number is the one that would have come
SELECT setval('public.orders_id_seq', last_value, is_called) FROM public.orders_id_seq_before_f2411ab2;

-- step: drop-sequence-id transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders_id_seq_before_f2411ab2: reads and writes wait, for a moment
-- why: nothing draws from it any more
DROP SEQUENCE public.orders_id_seq_before_f2411ab2;
