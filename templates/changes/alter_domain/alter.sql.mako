ALTER DOMAIN ${domain|sql} ${action|sql}
