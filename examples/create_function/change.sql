CREATE FUNCTION net(amount numeric) RETURNS numeric LANGUAGE sql AS $$ SELECT amount / 1.19 $$;
