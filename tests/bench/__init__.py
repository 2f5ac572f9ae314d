"""Measurements: ``make bench``. Every line is a ratio or a figure taken side by side in one run.

Nothing here is a test: figures depend on the machine, and the machine is shared. What has to hold is printed
beside what was measured.
"""
