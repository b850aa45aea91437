"""What a long queue is found by: a page of it by time, from any line on."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_ALERTS = (
    ("ix_alerts_due", ["school", "due_at", "id"], "state IN ('open', 'acknowledged')"),
    ("ix_alerts_waiting", ["school", "due_at", "id"], "state = 'open'"),
    ("ix_alerts_taken", ["school", "due_at", "id"], "state = 'acknowledged'"),
    ("ix_alerts_owner", ["owner_id", "due_at", "id"], "state = 'acknowledged'"),
)


def upgrade() -> None:
    for name, columns, which in _ALERTS:
        op.create_index(name, "alerts", columns, unique=False, sqlite_where=sa.text(which), postgresql_where=sa.text(which))


def downgrade() -> None:
    for name, _, _ in _ALERTS:
        op.drop_index(name, table_name="alerts")
