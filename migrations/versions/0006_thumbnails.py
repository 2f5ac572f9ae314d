"""Thumbnails, and verdicts on pairs of pictures."""

from app.db.migrations import run_sql_file

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0006_thumbnails.up.sql")


def downgrade() -> None:
    run_sql_file("0006_thumbnails.down.sql")
