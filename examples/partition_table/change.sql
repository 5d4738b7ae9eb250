-- migrator: partition = orders_2026 FOR VALUES FROM (MINVALUE) TO ('2027-01-01')
CREATE TABLE orders (LIKE orders) PARTITION BY RANGE (created_at);
