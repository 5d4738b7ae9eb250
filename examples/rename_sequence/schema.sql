CREATE SEQUENCE numbers; CREATE TABLE invoices (id bigint DEFAULT nextval('numbers') PRIMARY KEY);
