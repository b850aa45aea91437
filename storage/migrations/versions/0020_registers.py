"""The risk register and the register of filter changes: their lines, each wording of them, and the messages about them.

A version before that still runs shows none of it, and leaves the messages to this one.
"""

import re

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_THINGS = ("incident_id", "request_id", "breach_id", "figures_id")


def upgrade() -> None:
    op.create_table(
        "register_records",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("reference", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("versions", sa.Integer(), nullable=False),
        sa.Column("written_by", sa.String(length=36), nullable=False, comment="who wrote the newest wording"),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", sa.String(length=36), nullable=True),
        sa.Column("review_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("remind_at", sa.DateTime(timezone=True), nullable=True, comment="when somebody is reminded of it next"),
        sa.Column("rank", sa.Integer(), nullable=False, server_default="0", comment="lists begin with the highest"),
        sa.Column("levels", sa.String(length=8), nullable=False, server_default="", comment="what was multiplied, as 3x4"),
        sa.CheckConstraint("kind IN ('risk', 'filtering')", name=op.f("ck_register_records_kind")),
        sa.CheckConstraint(
            "state IN ('open', 'waiting', 'approved', 'refused', 'accepted', 'closed')", name=op.f("ck_register_records_state")
        ),
        sa.CheckConstraint("versions > 0", name=op.f("ck_register_records_has_a_wording")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_register_records")),
        sa.UniqueConstraint("school", "reference", name=op.f("uq_register_records_school_reference")),
    )
    op.create_index("ix_register_records_list", "register_records", ["school", "kind", "state"], unique=False)
    reminded = sa.text("remind_at IS NOT NULL")
    op.create_index(
        "ix_register_records_due",
        "register_records",
        ["school", "remind_at"],
        unique=False,
        sqlite_where=reminded,
        postgresql_where=reminded,
    )
    op.create_table(
        "register_versions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("record_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("change", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("change IN ('added', 'worded', 'moved')", name=op.f("ck_register_versions_change")),
        sa.CheckConstraint(
            "state IN ('open', 'waiting', 'approved', 'refused', 'accepted', 'closed')", name=op.f("ck_register_versions_state")
        ),
        sa.CheckConstraint("(number = 1) = (change = 'added')", name=op.f("ck_register_versions_first")),
        sa.ForeignKeyConstraint(["record_id"], ["register_records.id"], name=op.f("fk_register_versions_record_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_register_versions")),
        sa.UniqueConstraint("record_id", "number", name=op.f("uq_register_versions_record_id_number")),
    )
    words = _messages()
    with op.batch_alter_table("deliveries") as table:
        table.add_column(sa.Column("register_id", sa.String(length=36), nullable=True))
        table.create_foreign_key(op.f("fk_deliveries_register_id"), "register_records", ["register_id"], ["id"])
        _of_one_thing(table, (*_THINGS, "register_id"))
        _allow(table, sorted({*words, "register"}))
    op.create_index("ix_deliveries_register_id", "deliveries", ["register_id"], unique=False)


def downgrade() -> None:
    op.execute("DELETE FROM deliveries WHERE message = 'register'")
    words = _messages()
    op.drop_index("ix_deliveries_register_id", table_name="deliveries")
    with op.batch_alter_table("deliveries") as table:
        _allow(table, sorted({*words} - {"register"}))
        _of_one_thing(table, _THINGS)
        table.drop_constraint(op.f("fk_deliveries_register_id"), type_="foreignkey")
        table.drop_column("register_id")
    op.drop_table("register_versions")
    op.drop_table("register_records")


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
