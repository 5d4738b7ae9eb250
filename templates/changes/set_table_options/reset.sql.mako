ALTER TABLE ${table|sql} RESET (${names|sql})
