"""Use cases. Each takes the runtime and plain values, owns its transaction, and returns plain values.

The wings, one folder for each kind of work, import only those to their right, and the modules beside them:

    operating → transfer → inserting → duplicates → searching → records → shared modules
"""
