DROP EXTENSION ${extension|ident}
