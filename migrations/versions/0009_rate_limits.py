"""Rate classes, allowances, and when tokens were last used."""

from app.db.migrations import install_interface, run_sql_file

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0009_rate_limits.up.sql")
    # What the role of the service may do with the new tables.
    install_interface()


def downgrade() -> None:
    run_sql_file("0009_rate_limits.down.sql")
