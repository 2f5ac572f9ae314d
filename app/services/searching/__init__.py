"""Searching by similarity: the planner, and the methods over it."""
