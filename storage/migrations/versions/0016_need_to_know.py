"""Who caused a breach of data, and is kept out of it; and since when a member of staff has not been on the list.

A version before that still runs goes on showing a breach to all who answer for the records.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    caused_by = sa.Column(
        "caused_by",
        sa.JSON(),
        nullable=False,
        server_default=sa.text("'[]'"),
        comment="members of staff, who are kept out of it",
    )
    op.add_column("breaches", caused_by)
    op.add_column("people", sa.Column("left_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("breaches", "caused_by")
    op.drop_column("people", "left_at")
