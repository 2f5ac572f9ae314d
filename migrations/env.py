"""Alembic's entry point: one connection, one transaction per migration, one migrating process at a time."""

from alembic import context
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from app.db.migrations import VERSION_SCHEMA, VERSION_TABLE, sqlalchemy_url
from app.postgres.urls import database_url
from app.settings import load_settings

# Any constant does; it is the name of the lock "somebody is migrating this database".
MIGRATION_LOCK = 0x10074A11


def run_offline() -> None:
    context.configure(
        dialect_name="postgresql",
        version_table=VERSION_TABLE,
        version_table_schema=VERSION_SCHEMA,
        literal_binds=True,
        transaction_per_migration=True,
    )
    context.get_context().impl.static_output(f"CREATE SCHEMA IF NOT EXISTS {VERSION_SCHEMA};")
    with context.begin_transaction():
        context.run_migrations()


def run_online(connection: Connection) -> None:
    # Two deployments that start at once: the second waits here, then finds nothing left to do.
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
    # A migration that cannot get its lock soon gives up: waiting for it, it would hold up everybody behind it.
    connection.execute(text("SET lock_timeout = '10s'"))
    connection.execute(text("SET statement_timeout = '30min'"))
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {VERSION_SCHEMA}"))
    connection.commit()
    context.configure(
        connection=connection,
        version_table=VERSION_TABLE,
        version_table_schema=VERSION_SCHEMA,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()


if context.is_offline_mode():
    run_offline()
else:
    url = context.config.attributes.get("url") or sqlalchemy_url(database_url(load_settings()))
    with create_engine(url, poolclass=NullPool).connect() as connection:
        run_online(connection)
