"""How a case ends and changes: signed off, reopened, merged, linked, of another category, looked at again on a date.

A version before that still runs shows none of it and asks nobody to sign. It leaves the reminders to this one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_MESSAGES_BEFORE = (
    "message IN ('alert', 'receipt', 'acknowledged', 'closed', 'reminder', 'request', 'decision', 'opened', 'erasure', 'breach',"
    " 'figures', 'action')"
)
_MESSAGES = _MESSAGES_BEFORE.replace("'action')", "'action', 'sign_off', 'review')")
_TIMERS_BEFORE = "kind IN ('climb', 'remind', 'action')"
_TIMERS = _TIMERS_BEFORE.replace("'action')", "'action', 'sign_off', 'review')")
_CHANGES = (
    "kind IN ('reclassified', 'merged', 'unmerged', 'linked', 'unlinked', 'closed', 'signed', 'reopened', 'review_set',"
    " 'reviewed')"
)
_STANDS = sa.text("done_at IS NULL")
_MERGED = sa.text("kind = 'merged' AND done_at IS NULL")
_AWAITED = sa.text("done_at IS NULL AND ended_at IS NULL")
_SIGNED = sa.text("done_by IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "case_changes",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("incident_id", sa.String(length=36), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("other_id", sa.String(length=36), nullable=True, comment="the other case, of a merge or a link"),
        sa.Column(
            "code",
            sa.String(length=32),
            nullable=False,
            server_default="",
            comment="how it ended, or for which role it was signed",
        ),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(_CHANGES, name=op.f("ck_case_changes_kind")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_case_changes_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_changes")),
    )
    op.create_index("ix_case_changes_incident_id", "case_changes", ["incident_id"], unique=False)
    op.create_table(
        "case_links",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("incident_id", sa.String(length=36), nullable=False),
        sa.Column("other_id", sa.String(length=36), nullable=False, comment="of a merge the case that goes on"),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True, comment="since when it holds no more"),
        sa.Column("done_by", sa.String(length=36), nullable=True),
        sa.CheckConstraint("kind IN ('merged', 'related')", name=op.f("ck_case_links_kind")),
        sa.CheckConstraint("incident_id <> other_id", name=op.f("ck_case_links_two_cases")),
        sa.CheckConstraint("(done_at IS NULL) = (done_by IS NULL)", name=op.f("ck_case_links_undone_by_somebody")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_case_links_incident_id")),
        sa.ForeignKeyConstraint(["other_id"], ["incidents.id"], name=op.f("fk_case_links_other_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_links")),
    )
    op.create_index("ix_case_links_incident_id", "case_links", ["incident_id"], unique=False)
    op.create_index("ix_case_links_other_id", "case_links", ["other_id"], unique=False)
    op.create_index(
        "ix_case_links_merged", "case_links", ["incident_id"], unique=True, sqlite_where=_MERGED, postgresql_where=_MERGED
    )
    op.create_table(
        "signatures",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("incident_id", sa.String(length=36), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False, comment="for which the policy's log form has a line"),
        sa.Column("round", sa.Integer(), nullable=False, comment="how often the case had been closed before"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="since when this person is asked"),
        sa.Column("person_id", sa.String(length=36), nullable=True, comment="who is asked; none: nobody can be"),
        sa.Column("asked_as", sa.String(length=32), nullable=False, server_default="", comment="the role in which they are"),
        sa.Column(
            "reads", sa.Boolean(), nullable=False, server_default=sa.false(), comment="they sign what they have read of it"
        ),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by", sa.String(length=36), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True, comment="it is not wanted any more"),
        sa.CheckConstraint("(done_at IS NULL) = (done_by IS NULL)", name=op.f("ck_signatures_signed_by_somebody")),
        sa.CheckConstraint("done_at IS NULL OR ended_at IS NULL", name=op.f("ck_signatures_signed_or_ended")),
        sa.CheckConstraint("(person_id IS NULL) = (asked_as = '')", name=op.f("ck_signatures_asked_in_a_role")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_signatures_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signatures")),
        sa.UniqueConstraint("incident_id", "round", "role", name=op.f("uq_signatures_incident_id_round_role")),
    )
    op.create_index(
        "ix_signatures_awaited", "signatures", ["school", "at"], unique=False, sqlite_where=_AWAITED, postgresql_where=_AWAITED
    )
    op.create_index(
        "ix_signatures_two_people",
        "signatures",
        ["incident_id", "round", "done_by"],
        unique=True,
        sqlite_where=_SIGNED,
        postgresql_where=_SIGNED,
    )
    op.create_table(
        "reviews",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("incident_id", sa.String(length=36), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "done_at", sa.DateTime(timezone=True), nullable=True, comment="its result stands in the case, or another date"
        ),
        sa.Column("done_by", sa.String(length=36), nullable=True),
        sa.CheckConstraint("(done_at IS NULL) = (done_by IS NULL)", name=op.f("ck_reviews_done_by_somebody")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_reviews_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews")),
    )
    op.create_index("ix_reviews_open", "reviews", ["incident_id"], unique=True, sqlite_where=_STANDS, postgresql_where=_STANDS)
    op.create_index("ix_reviews_incident_id", "reviews", ["incident_id"], unique=False)
    op.create_index(
        "ix_reviews_due", "reviews", ["school", "due_at"], unique=False, sqlite_where=_STANDS, postgresql_where=_STANDS
    )
    _vocabularies(_MESSAGES, _TIMERS)


def downgrade() -> None:
    op.execute("DELETE FROM deliveries WHERE message IN ('sign_off', 'review')")
    op.execute("DELETE FROM timers WHERE kind IN ('sign_off', 'review')")
    _vocabularies(_MESSAGES_BEFORE, _TIMERS_BEFORE)
    for table in ("reviews", "signatures", "case_links", "case_changes"):
        op.drop_table(table)


def _vocabularies(messages: str, timers: str) -> None:
    for name, column, condition in (("deliveries", "message", messages), ("timers", "kind", timers)):
        with op.batch_alter_table(name) as table:
            table.drop_constraint(op.f(f"ck_{name}_{column}"), type_="check")
            table.create_check_constraint(op.f(f"ck_{name}_{column}"), condition)
