"""Somebody who owns the database, and so can take off what keeps the audit from being changed."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

SQLITE_TRIGGERS = ("audit_held_update", "audit_held_delete", "audit_held_replace")


async def let_go_of_the_audit(connection: AsyncConnection) -> None:
    """From now on the audit can be changed like any other table."""
    if connection.dialect.name == "sqlite":
        for name in SQLITE_TRIGGERS:
            await connection.execute(text(f"DROP TRIGGER {name}"))
    else:
        await connection.execute(text("ALTER TABLE audit DISABLE TRIGGER audit_held"))


async def hold_the_audit(connection: AsyncConnection) -> None:
    """As it was, on PostgreSQL."""
    await connection.execute(text("ALTER TABLE audit ENABLE ALWAYS TRIGGER audit_held"))
