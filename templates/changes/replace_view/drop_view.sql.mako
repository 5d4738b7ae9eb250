DROP VIEW ${view|sql}
