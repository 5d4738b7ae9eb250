-- migrator: up = make_interval(hours => hours, mins => minutes)
-- migrator: down = extract(epoch FROM length)::integer / 3600, extract(epoch FROM length)::integer % 3600 / 60
ALTER TABLE films ADD COLUMN length interval, DROP COLUMN hours, DROP COLUMN minutes;
