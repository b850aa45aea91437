"""What a child's chronology is found by, where their name was typed.

A version before that still runs writes names that have no marks yet, and leaves those of a case that it erases: both are made up
for by the job that seals what an older version wrote.
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_UNMARKED = sa.text("person_id IS NULL AND NOT marked AND sealed IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "typed_names",
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False, comment="made of a word of a name that was typed"),
        sa.Column("incident_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_typed_names_incident_id")),
        sa.PrimaryKeyConstraint("school", "token", "incident_id", name=op.f("pk_typed_names")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_typed_names_incident_id", "typed_names", ["incident_id"])
    op.add_column(
        "participants",
        sa.Column(
            "marked",
            sa.Boolean(),
            nullable=False,
            server_default=sa.text("false"),
            comment="typed_names has the words of a name that was typed",
        ),
    )
    op.create_index(
        "ix_participants_unmarked",
        "participants",
        ["incident_id"],
        sqlite_where=_UNMARKED,
        postgresql_where=_UNMARKED,
    )


def downgrade() -> None:
    op.drop_index("ix_participants_unmarked", table_name="participants")
    op.drop_column("participants", "marked")
    op.drop_table("typed_names")
