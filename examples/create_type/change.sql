CREATE TYPE address AS (street text, number integer);
