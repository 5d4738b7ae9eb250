SELECT CAST(${value|sql} AS ${type|sql}) FROM ${table|sql}
