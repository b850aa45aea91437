"""Who reads a channel: what a look brings late does not overwrite what is newer."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_BEGUN, _COUNTED = "the number of the look at it that was begun last", "that of the newest that counts"


def upgrade() -> None:
    for name, comment in (("begun", _BEGUN), ("counted", _COUNTED)):
        op.add_column("channel_readers", sa.Column(name, sa.Integer(), server_default="0", nullable=False, comment=comment))


def downgrade() -> None:
    op.drop_column("channel_readers", "counted")
    op.drop_column("channel_readers", "begun")
