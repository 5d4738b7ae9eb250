-- Expand of 20261124T031245_attach_partition: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_attach_partition
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: index-measurements_value_idx transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.measurements_2026: other schema changes and vacuum wait, while every row is read
-- why: as measurements_value_idx of measurements; built while reads and writes go on
CREATE INDEX CONCURRENTLY measurements_2026_value_idx ON public.measurements_2026 USING btree (value);

-- step: add-bound transaction=bound-measurements
-- locks: ACCESS EXCLUSIVE ON public.measurements_2026: reads and writes wait, for a moment
-- why: refuses rows outside the bound from here on; existing rows are not looked at
ALTER TABLE public.measurements_2026 ADD CONSTRAINT migrator_measurements_2026_bound_77978909 CHECK (taken IS NOT NULL AND taken >= CAST('2026-01-01' AS date) AND taken < CAST('2027-01-01' AS date)) NOT VALID;

-- step: validate-bound transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.measurements_2026: other schema changes and vacuum wait, while every row is read
-- why: looks at every row while reads and writes go on
ALTER TABLE public.measurements_2026 VALIDATE CONSTRAINT migrator_measurements_2026_bound_77978909;

-- step: add-default transaction=default-measurements
-- locks: ACCESS EXCLUSIVE ON public.measurements_rest: reads and writes wait, for a moment
-- why: refuses rows of the bound from here on; existing rows are not looked at
ALTER TABLE public.measurements_rest ADD CONSTRAINT migrator_measurements_2026_bound_77978909 CHECK (NOT (taken IS NOT NULL AND taken >= CAST('2026-01-01' AS date) AND taken < CAST('2027-01-01' AS date))) NOT VALID;

-- step: validate-default transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.measurements_rest: other schema changes and vacuum wait, while every row is read
-- why: looks at every row while reads and writes go on
ALTER TABLE public.measurements_rest VALIDATE CONSTRAINT migrator_measurements_2026_bound_77978909;

-- step: attach-measurements_2026 transaction=measurements
-- locks: ACCESS EXCLUSIVE ON public.measurements_2026, SHARE UPDATE EXCLUSIVE ON public.measurements: reads and writes wait, for a moment
-- why: the validated CHECK proves the bound, no row is looked at
ALTER TABLE public.measurements ATTACH PARTITION public.measurements_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');

-- step: drop-bound transaction=measurements
-- locks: ACCESS EXCLUSIVE ON public.measurements_2026: reads and writes wait, for a moment
-- why: the bound says the same
ALTER TABLE public.measurements_2026 DROP CONSTRAINT migrator_measurements_2026_bound_77978909;

-- step: drop-default transaction=measurements
-- locks: ACCESS EXCLUSIVE ON public.measurements_rest: reads and writes wait, for a moment
-- why: the bound says the same
ALTER TABLE public.measurements_rest DROP CONSTRAINT migrator_measurements_2026_bound_77978909;
