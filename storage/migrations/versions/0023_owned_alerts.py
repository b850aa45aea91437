"""By which it is found whether somebody has, or had, a part of a case: asked for each action that is late."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_alerts_owned", "alerts", ["owner_id", "incident_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_alerts_owned", table_name="alerts")
