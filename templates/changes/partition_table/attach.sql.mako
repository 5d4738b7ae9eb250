ALTER TABLE ${table|sql} ATTACH PARTITION ${partition|sql} ${bound|sql}
