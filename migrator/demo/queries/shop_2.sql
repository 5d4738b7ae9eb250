-- name: place
INSERT INTO orders (customer_id, reference, total_cents)
VALUES (%(customer)s, %(reference)s, %(total)s)
RETURNING id, revision, total_cents

-- name: add_line
INSERT INTO order_lines (order_id, position, product)
VALUES (%(order)s, 1, %(product)s)

-- name: count_order
UPDATE customers SET orders_placed = orders_placed + 1 WHERE id = %(customer)s

-- name: change
UPDATE orders SET total_cents = %(total)s, revision = revision + 1
WHERE id = %(order)s
RETURNING id, revision, total_cents

-- name: cart
INSERT INTO orders (customer_id, reference, total_cents)
VALUES (%(customer)s, %(reference)s, %(total)s)
ON CONFLICT (reference) DO UPDATE
SET total_cents = excluded.total_cents, revision = orders.revision + 1
RETURNING id, revision, total_cents

-- name: read
SELECT id, revision, total_cents FROM orders WHERE id = %(order)s

-- name: lock_two
SELECT id, revision, total_cents FROM orders
WHERE id = ANY(%(orders)s)
ORDER BY id
FOR UPDATE

-- name: summary
SELECT count(*) AS orders, coalesce(sum(total_cents), 0) AS spent
FROM orders
WHERE customer_id = %(customer)s
