DROP ${noun|sql} ${function|sql}(${arguments|sql})
