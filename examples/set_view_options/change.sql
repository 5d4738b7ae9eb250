ALTER VIEW open_orders SET (check_option = local);
ALTER VIEW open_orders RESET (security_barrier);
