ALTER STATISTICS ${statistics|sql} SET STATISTICS ${target|literal}
