ALTER TABLE memberships ADD PRIMARY KEY (user_id, team_id);
