ALTER SEQUENCE numbers RENAME TO invoices_id_seq;
