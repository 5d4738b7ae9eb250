-- Contract of 20261124T031245_set_view_options: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_set_view_options
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: set-options-open_orders transaction=open_orders
-- locks: ACCESS EXCLUSIVE ON public.open_orders: reads and writes wait, for a moment
-- why: it holds for whoever uses the view, whichever version
ALTER VIEW public.open_orders SET (check_option = local);

-- step: set-options-open_orders-2 transaction=open_orders
-- locks: ACCESS EXCLUSIVE ON public.open_orders: reads and writes wait, for a moment
-- why: it holds for whoever uses the view, whichever version
ALTER VIEW public.open_orders RESET (security_barrier);
