"""What is written in a case while it is worked, and the reminders of what is to be done.

A version before that still runs shows none of it, and leaves the reminders to this one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_MESSAGES_BEFORE = (
    "message IN ('alert', 'receipt', 'acknowledged', 'closed', 'reminder', 'request', 'decision', 'opened', 'erasure', 'breach',"
    " 'figures')"
)
_MESSAGES = _MESSAGES_BEFORE.replace("'figures')", "'figures', 'action')")
_OPEN = sa.text("due_at IS NOT NULL AND done_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "case_entries",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("incident_id", sa.String(length=36), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "corrects", sa.String(length=36), nullable=True, comment="the first wording of the entry that this one corrects"
        ),
        sa.Column("doer_id", sa.String(length=36), nullable=True, comment="of an action: who is to do it"),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True, comment="by when, as its newest wording has it"),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by", sa.String(length=36), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("kind IN ('note', 'action', 'contact', 'decision')", name=op.f("ck_case_entries_kind")),
        sa.CheckConstraint("(done_at IS NULL) = (done_by IS NULL)", name=op.f("ck_case_entries_done_by_somebody")),
        sa.CheckConstraint(
            "(kind = 'action' AND corrects IS NULL) OR (doer_id IS NULL AND due_at IS NULL AND done_at IS NULL)",
            name=op.f("ck_case_entries_state_of_an_action"),
        ),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_case_entries_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_entries")),
    )
    op.create_index("ix_case_entries_incident_id", "case_entries", ["incident_id"], unique=False)
    op.create_index(
        "ix_case_entries_due", "case_entries", ["school", "due_at"], unique=False, sqlite_where=_OPEN, postgresql_where=_OPEN
    )
    with op.batch_alter_table("timers") as table:
        table.add_column(sa.Column("entry_id", sa.String(length=36), nullable=True))
        table.create_foreign_key(op.f("fk_timers_entry_id"), "case_entries", ["entry_id"], ["id"])
        table.drop_constraint(op.f("ck_timers_kind"), type_="check")
        table.create_check_constraint(op.f("ck_timers_kind"), "kind IN ('climb', 'remind', 'action')")
        table.create_check_constraint(op.f("ck_timers_of_an_action"), "(kind = 'action') = (entry_id IS NOT NULL)")
    op.create_index("ix_timers_entry_id", "timers", ["entry_id"], unique=False)
    _messages(_MESSAGES)


def downgrade() -> None:
    op.execute("DELETE FROM deliveries WHERE message = 'action'")
    op.execute("DELETE FROM timers WHERE kind = 'action'")
    _messages(_MESSAGES_BEFORE)
    op.drop_index("ix_timers_entry_id", table_name="timers")
    with op.batch_alter_table("timers") as table:
        table.drop_constraint(op.f("ck_timers_of_an_action"), type_="check")
        table.drop_constraint(op.f("ck_timers_kind"), type_="check")
        table.create_check_constraint(op.f("ck_timers_kind"), "kind IN ('climb', 'remind')")
        table.drop_constraint(op.f("fk_timers_entry_id"), type_="foreignkey")
        table.drop_column("entry_id")
    op.drop_table("case_entries")


def _messages(condition: str) -> None:
    with op.batch_alter_table("deliveries") as table:
        table.drop_constraint(op.f("ck_deliveries_message"), type_="check")
        table.create_check_constraint(op.f("ck_deliveries_message"), condition)
