"""What staff ask for, declare and sign under the request types of their policy, and the messages about it.

A version before that still runs shows none of it, and leaves the messages to this one.
"""

import re

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_THINGS = ("incident_id", "request_id", "breach_id", "figures_id", "register_id")
_STATES = "state IN ('waiting', 'returned', 'granted', 'refused', 'withdrawn', 'ended')"
_DOINGS = "doing IN ('sent', 'reworded', 'advised', 'granted', 'refused', 'returned', 'done', 'withdrawn', 'ended')"


def upgrade() -> None:
    op.create_table(
        "submissions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=75), nullable=False, comment="the request type's id in the policy's folder"),
        sa.Column("reference", sa.String(length=32), nullable=False),
        sa.Column("asker_id", sa.String(length=36), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("versions", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("tasks", sa.String(length=255), nullable=False, server_default="", comment="what is to be done, by comma"),
        sa.Column("done", sa.String(length=255), nullable=False, server_default="", comment="what has been, by comma"),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True, comment="when somebody is reminded of it, or it ends"),
        sa.CheckConstraint(_STATES, name=op.f("ck_submissions_state")),
        sa.CheckConstraint("versions > 0 AND step >= 0", name=op.f("ck_submissions_has_a_version")),
        sa.CheckConstraint("tasks = '' OR state IN ('granted', 'ended')", name=op.f("ck_submissions_tasks_follow_a_yes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submissions")),
        sa.UniqueConstraint("school", "reference", name=op.f("uq_submissions_school_reference")),
    )
    op.create_index("ix_submissions_list", "submissions", ["school", "type", "sent_at", "id"], unique=False)
    op.create_index("ix_submissions_own", "submissions", ["school", "asker_id", "sent_at"], unique=False)
    for name, columns, some in (
        ("open", ["school", "changed_at", "id"], sa.text("state = 'waiting' OR tasks <> ''")),
        ("due", ["school", "next_at"], sa.text("next_at IS NOT NULL")),
    ):
        index = f"ix_submissions_{name}"
        op.create_index(index, "submissions", columns, unique=False, sqlite_where=some, postgresql_where=some)
    op.create_table(
        "submission_versions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("submission_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False, comment="empty where it came by itself"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("doing", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(_DOINGS, name=op.f("ck_submission_versions_doing")),
        sa.CheckConstraint(_STATES, name=op.f("ck_submission_versions_state")),
        sa.CheckConstraint("(number = 1) = (doing = 'sent')", name=op.f("ck_submission_versions_first")),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name=op.f("fk_submission_versions_submission_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission_versions")),
        sa.UniqueConstraint("submission_id", "number", name=op.f("uq_submission_versions_submission_id_number")),
    )
    words = _messages()
    with op.batch_alter_table("deliveries") as table:
        table.add_column(sa.Column("submission_id", sa.String(length=36), nullable=True))
        table.create_foreign_key(op.f("fk_deliveries_submission_id"), "submissions", ["submission_id"], ["id"])
        _of_one_thing(table, (*_THINGS, "submission_id"))
        _allow(table, sorted({*words, "submission"}))
    op.create_index("ix_deliveries_submission_id", "deliveries", ["submission_id"], unique=False)


def downgrade() -> None:
    op.execute("DELETE FROM deliveries WHERE message = 'submission'")
    words = _messages()
    op.drop_index("ix_deliveries_submission_id", table_name="deliveries")
    with op.batch_alter_table("deliveries") as table:
        _allow(table, sorted({*words} - {"submission"}))
        _of_one_thing(table, _THINGS)
        table.drop_constraint(op.f("fk_deliveries_submission_id"), type_="foreignkey")
        table.drop_column("submission_id")
    op.drop_table("submission_versions")
    op.drop_table("submissions")


def _messages() -> list[str]:
    """What a delivery may say so far: all of that stays allowed."""
    checks = sa.inspect(op.get_bind()).get_check_constraints("deliveries")
    (allowed,) = (check["sqltext"] for check in checks if check["name"] == "ck_deliveries_message")
    return re.findall(r"'(\w+)'", allowed)


def _allow(table: BatchOperations, words: list[str]) -> None:
    table.drop_constraint(op.f("ck_deliveries_message"), type_="check")
    listed = ", ".join(f"'{word}'" for word in words)
    table.create_check_constraint(op.f("ck_deliveries_message"), f"message IN ({listed})")


def _of_one_thing(table: BatchOperations, things: tuple[str, ...]) -> None:
    counted = " + ".join(f"CASE WHEN {one} IS NULL THEN 0 ELSE 1 END" for one in things)
    table.drop_constraint(op.f("ck_deliveries_of_one_thing"), type_="check")
    table.create_check_constraint(op.f("ck_deliveries_of_one_thing"), f"{counted} = 1")
