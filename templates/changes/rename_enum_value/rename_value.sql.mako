ALTER TYPE ${type|sql} RENAME VALUE ${value|literal} TO ${new_name|literal}
