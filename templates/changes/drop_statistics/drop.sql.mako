DROP STATISTICS ${statistics|sql}
