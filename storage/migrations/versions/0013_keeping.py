"""How long cases are kept: what was said of it, and by whom. Breaches of personal data.

A version before that still runs drops the messages about a breach that this one has begun: they stand in the list of records.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_NOTES = "kind IN ('handed_on', 'outcome', 'opened', 'kept')"
_NOTES_BEFORE = "kind IN ('handed_on', 'outcome', 'opened')"
_MESSAGES_BEFORE = "message IN ('alert', 'receipt', 'acknowledged', 'closed', 'reminder', 'request', 'decision', 'opened')"
_MESSAGES = "message IN ('alert', 'receipt', 'acknowledged', 'closed', 'reminder', 'request', 'decision', 'opened', 'erasure', 'breach')"
_KINDS = "kind IN ('child_protection', 'sexual_abuse', 'staff_allegation', 'low_level', 'other')"
_BREACH_KINDS = "kind IN ('sent_wrong', 'seen', 'lost', 'stolen', 'changed', 'unavailable', 'other')"
_OF_ONE_BEFORE = "(incident_id IS NULL) <> (request_id IS NULL)"
_OF_ONE = (
    "(incident_id IS NULL AND request_id IS NULL) = (breach_id IS NOT NULL) AND (incident_id IS NULL OR request_id IS NULL)"
)
_CLOSED = sa.text("closed_at IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "keepings",
        sa.Column("incident_id", sa.String(length=36), nullable=False),
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="since when it is so"),
        sa.Column(
            "person_id", sa.String(length=36), comment="who proposed to erase it, or holds it; none: the clock", nullable=True
        ),
        sa.Column("reason", sa.String(length=16), comment="why before its time, a code", nullable=True),
        sa.Column(
            "until", sa.DateTime(timezone=True), comment="how long it is held, if not until somebody lifts that", nullable=True
        ),
        sa.Column("agreed_by", sa.String(length=36), comment="who had it erased", nullable=True),
        sa.CheckConstraint(_KINDS, name=op.f("ck_keepings_kind")),
        sa.CheckConstraint("state IN ('ended', 'early', 'held', 'erased')", name=op.f("ck_keepings_state")),
        sa.CheckConstraint("reason IN ('in_error', 'unfounded', 'upheld', 'order')", name=op.f("ck_keepings_reason")),
        sa.CheckConstraint("(state = 'erased') = (agreed_by IS NOT NULL)", name=op.f("ck_keepings_erased_by_somebody")),
        sa.CheckConstraint(
            "person_id IS NULL OR agreed_by IS NULL OR person_id <> agreed_by", name=op.f("ck_keepings_two_people")
        ),
        sa.CheckConstraint(
            "state NOT IN ('early', 'held') OR person_id IS NOT NULL", name=op.f("ck_keepings_wanted_by_somebody")
        ),
        sa.CheckConstraint("until IS NULL OR state = 'held'", name=op.f("ck_keepings_until_when")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_keepings_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_keepings")),
    )
    op.create_index("ix_keepings_school_state", "keepings", ["school", "state"], unique=False)
    op.create_index(
        "ix_incidents_closed",
        "incidents",
        ["school", "closed_at", "id"],
        unique=False,
        sqlite_where=_CLOSED,
        postgresql_where=_CLOSED,
    )
    op.create_table(
        "breaches",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("reference", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("started_by", sa.String(length=36), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("steps", sa.JSON(), nullable=False, comment="those that are done"),
        sa.Column(
            "done", sa.Boolean(), server_default=sa.false(), nullable=False, comment="it is decided, and every step is done"
        ),
        sa.Column("reminded", sa.Integer(), server_default="0", nullable=False),
        sa.Column("decision", sa.String(length=16), nullable=True),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=True),
        sa.Column("decided_by", sa.String(length=36), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(_BREACH_KINDS, name=op.f("ck_breaches_kind")),
        sa.CheckConstraint("decision IN ('reported', 'no_risk')", name=op.f("ck_breaches_decision")),
        sa.CheckConstraint("(decision IS NULL) = (decided_by IS NULL)", name=op.f("ck_breaches_decided_by_somebody")),
        sa.CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", name=op.f("ck_breaches_decided_at_some_time")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_breaches")),
        sa.UniqueConstraint("school", "reference", name=op.f("uq_breaches_school_reference")),
    )
    op.create_index("ix_breaches_school", "breaches", ["school"], unique=False)
    op.create_table(
        "handovers",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("file", sa.String(length=64), nullable=False),
        sa.Column("receipt", sa.String(length=64), nullable=False, comment="a digest of the code that stands in the page"),
        sa.Column("started_by", sa.String(length=36), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_by", sa.String(length=36), nullable=True),
        sa.CheckConstraint("(received_at IS NULL) = (received_by IS NULL)", name=op.f("ck_handovers_received_by_somebody")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handovers")),
    )
    op.create_index("ix_handovers_school", "handovers", ["school"], unique=False)
    with op.batch_alter_table("deliveries") as table:
        table.add_column(sa.Column("breach_id", sa.String(length=36), nullable=True))
        table.create_foreign_key(op.f("fk_deliveries_breach_id"), "breaches", ["breach_id"], ["id"])
        table.drop_constraint(op.f("ck_deliveries_of_one_thing"), type_="check")
        table.create_check_constraint(op.f("ck_deliveries_of_one_thing"), _OF_ONE)
    op.create_index("ix_deliveries_breach_id", "deliveries", ["breach_id"], unique=False)
    _checks(_NOTES, _MESSAGES)


def downgrade() -> None:
    op.execute("DELETE FROM deliveries WHERE message IN ('erasure', 'breach')")
    op.execute("DELETE FROM case_notes WHERE kind = 'kept'")
    _checks(_NOTES_BEFORE, _MESSAGES_BEFORE)
    op.drop_index("ix_deliveries_breach_id", table_name="deliveries")
    with op.batch_alter_table("deliveries") as table:
        table.drop_constraint(op.f("ck_deliveries_of_one_thing"), type_="check")
        table.create_check_constraint(op.f("ck_deliveries_of_one_thing"), _OF_ONE_BEFORE)
        table.drop_constraint(op.f("fk_deliveries_breach_id"), type_="foreignkey")
        table.drop_column("breach_id")
    op.drop_index("ix_handovers_school", table_name="handovers")
    op.drop_table("handovers")
    op.drop_index("ix_breaches_school", table_name="breaches")
    op.drop_table("breaches")
    op.drop_index("ix_incidents_closed", table_name="incidents")
    op.drop_index("ix_keepings_school_state", table_name="keepings")
    op.drop_table("keepings")


def _checks(notes: str, messages: str) -> None:
    with op.batch_alter_table("case_notes") as table:
        table.drop_constraint(op.f("ck_case_notes_kind"), type_="check")
        table.create_check_constraint(op.f("ck_case_notes_kind"), notes)
    with op.batch_alter_table("deliveries") as table:
        table.drop_constraint(op.f("ck_deliveries_message"), type_="check")
        table.create_check_constraint(op.f("ck_deliveries_message"), messages)
