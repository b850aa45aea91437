"""The audit can be added to and never changed; its signed heads, and the way out for them."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_SAID = "the audit can be added to, and never changed"
# RAISE aborts the statement. A REPLACE takes the old row away without asking the trigger on DELETE: the row of that number, and
# the one of that rowid. Where a statement says none, NEW.rowid is -1 here, and SQLite itself gives out none below 1.
_SQLITE = (
    f"CREATE TRIGGER audit_held_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, '{_SAID}'); END",
    f"CREATE TRIGGER audit_held_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, '{_SAID}'); END",
    "CREATE TRIGGER audit_held_replace BEFORE INSERT ON audit"
    " WHEN EXISTS (SELECT 1 FROM audit WHERE school = NEW.school AND seq = NEW.seq)"
    " OR (NEW.rowid > 0 AND EXISTS (SELECT 1 FROM audit WHERE rowid = NEW.rowid))"
    f" BEGIN SELECT RAISE(ABORT, '{_SAID}'); END",
)
_POSTGRESQL = (
    "CREATE FUNCTION audit_held() RETURNS trigger LANGUAGE plpgsql AS"
    f" $$BEGIN RAISE EXCEPTION '{_SAID}' USING ERRCODE = 'integrity_constraint_violation'; END$$",
    "CREATE TRIGGER audit_held BEFORE UPDATE OR DELETE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_held()",
    # So that it also holds for a session that calls itself a replica.
    "ALTER TABLE audit ENABLE ALWAYS TRIGGER audit_held",
)


def upgrade() -> None:
    op.create_table(
        "audit_heads",
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False, comment="the entry that the head vouches for, and all before it"),
        sa.Column("way", sa.String(length=8), nullable=False, comment="where it goes out to"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=16), nullable=False, comment="which key has signed it"),
        sa.Column("signature", sa.String(length=128), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False, comment="while it is being sent: when another may"),
        sa.Column("trouble", sa.String(length=64), server_default="", nullable=False, comment="a code"),
        sa.CheckConstraint("way IN ('folder', 'mail')", name=op.f("ck_audit_heads_way")),
        sa.PrimaryKeyConstraint("school", "seq", "way", name=op.f("pk_audit_heads")),
    )
    waiting = sa.text("sent_at IS NULL")
    op.create_index("ix_audit_heads_waiting", "audit_heads", ["next_at"], sqlite_where=waiting, postgresql_where=waiting)
    op.create_index("ix_participants_person", "participants", ["person_id"])
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for what in ("update", "delete", "replace"):
            op.execute(f"DROP TRIGGER audit_held_{what}")
    else:
        op.execute("DROP TRIGGER audit_held ON audit")
        op.execute("DROP FUNCTION audit_held()")
    op.drop_index("ix_participants_person", table_name="participants")
    op.drop_table("audit_heads")
