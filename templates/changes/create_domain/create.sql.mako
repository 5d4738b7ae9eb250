CREATE DOMAIN ${domain|sql} AS ${definition|sql}
