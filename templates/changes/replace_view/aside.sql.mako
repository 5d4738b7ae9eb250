ALTER VIEW ${view|sql} RENAME TO ${aside|ident}
