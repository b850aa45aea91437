"""What staff sign: agreements, what they have read, training; and the messages about it.

A version before that still runs shows none of it, and leaves the messages to this one.
"""

import re

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_THINGS = ("incident_id", "request_id", "breach_id", "figures_id", "register_id", "submission_id")


def upgrade() -> None:
    op.create_table(
        "signers",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column(
            "reminded", sa.Integer(), nullable=False, server_default="0", comment="how often since the last new thing to sign"
        ),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True, comment="when they are told of it, or reminded"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signers")),
        sa.UniqueConstraint("school", "person_id", name=op.f("uq_signers_school_person_id")),
    )
    some = sa.text("next_at IS NOT NULL")
    op.create_index("ix_signers_due", "signers", ["school", "next_at"], unique=False, sqlite_where=some, postgresql_where=some)
    op.create_table(
        "signings",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("agreement", sa.String(length=75), nullable=False, comment="the agreement's id in the policy's folder"),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False, comment="which they were asked for last"),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signatures", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("signed_version", sa.String(length=64), nullable=False, server_default=""),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(signatures = 0) = (signed_at IS NULL)", name=op.f("ck_signings_signed_when")),
        sa.CheckConstraint("(signatures = 0) = (signed_version = '')", name=op.f("ck_signings_signed_what")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signings")),
        sa.UniqueConstraint("school", "agreement", "person_id", name=op.f("uq_signings_school_agreement_person_id")),
    )
    op.create_index("ix_signings_person", "signings", ["school", "person_id"], unique=False)
    op.create_table(
        "given_signatures",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("signing_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column(
            "by_id",
            sa.String(length=36),
            nullable=False,
            comment="who entered it: whoever signed, unless it was a training",
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("number > 0", name=op.f("ck_given_signatures_counted")),
        sa.ForeignKeyConstraint(["signing_id"], ["signings.id"], name=op.f("fk_given_signatures_signing_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_given_signatures")),
        sa.UniqueConstraint("signing_id", "number", name=op.f("uq_given_signatures_signing_id_number")),
    )
    words = _messages()
    with op.batch_alter_table("deliveries") as table:
        table.add_column(sa.Column("signer_id", sa.String(length=36), nullable=True))
        table.create_foreign_key(op.f("fk_deliveries_signer_id"), "signers", ["signer_id"], ["id"])
        _of_one_thing(table, (*_THINGS, "signer_id"))
        _allow(table, sorted({*words, "signing"}))
    op.create_index("ix_deliveries_signer_id", "deliveries", ["signer_id"], unique=False)


def downgrade() -> None:
    op.execute("DELETE FROM deliveries WHERE message = 'signing'")
    words = _messages()
    op.drop_index("ix_deliveries_signer_id", table_name="deliveries")
    with op.batch_alter_table("deliveries") as table:
        _allow(table, sorted({*words} - {"signing"}))
        _of_one_thing(table, _THINGS)
        table.drop_constraint(op.f("fk_deliveries_signer_id"), type_="foreignkey")
        table.drop_column("signer_id")
    op.drop_table("given_signatures")
    op.drop_table("signings")
    op.drop_table("signers")


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
