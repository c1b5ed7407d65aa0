"""What is measured: one module a family of tests, each with its result as plain data."""
