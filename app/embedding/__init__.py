"""Embedding models: pictures and texts become unit-length vectors.

``registry`` loads each model once per process and lends it out behind a ``batching.BatchedEmbedder``, so that the
pictures of concurrent callers share the network's batches. Nothing here imports torch before a model is needed.
"""
