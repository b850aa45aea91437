"""A staff list that knows people again."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    about = "the school's own number of a member of staff, if a list gave it"
    op.add_column("people", sa.Column("number", sa.String(length=64), nullable=True, comment=about))
    op.create_index("ix_people_number", "people", ["school", "number"], unique=True)


def downgrade() -> None:
    op.drop_index("ix_people_number", table_name="people")
    op.drop_column("people", "number")
