"""Where ``sql/`` and ``migrations/`` lie: beside the package in a checkout, inside of it in a wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent
_BUNDLED = _PACKAGE / "_bundled"
_ROOT = _BUNDLED if _BUNDLED.is_dir() else _PACKAGE.parent

SQL_FOLDER = _ROOT / "sql"
MIGRATIONS_FOLDER = _ROOT / "migrations"
