-- name: place
INSERT INTO orders (customer_id, reference, total)
VALUES (%(customer)s, %(reference)s, %(total)s)
RETURNING id, revision, total

-- name: add_line
INSERT INTO order_lines (order_id, position, product)
VALUES (%(order)s, 1, %(product)s)

-- name: count_order
UPDATE customers SET orders_placed = orders_placed + 1 WHERE id = %(customer)s

-- name: change
UPDATE orders SET total = %(total)s, revision = revision + 1
WHERE id = %(order)s
RETURNING id, revision, total

-- name: cart
INSERT INTO orders (customer_id, reference, total)
VALUES (%(customer)s, %(reference)s, %(total)s)
ON CONFLICT (reference) DO UPDATE
SET total = excluded.total, revision = orders.revision + 1
RETURNING id, revision, total

-- name: read
SELECT id, revision, total FROM orders WHERE id = %(order)s

-- name: lock_two
SELECT id, revision, total FROM orders
WHERE id = ANY(%(orders)s)
ORDER BY id
FOR UPDATE

-- name: summary
SELECT count(*) AS orders, coalesce(sum(total), 0) AS spent
FROM orders
WHERE customer_id = %(customer)s
