CREATE TYPE ${type|sql} AS ENUM (${labels|sql})
