DROP DOMAIN ${domain|sql}
