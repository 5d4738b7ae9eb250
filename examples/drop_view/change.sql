DROP VIEW legacy_orders;
