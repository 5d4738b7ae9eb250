ALTER TABLE ${table|sql} ${state|sql} ROW LEVEL SECURITY
