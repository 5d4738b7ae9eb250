DROP PUBLICATION ${publication|ident}
