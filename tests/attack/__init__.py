"""Attacks and faults at length, each a program that ends by itself: ``python -m tests.attack.NAME``.

They start servers of their own on loopback, print what they measured, and fail where it does not hold.
"""
