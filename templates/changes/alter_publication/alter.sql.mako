ALTER PUBLICATION ${publication|ident} ${action|sql} TABLE ${tables|sql}
