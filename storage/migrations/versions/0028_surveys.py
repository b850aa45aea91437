"""Surveys of pupils and parents: what was opened, and how often each choice was made.

A version before that still runs shows none of it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "surveys",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False, comment="the survey's id in the policy's folder"),
        sa.Column("asked", sa.JSON(), nullable=False, comment="its questions, as they were when it was opened"),
        sa.Column("token", sa.String(length=64), nullable=False, comment="the digest of what stands in its link"),
        sa.Column("opened_by", sa.String(length=36), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True, comment="where somebody closed it before"),
        sa.Column("base", sa.Integer(), nullable=False, comment="what is published are multiples of it"),
        sa.Column(
            "seen", sa.Integer(), nullable=False, server_default="0", comment="how many answers are in what is published"
        ),
        sa.Column("lot", sa.String(length=64), nullable=False, server_default="", comment="where its numbers tip over"),
        sa.Column("published", sa.JSON(), nullable=True, comment="rounded numbers, as those who run it may read them"),
        sa.CheckConstraint("base >= 3", name=op.f("ck_surveys_base")),
        sa.CheckConstraint("opened_at < closes_at", name=op.f("ck_surveys_in_order")),
        sa.CheckConstraint("seen = 0 OR seen >= base", name=op.f("ck_surveys_seen_by_enough")),
        sa.CheckConstraint(
            "(seen = 0) = (published IS NULL) AND (seen = 0) = (lot = '')", name=op.f("ck_surveys_published_of_some")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_surveys")),
        sa.UniqueConstraint("token", name=op.f("uq_surveys_token")),
    )
    op.create_index("ix_surveys_list", "surveys", ["school", "opened_at"], unique=False)
    op.create_table(
        "survey_counts",
        sa.Column("survey_id", sa.String(length=36), nullable=False),
        sa.Column("question", sa.String(length=40), nullable=False, comment="empty for the number of all answers"),
        sa.Column("choice", sa.String(length=40), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.CheckConstraint("times >= 0", name=op.f("ck_survey_counts_times")),
        sa.ForeignKeyConstraint(["survey_id"], ["surveys.id"], name=op.f("fk_survey_counts_survey_id")),
        sa.PrimaryKeyConstraint("survey_id", "question", "choice", name=op.f("pk_survey_counts")),
    )
    op.create_table(
        "survey_sends",
        sa.Column("survey_id", sa.String(length=36), nullable=False),
        sa.Column("page", sa.String(length=64), nullable=False, comment="the digest of a page that was sent in"),
        sa.ForeignKeyConstraint(["survey_id"], ["surveys.id"], name=op.f("fk_survey_sends_survey_id")),
        sa.PrimaryKeyConstraint("survey_id", "page", name=op.f("pk_survey_sends")),
    )


def downgrade() -> None:
    op.drop_table("survey_sends")
    op.drop_table("survey_counts")
    op.drop_table("surveys")
