SELECT count(*) FROM ${old|sql} AS o JOIN ${new|sql} AS n ON ${link|sql} WHERE ${disagrees|sql}
