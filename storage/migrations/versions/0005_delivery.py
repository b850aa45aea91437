"""Deliveries that are fenced by their lease, put in once a step, given up after days, and go by e-mail in the end."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_PLATFORMS = "platform IN ('slack', 'teams', 'console', 'email')"
_PLATFORMS_BEFORE = "platform IN ('slack', 'teams', 'console')"
_PARTIAL = (
    ("ix_incidents_open", "incidents", "id", "state IN ('reported', 'acknowledged', 'in_progress')"),
    ("ix_alerts_live", "alerts", "incident_id", "state IN ('open', 'acknowledged')"),
    ("ix_drafts_open", "drafts", "expires_at", "state = 'open'"),
)
"""What is looked for all the time, among the many that are done with."""


def upgrade() -> None:
    # Every new column has a default: a program of the version before goes on writing rows while this one takes over.
    with op.batch_alter_table("deliveries") as table:
        table.add_column(
            sa.Column(
                "step",
                sa.String(length=128),
                server_default="",
                nullable=False,
                comment="what makes it due: it is sent there once for that",
            )
        )
        table.add_column(
            sa.Column(
                "lease",
                sa.Integer(),
                server_default="0",
                nullable=False,
                comment="goes up with every lease, and never back",
            )
        )
        table.add_column(sa.Column("made_at", sa.DateTime(timezone=True), nullable=True))
        table.add_column(
            sa.Column(
                "uncertain",
                sa.Boolean(),
                server_default=sa.false(),
                nullable=False,
                comment="it may have been posted unbeknown",
            )
        )
        table.drop_constraint(op.f("ck_deliveries_platform"), type_="check")
        table.create_check_constraint(op.f("ck_deliveries_platform"), _PLATFORMS)
    op.create_index(
        "ix_deliveries_once",
        "deliveries",
        ["message", "platform", "address_id", "step"],
        unique=True,
        sqlite_where=sa.text("step <> ''"),
        postgresql_where=sa.text("step <> ''"),
    )
    op.create_index(
        "ix_deliveries_dead",
        "deliveries",
        ["school"],
        unique=False,
        sqlite_where=sa.text("state = 'dead'"),
        postgresql_where=sa.text("state = 'dead'"),
    )
    for name, table, column, where in _PARTIAL:
        op.create_index(name, table, [column], unique=False, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def downgrade() -> None:
    for name, table, _, _ in _PARTIAL:
        op.drop_index(name, table_name=table)
    op.drop_index("ix_deliveries_dead", table_name="deliveries")
    op.drop_index("ix_deliveries_once", table_name="deliveries")
    op.execute("DELETE FROM deliveries WHERE platform = 'email'")
    with op.batch_alter_table("deliveries") as table:
        table.drop_constraint(op.f("ck_deliveries_platform"), type_="check")
        table.create_check_constraint(op.f("ck_deliveries_platform"), _PLATFORMS_BEFORE)
        table.drop_column("uncertain")
        table.drop_column("made_at")
        table.drop_column("lease")
        table.drop_column("step")
