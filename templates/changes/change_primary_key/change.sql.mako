ALTER TABLE ${table|sql}
    DROP CONSTRAINT ${old|ident},
    ADD CONSTRAINT ${new|ident} PRIMARY KEY USING INDEX ${index|ident}${timing|sql}
