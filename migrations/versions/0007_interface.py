"""The SQL interface: what reports may rely on, made anew from ``sql/interface``."""

from app.db.migrations import run_interface, run_sql_file

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_interface()


def downgrade() -> None:
    run_sql_file("0007_interface.down.sql")
