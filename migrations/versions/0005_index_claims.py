"""Who is building or dropping an index on an attribute, without a session's lock."""

from app.db.migrations import run_sql_file

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file("0005_index_claims.up.sql")


def downgrade() -> None:
    run_sql_file("0005_index_claims.down.sql")
