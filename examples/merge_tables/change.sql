-- migrator: into = users
-- migrator: nullable = bio
DROP TABLE profiles;
