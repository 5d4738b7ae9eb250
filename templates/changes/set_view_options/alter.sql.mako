ALTER VIEW ${view|sql} ${how|sql} (${options|sql})
