"""What of the school's calendar somebody was reminded of, who has said that it is done, and the messages about it.

A version before that still runs shows none of it, and leaves the messages to this one.
"""

import re

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_THING = re.compile(r"\b(\w+_id) IS NULL")


def upgrade() -> None:
    op.create_table(
        "duties",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("entry", sa.String(length=75), nullable=False, comment="the date's id in the data, or a lesson's topic"),
        sa.Column("occasion", sa.String(length=32), nullable=False, comment="which time of it: a day, or a term"),
        sa.Column("due", sa.Date(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rung", sa.Integer(), nullable=False, server_default="1", comment="how often somebody was reminded"),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True, comment="when somebody is reminded again"),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by", sa.String(length=36), nullable=True),
        sa.CheckConstraint("kind IN ('date', 'review', 'lesson')", name=op.f("ck_duties_kind")),
        sa.CheckConstraint("rung > 0", name=op.f("ck_duties_was_rung")),
        sa.CheckConstraint("(done_at IS NULL) = (done_by IS NULL)", name=op.f("ck_duties_done_by_somebody")),
        sa.CheckConstraint("done_at IS NULL OR next_at IS NULL", name=op.f("ck_duties_done_is_quiet")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duties")),
        sa.UniqueConstraint("school", "kind", "entry", "occasion", name=op.f("uq_duties_school_kind_entry_occasion")),
    )
    op.create_index("ix_duties_list", "duties", ["school", "due"], unique=False)
    things, words = _things(), _messages()
    with op.batch_alter_table("deliveries") as table:
        table.add_column(sa.Column("duty_id", sa.String(length=36), nullable=True))
        table.create_foreign_key(op.f("fk_deliveries_duty_id"), "duties", ["duty_id"], ["id"])
        _of_one_thing(table, [*things, "duty_id"])
        _allow(table, sorted({*words, "duty"}))
    op.create_index("ix_deliveries_duty_id", "deliveries", ["duty_id"], unique=False)


def downgrade() -> None:
    op.execute("DELETE FROM deliveries WHERE message = 'duty'")
    things, words = _things(), _messages()
    op.drop_index("ix_deliveries_duty_id", table_name="deliveries")
    with op.batch_alter_table("deliveries") as table:
        _allow(table, sorted({*words} - {"duty"}))
        _of_one_thing(table, [thing for thing in things if thing != "duty_id"])
        table.drop_constraint(op.f("fk_deliveries_duty_id"), type_="foreignkey")
        table.drop_column("duty_id")
    op.drop_table("duties")


def _check(name: str) -> str:
    checks = sa.inspect(op.get_bind()).get_check_constraints("deliveries")
    (found,) = (check["sqltext"] for check in checks if check["name"] == name)
    return str(found)


def _messages() -> list[str]:
    """What a delivery may say so far: all of that stays allowed."""
    return re.findall(r"'(\w+)'", _check("ck_deliveries_message"))


def _things() -> list[str]:
    """What a delivery may be about so far, one of them."""
    return list(dict.fromkeys(_THING.findall(_check("ck_deliveries_of_one_thing"))))


def _allow(table: BatchOperations, words: list[str]) -> None:
    table.drop_constraint(op.f("ck_deliveries_message"), type_="check")
    listed = ", ".join(f"'{word}'" for word in words)
    table.create_check_constraint(op.f("ck_deliveries_message"), f"message IN ({listed})")


def _of_one_thing(table: BatchOperations, things: list[str]) -> None:
    counted = " + ".join(f"CASE WHEN {one} IS NULL THEN 0 ELSE 1 END" for one in things)
    table.drop_constraint(op.f("ck_deliveries_of_one_thing"), type_="check")
    table.create_check_constraint(op.f("ck_deliveries_of_one_thing"), f"{counted} = 1")
