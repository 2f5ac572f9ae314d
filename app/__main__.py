"""The command ``lookalike``, also as ``python -m app``."""


def run() -> None:
    """Run the command. Ctrl-C ends it without a traceback from its first moment on."""
    try:
        # Importing takes a while, in which somebody may think better of it.
        from app.cli import main

        main()
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    run()
