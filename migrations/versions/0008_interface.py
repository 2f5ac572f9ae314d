"""The SQL interface: views, functions and roles (``sql/interface``), and what they show beyond records."""

from app.db.migrations import install_interface, run_sql_file

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0008_interface.up.sql")
    install_interface()


def downgrade() -> None:
    run_sql_file("0008_interface.down.sql")
