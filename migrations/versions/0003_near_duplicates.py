"""An index that finds all perceptual hashes within 31 bits."""

from app.db.migrations import run_sql_file

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0003_near_duplicates.up.sql")


def downgrade() -> None:
    run_sql_file("0003_near_duplicates.down.sql")
