"""The review of duplicates: groups of stored pairs, and what persons decide about them.

stored pairs → graph (kept in the process while nothing changes) → groups at a radius → a group with its facts
→ rules choose who stays → a person decides → an action that can be undone
"""
