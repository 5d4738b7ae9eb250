CREATE TABLE measurements (taken date NOT NULL, value numeric) PARTITION BY RANGE (taken);
CREATE TABLE measurements_2025 PARTITION OF measurements FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE measurements_rest PARTITION OF measurements DEFAULT;
CREATE INDEX measurements_value_idx ON measurements (value);
CREATE TABLE measurements_2026 (taken date NOT NULL, value numeric);
INSERT INTO measurements_2026 SELECT date '2026-01-01' + n, n FROM generate_series(0, 99) AS n;
