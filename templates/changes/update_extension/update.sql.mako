ALTER EXTENSION ${extension|ident} UPDATE TO ${version|literal}
