ALTER ${kind|sql} ${where|sql} SET TABLESPACE ${tablespace|ident}
