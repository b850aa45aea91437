"""Questions about the policy: as asked, what the policy is silent on, and what is asked of whoever holds a role."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_MESSAGES = "message IN ('alert', 'receipt', 'acknowledged', 'closed', 'reminder', 'request', 'decision')"
_MESSAGES_BEFORE = "message IN ('alert', 'receipt', 'acknowledged', 'closed', 'reminder')"
_ONE_THING = "(incident_id IS NULL) <> (request_id IS NULL)"


def upgrade() -> None:
    op.create_table(
        "asked",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("platform", sa.String(length=16), nullable=False),
        sa.Column("user_id", sa.String(length=128), nullable=False),
        sa.Column("text", sa.Text(), nullable=False, comment="as it was typed: it may hold anything"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("platform IN ('slack', 'teams', 'console')", name=op.f("ck_asked_platform")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asked")),
    )
    op.create_index(op.f("ix_asked_expires_at"), "asked", ["expires_at"], unique=False)
    op.create_table(
        "gaps",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column(
            "question",
            sa.String(length=64),
            server_default="",
            nullable=False,
            comment="the catalogue's id, empty where none fits",
        ),
        sa.Column("text", sa.Text(), nullable=False, comment="as it was typed; emptied once it is settled"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.String(length=36), nullable=True),
        sa.CheckConstraint("kind IN ('not_covered', 'misread')", name=op.f("ck_gaps_kind")),
        sa.CheckConstraint("settled_at IS NULL OR text = ''", name=op.f("ck_gaps_forgotten_once_settled")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gaps")),
    )
    op.create_index(op.f("ix_gaps_school"), "gaps", ["school"], unique=False)
    op.create_table(
        "requests",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("reference", sa.String(length=32), nullable=False),
        sa.Column("question", sa.String(length=64), server_default="", nullable=False),
        sa.Column("cites", sa.JSON(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("asker_platform", sa.String(length=16), nullable=False),
        sa.Column("asker_user", sa.String(length=128), nullable=False),
        sa.Column("asker_person", sa.String(length=36), nullable=True),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("asked", sa.JSON(), nullable=False, comment="the people it was sent to"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decision", sa.String(length=16), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("decided_by", sa.String(length=36), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('permission', 'question')", name=op.f("ck_requests_kind")),
        sa.CheckConstraint("decision IN ('granted', 'refused', 'told')", name=op.f("ck_requests_decision")),
        sa.CheckConstraint("asker_platform IN ('slack', 'teams', 'console')", name=op.f("ck_requests_asker_platform")),
        sa.CheckConstraint("(decision IS NULL) = (decided_by IS NULL)", name=op.f("ck_requests_decided_by_somebody")),
        sa.CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", name=op.f("ck_requests_decided_at_some_time")),
        sa.CheckConstraint(
            "decided_by IS NULL OR asker_person IS NULL OR decided_by <> asker_person",
            name=op.f("ck_requests_not_by_themselves"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requests")),
        sa.UniqueConstraint("school", "reference", name=op.f("uq_requests_school_reference")),
    )
    # SQLite cannot change a constraint of a table: Alembic copies the table there.
    with op.batch_alter_table("deliveries") as table:
        table.alter_column("incident_id", existing_type=sa.String(length=36), nullable=True)
        table.add_column(sa.Column("request_id", sa.String(length=36), nullable=True))
        table.create_foreign_key(op.f("fk_deliveries_request_id"), "requests", ["request_id"], ["id"])
        table.drop_constraint(op.f("ck_deliveries_message"), type_="check")
        table.create_check_constraint(op.f("ck_deliveries_message"), _MESSAGES)
        table.create_check_constraint(op.f("ck_deliveries_of_one_thing"), _ONE_THING)
    op.create_index(op.f("ix_deliveries_request_id"), "deliveries", ["request_id"], unique=False)


def downgrade() -> None:
    op.execute("DELETE FROM deliveries WHERE request_id IS NOT NULL")
    op.drop_index(op.f("ix_deliveries_request_id"), table_name="deliveries")
    with op.batch_alter_table("deliveries") as table:
        table.drop_constraint(op.f("ck_deliveries_of_one_thing"), type_="check")
        table.drop_constraint(op.f("ck_deliveries_message"), type_="check")
        table.create_check_constraint(op.f("ck_deliveries_message"), _MESSAGES_BEFORE)
        table.drop_constraint(op.f("fk_deliveries_request_id"), type_="foreignkey")
        table.drop_column("request_id")
        table.alter_column("incident_id", existing_type=sa.String(length=36), nullable=False)
    op.drop_table("requests")
    op.drop_table("gaps")
    op.drop_table("asked")
