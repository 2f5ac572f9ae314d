"""The HTTP server: gunicorn around the Flask application, and what it answers to what is no HTTP."""
