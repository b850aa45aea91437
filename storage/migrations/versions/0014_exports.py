"""Sealed pages in the folder for exports: which there are, until when, and what became of them.

A version before that still runs makes pages without a row: they are found in the folder and given one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_ENDS = "ended IN ('time', 'maker', 'operator', 'erased', 'replaced', 'missing')"


def upgrade() -> None:
    op.create_table(
        "exports",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("file", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("made_by", sa.String(length=36), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("cases", sa.JSON(), nullable=False, comment="the ids of the cases in it"),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended", sa.String(length=16), nullable=True),
        sa.CheckConstraint("kind IN ('subject', 'handover')", name=op.f("ck_exports_kind")),
        sa.CheckConstraint(_ENDS, name=op.f("ck_exports_ended")),
        sa.CheckConstraint("(ended IS NULL) = (ended_at IS NULL)", name=op.f("ck_exports_ended_at_some_time")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exports")),
        sa.UniqueConstraint("school", "file", name=op.f("uq_exports_school_file")),
    )


def downgrade() -> None:
    op.drop_table("exports")
