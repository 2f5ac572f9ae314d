"""What the console keeps: sign-ins, pictures asked with, actions and what undoes them, groups kept whole."""

from app.db.migrations import run_sql_file

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0007_console.up.sql")


def downgrade() -> None:
    run_sql_file("0007_console.down.sql")
