"""The pairs of near duplicates that ``lookalike duplicates`` finds."""

from app.db.migrations import run_sql_file

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0004_near_duplicate_pairs.up.sql")


def downgrade() -> None:
    run_sql_file("0004_near_duplicate_pairs.down.sql")
