ALTER TABLE ${table|sql} DETACH PARTITION ${partition|sql}
