"""What people wrote, and what pupils are called, is sealed: columns for it beside those of plain text, and the keys."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_SEALED = (
    ("people", "sealed"),
    ("slack_installs", "sealed"),
    ("incident_texts", "sealed"),
    ("case_notes", "sealed"),
    ("participants", "sealed"),
    ("asked", "sealed"),
    ("gaps", "sealed"),
    ("requests", "sealed"),
    ("requests", "sealed_reason"),
    ("drafts", "sealed"),
    ("console_messages", "sealed"),
)
_PLAIN = (("incident_texts", "text"), ("case_notes", "text"), ("participants", "name"))


def upgrade() -> None:
    # Nothing is sealed here: that takes a key, and time. The program does it in pieces once it runs (storage/sealing_job.py).
    op.create_table(
        "school_keys",
        sa.Column("school", sa.String(length=64), nullable=False, comment="empty for what belongs to no school"),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("key_id", sa.String(length=32), nullable=False, comment="the master key that it is sealed under"),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("school", "purpose", name=op.f("pk_school_keys")),
    )
    op.create_table(
        "people_words",
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False, comment="made of the beginning of a word of their name"),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("school", "token", "person_id", name=op.f("pk_people_words")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_people_words_person_id", "people_words", ["person_id"])
    op.add_column(
        "incidents",
        sa.Column(
            "key_id",
            sa.String(length=32),
            nullable=True,
            comment="the master key that wrapped_key is sealed under; empty: it is erased",
        ),
    )
    op.add_column("incidents", sa.Column("wrapped_key", sa.LargeBinary(), nullable=True, comment="the case's own key"))
    op.create_index("ix_incidents_key_id", "incidents", ["key_id"])
    for table, column in _SEALED:
        op.add_column(table, sa.Column(column, sa.LargeBinary(), nullable=True))
    for table, column in _PLAIN:
        plain = sa.text(f"{column} <> ''")
        op.create_index(f"ix_{table}_plain", table, ["incident_id"], sqlite_where=plain, postgresql_where=plain)
    left = sa.text("state <> 'open' AND sealed IS NOT NULL")
    op.create_index("ix_drafts_left", "drafts", ["id"], sqlite_where=left, postgresql_where=left)
    _token_check("token <> '' OR sealed IS NOT NULL")
    _say_whether_it_is_compact()


def downgrade() -> None:
    _refuse_to_lose()
    _token_check("token <> ''")
    op.drop_index("ix_drafts_left", table_name="drafts")
    for table, _ in _PLAIN:
        op.drop_index(f"ix_{table}_plain", table_name=table)
    for table, column in reversed(_SEALED):
        op.drop_column(table, column)
    op.drop_index("ix_incidents_key_id", table_name="incidents")
    op.drop_column("incidents", "wrapped_key")
    op.drop_column("incidents", "key_id")
    op.drop_index("ix_people_words_person_id", table_name="people_words")
    op.drop_table("people_words")
    op.drop_table("school_keys")


def _token_check(rule: str) -> None:
    with op.batch_alter_table("slack_installs") as table:
        table.drop_constraint(op.f("ck_slack_installs_has_a_token"), type_="check")
        table.create_check_constraint(op.f("ck_slack_installs_has_a_token"), rule)


def _say_whether_it_is_compact() -> None:
    """A new SQLite file has nothing of an older version in its free pages, and need not be written anew."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite" and connection.execute(sa.text("SELECT 1 FROM counters LIMIT 1")).first() is None:
        op.execute("PRAGMA user_version = 7")


def _refuse_to_lose() -> None:
    """The version before cannot read what is sealed: it would be lost with its column."""
    for table, column in _SEALED:
        if op.get_bind().execute(sa.text(f"SELECT 1 FROM {table} WHERE {column} IS NOT NULL LIMIT 1")).first() is not None:
            raise RuntimeError(f"{table} has sealed records, which the version before cannot read: restore a backup made by it")
