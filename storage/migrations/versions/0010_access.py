"""Cases opened in an emergency, and what a chat says of an account."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_NOTES = "kind IN ('handed_on', 'outcome', 'opened')"
_NOTES_BEFORE = "kind IN ('handed_on', 'outcome')"
_MESSAGES = "message IN ('alert', 'receipt', 'acknowledged', 'closed', 'reminder', 'request', 'decision', 'opened')"
_MESSAGES_BEFORE = "message IN ('alert', 'receipt', 'acknowledged', 'closed', 'reminder', 'request', 'decision')"
_STANDINGS = "standing IN ('unknown', 'member', 'guest', 'stranger', 'bot', 'gone')"


def upgrade() -> None:
    op.create_table(
        "openings",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("incident_id", sa.String(length=36), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("until > at", name=op.f("ck_openings_for_a_while")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_openings_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_openings")),
    )
    op.create_index("ix_openings_incident_id", "openings", ["incident_id"], unique=False)
    for name in ("accounts", "teams_users"):
        with op.batch_alter_table(name) as table:
            table.add_column(sa.Column("standing", sa.String(length=16), server_default="unknown", nullable=False))
            table.create_check_constraint(op.f(f"ck_{name}_standing"), _STANDINGS)
    _checks(_NOTES, _MESSAGES)


def downgrade() -> None:
    op.execute("DELETE FROM deliveries WHERE message = 'opened'")
    op.execute("DELETE FROM case_notes WHERE kind = 'opened'")
    _checks(_NOTES_BEFORE, _MESSAGES_BEFORE)
    for name in ("accounts", "teams_users"):
        with op.batch_alter_table(name) as table:
            table.drop_constraint(op.f(f"ck_{name}_standing"), type_="check")
            table.drop_column("standing")
    op.drop_index("ix_openings_incident_id", table_name="openings")
    op.drop_table("openings")


def _checks(notes: str, messages: str) -> None:
    with op.batch_alter_table("case_notes") as table:
        table.drop_constraint(op.f("ck_case_notes_kind"), type_="check")
        table.create_check_constraint(op.f("ck_case_notes_kind"), notes)
    with op.batch_alter_table("deliveries") as table:
        table.drop_constraint(op.f("ck_deliveries_message"), type_="check")
        table.create_check_constraint(op.f("ck_deliveries_message"), messages)
