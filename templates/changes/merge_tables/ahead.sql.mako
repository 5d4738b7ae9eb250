SELECT count(*) FROM ${new|sql} AS n WHERE (${given|sql}) AND NOT EXISTS (SELECT FROM ${old|sql} AS o WHERE ${link|sql} AND NOT ${disagrees|sql})
