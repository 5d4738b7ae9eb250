-- migrator: phase = expand
-- migrator: undo = DROP STATISTICS public.orders_by_city
CREATE STATISTICS public.orders_by_city ON city, zip FROM public.orders;

-- migrator: phase = backfill
UPDATE public.orders SET note = '' WHERE note IS NULL;

-- migrator: phase = contract
DROP RULE no_delete ON public.orders;
