ALTER TABLE ${table|sql} REPLICA IDENTITY ${identity|sql}
