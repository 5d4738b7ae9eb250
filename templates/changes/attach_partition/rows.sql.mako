SELECT count(*) FROM ${partition|sql}
