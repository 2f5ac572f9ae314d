"""What people do to records and pairs, logged, and undone again."""
