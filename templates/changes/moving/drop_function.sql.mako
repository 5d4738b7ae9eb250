DROP FUNCTION ${function|sql}()
