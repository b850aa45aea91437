"""Since when a message has been tried without a standstill, and when the first alert of a case was posted."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TRIED = "since when it has been tried, with no long standstill in between"


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("tried_since", sa.DateTime(timezone=True), nullable=True, comment=_TRIED))
    op.add_column("incidents", sa.Column("first_alert_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("incidents", "first_alert_at")
    op.drop_column("deliveries", "tried_since")
