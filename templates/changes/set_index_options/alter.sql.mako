ALTER INDEX ${index|sql} ${how|sql} (${options|sql})
