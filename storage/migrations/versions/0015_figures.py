"""Figures: what was published of each term, and the messages with it.

A version before that still runs leaves these messages to this one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_OF_A_REPORTER = {
    "ix_incidents_reporter": ["school", "reporter_platform", "reporter_user"],
    "ix_incidents_reporter_person": ["school", "reporter_person"],
}
_MESSAGES_BEFORE = "message IN ('alert', 'receipt', 'acknowledged', 'closed', 'reminder', 'request', 'decision', 'opened', 'erasure', 'breach')"
_MESSAGES = _MESSAGES_BEFORE.replace("'breach')", "'breach', 'figures')")
_OF_ONE_BEFORE = (
    "(incident_id IS NULL AND request_id IS NULL) = (breach_id IS NOT NULL) AND (incident_id IS NULL OR request_id IS NULL)"
)
_OF_ONE = (
    "CASE WHEN incident_id IS NULL THEN 0 ELSE 1 END + CASE WHEN request_id IS NULL THEN 0 ELSE 1 END"
    " + CASE WHEN breach_id IS NULL THEN 0 ELSE 1 END + CASE WHEN figures_id IS NULL THEN 0 ELSE 1 END = 1"
)


def upgrade() -> None:
    op.create_table(
        "figures",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False, comment="in which the school year begins"),
        sa.Column("season", sa.String(length=8), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published", sa.JSON(), nullable=False, comment="rounded numbers, as anybody may read them"),
        sa.CheckConstraint("season IN ('autumn', 'spring', 'summer')", name=op.f("ck_figures_season")),
        sa.CheckConstraint("first_day <= last_day", name=op.f("ck_figures_in_order")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_figures")),
        sa.UniqueConstraint("school", "year", "season", name=op.f("uq_figures_school_year_season")),
    )
    op.create_index("ix_incidents_reported", "incidents", ["school", "reported_at"], unique=False)
    # With the new one to choose from, SQLite would look for a reporter's own cases among all of the school's.
    for name, columns in _OF_A_REPORTER.items():
        op.drop_index(name, table_name="incidents")
        op.create_index(name, "incidents", [*columns, "reported_at"], unique=False)
    with op.batch_alter_table("deliveries") as table:
        table.add_column(sa.Column("figures_id", sa.String(length=36), nullable=True))
        table.create_foreign_key(op.f("fk_deliveries_figures_id"), "figures", ["figures_id"], ["id"])
        _checks(table, _MESSAGES, _OF_ONE)
    op.create_index("ix_deliveries_figures_id", "deliveries", ["figures_id"], unique=False)


def downgrade() -> None:
    op.execute("DELETE FROM deliveries WHERE message = 'figures'")
    op.drop_index("ix_deliveries_figures_id", table_name="deliveries")
    with op.batch_alter_table("deliveries") as table:
        _checks(table, _MESSAGES_BEFORE, _OF_ONE_BEFORE)
        table.drop_constraint(op.f("fk_deliveries_figures_id"), type_="foreignkey")
        table.drop_column("figures_id")
    for name, columns in _OF_A_REPORTER.items():
        op.drop_index(name, table_name="incidents")
        op.create_index(name, "incidents", columns, unique=False)
    op.drop_index("ix_incidents_reported", table_name="incidents")
    op.drop_table("figures")


def _checks(table, messages: str, of_one: str) -> None:
    for name, condition in (("message", messages), ("of_one_thing", of_one)):
        table.drop_constraint(op.f(f"ck_deliveries_{name}"), type_="check")
        table.create_check_constraint(op.f(f"ck_deliveries_{name}"), condition)
