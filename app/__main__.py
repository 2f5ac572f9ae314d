"""``python -m app`` is the command ``lookalike``."""

from app.cli import main

main()
