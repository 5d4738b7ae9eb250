-- migrator: phase = contract
ALTER TYPE order_state RENAME VALUE 'shipped' TO 'sent';
