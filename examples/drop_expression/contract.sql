-- Contract of 20261124T031245_drop_expression: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_drop_expression
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-expression-total transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: no code is left that counts on the value being computed
ALTER TABLE public.orders ALTER COLUMN total DROP EXPRESSION;
