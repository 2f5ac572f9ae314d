"""Use cases. Each takes the runtime and plain values, owns its transaction, and returns plain values."""
