"""gunicorn's own log, led into that of the process."""

from typing import Any

from gunicorn.glogging import Logger


class GunicornLog(Logger):  # type: ignore[misc]  # gunicorn is untyped
    """What gunicorn calls to tell of something: no handlers of its own, no access log, and no addresses."""

    def setup(self, cfg: Any) -> None:
        """Called at the start, and when gunicorn reads its configuration again."""
        self.cfg = cfg
        self.error_log.propagate = True

    def access(self, *_: Any, **__: Any) -> None:
        """Nothing: a request's line is written by ``app.serving.log_lines``."""

    def exception(self, msg: Any, *args: Any, **options: Any) -> None:
        """An error on gunicorn's way; its own words name the request's address, which may hold a key."""
        self.error_log.error("an error while a request was handled", exc_info=True)
