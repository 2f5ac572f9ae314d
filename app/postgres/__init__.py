"""The server behind the database URL: the embedded PostgreSQL with its account, files and tuning. No query is
here.
"""
