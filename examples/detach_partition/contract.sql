-- Contract of 20261124T031245_detach_partition: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_detach_partition
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: detach-measurements_2020 transaction=none
-- locks: ACCESS EXCLUSIVE ON public.measurements_2020, SHARE UPDATE EXCLUSIVE ON public.measurements: reads and writes wait, for a moment
-- why: no code looks for its rows here any more
ALTER TABLE public.measurements DETACH PARTITION public.measurements_2020 CONCURRENTLY;
