CREATE TEMPORARY SEQUENCE migrator_trial ${options|sql}
