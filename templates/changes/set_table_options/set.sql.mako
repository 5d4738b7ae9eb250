ALTER TABLE ${table|sql} SET (${options|sql})
