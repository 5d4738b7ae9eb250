DROP TABLE ${table|sql}
