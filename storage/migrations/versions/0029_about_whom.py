"""Whom of the staff a request is about: they neither answer it nor read it, which lists must know without opening each.

A version before that still runs does not know of it, and shows what it showed.
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("about", sa.Text(), nullable=False, server_default="", comment="ids of the staff it is about, by comma")
    op.add_column("submissions", column)


def downgrade() -> None:
    op.drop_column("submissions", "about")
