"""Credits that are reserved while a call embeds."""

from app.db.migrations import install_interface, run_sql_file

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0010_reservations.up.sql")
    # What the role of the service may do with the new table.
    install_interface()


def downgrade() -> None:
    run_sql_file("0010_reservations.down.sql")
