DROP STATISTICS ${schema|ident}.${statistics|ident}
