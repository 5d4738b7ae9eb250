CREATE TYPE ${type|sql} AS (${attributes|sql})
