"""What the HTTP service remembers, in SQL: orders, batches, keys, webhook endpoints, products."""
