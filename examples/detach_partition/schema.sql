CREATE TABLE measurements (taken date NOT NULL, value numeric) PARTITION BY RANGE (taken);
CREATE TABLE measurements_2020 PARTITION OF measurements FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE measurements_2026 PARTITION OF measurements FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO measurements SELECT date '2020-01-01' + n, n FROM generate_series(0, 99) AS n;
