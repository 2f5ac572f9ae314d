"""Lookalike: visual-similarity search over REST, with everything in PostgreSQL.

Layers, imports downward only; docs/ARCHITECTURE.md is the map:

    cli → serving → api → services → {db, embedding, images, filters, pairs, samples, postgres} → domain
"""

__version__ = "0.1.0"
