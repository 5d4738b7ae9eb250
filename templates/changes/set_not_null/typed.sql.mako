SELECT CAST(${fill|sql} AS ${type|sql}) FROM ${table|sql}
