"""All pairs of near duplicates in NumPy: exact, in bounded memory; knows neither SQL nor services."""
