"""Indexes for a million incidents: one's own reports, a case's part of the audit, what stands in a channel."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_IN_A_CHANNEL = sa.text("address_kind = 'channel'")


def upgrade() -> None:
    op.create_index("ix_incidents_reporter_person", "incidents", ["school", "reporter_person"], unique=False)
    op.create_index(
        "ix_deliveries_channel",
        "deliveries",
        ["address_id"],
        unique=False,
        sqlite_where=_IN_A_CHANNEL,
        postgresql_where=_IN_A_CHANNEL,
    )
    # In the order in which a case's entries are read: otherwise SQLite reads a school's whole audit, as that needs no sorting.
    op.create_index("ix_audit_case", "audit", ["school", "incident_id", "seq"], unique=False)
    op.drop_index("ix_audit_incident", table_name="audit")


def downgrade() -> None:
    op.create_index("ix_audit_incident", "audit", ["incident_id"], unique=False)
    op.drop_index("ix_audit_case", table_name="audit")
    op.drop_index("ix_deliveries_channel", table_name="deliveries")
    op.drop_index("ix_incidents_reporter_person", table_name="incidents")
