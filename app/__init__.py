"""Lookalike: visual-similarity search over REST, with everything in PostgreSQL.

Layers, imports downward only: ``cli → api → services → {db, embedding, images, filters} → domain``.
"""

__version__ = "0.1.0"
