CREATE TABLE invoices (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers,
    total numeric(12, 2) NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX invoices_customer_id_id_idx ON invoices (customer_id, id);
