"""The register of consent: for whom a picture, a recording or work may be published, by whose word and until when.

A version before that still runs neither shows nor changes any of it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_KEPT = "kept IN ('recorded', 'changed', 'withdrawn', 'imported')"


def upgrade() -> None:
    op.create_table(
        "consents",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("pupil_id", sa.String(length=36), nullable=True, comment="who it is on the school's list, if they are on it"),
        sa.Column(
            "name_mark", sa.String(length=64), nullable=False, comment="what stands for the whole name, by the school's key"
        ),
        sa.Column("versions", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("versions > 0", name=op.f("ck_consents_has_a_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
    )
    op.create_index("ix_consents_name", "consents", ["school", "name_mark"], unique=False)
    op.create_index("ix_consents_list", "consents", ["school", "id"], unique=False)
    listed = sa.text("pupil_id IS NOT NULL")
    op.create_index(
        "ix_consents_pupil", "consents", ["school", "pupil_id"], unique=True, sqlite_where=listed, postgresql_where=listed
    )
    op.create_table(
        "consent_versions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("consent_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False, comment="empty where a file was taken over"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kept", sa.String(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(_KEPT, name=op.f("ck_consent_versions_kept")),
        sa.CheckConstraint("number > 1 OR kept IN ('recorded', 'imported')", name=op.f("ck_consent_versions_first")),
        sa.ForeignKeyConstraint(["consent_id"], ["consents.id"], name=op.f("fk_consent_versions_consent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_versions")),
        sa.UniqueConstraint("consent_id", "number", name=op.f("uq_consent_versions_consent_id_number")),
    )


def downgrade() -> None:
    op.drop_table("consent_versions")
    op.drop_table("consents")
