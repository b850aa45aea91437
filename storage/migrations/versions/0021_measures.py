"""What was taken, searched and blocked, what damage cost, and what becomes of each; who carries a block out, and its end.

A version before that still runs shows none of it, and leaves the messages and the timers of it to this one.
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_ENTRIES = frozenset(
    {"confiscation", "custody", "release", "search", "block", "in_place", "lifted", "damage", "paid", "lesson"}
)
_MESSAGES = frozenset({"block", "lesson"})
_TIMERS = frozenset({"block"})
_OF_AN_ACTION = "(kind = 'action') = (entry_id IS NOT NULL)"
_OF_AN_ENTRY = "(kind IN ('action', 'block')) = (entry_id IS NOT NULL)"


def upgrade() -> None:
    comment = "the entry of which this one says what became"
    op.add_column("case_entries", sa.Column("follows", sa.String(length=36), nullable=True, comment=comment))
    op.create_index("ix_case_entries_follows", "case_entries", ["follows"], unique=False)
    _allow_entries({*_allowed("case_entries", "kind"), *_ENTRIES})
    _allow("deliveries", "message", {*_allowed("deliveries", "message"), *_MESSAGES})
    _allow("timers", "kind", {*_allowed("timers", "kind"), *_TIMERS})
    _of_an_action(_OF_AN_ENTRY)


def downgrade() -> None:
    op.execute("DELETE FROM deliveries WHERE message IN ('block', 'lesson')")
    op.execute("DELETE FROM timers WHERE kind = 'block'")
    kinds = ", ".join(f"'{kind}'" for kind in sorted(_ENTRIES))
    op.execute(f"DELETE FROM case_entries WHERE kind IN ({kinds})")  # noqa: S608 - the words above
    _of_an_action(_OF_AN_ACTION)
    _allow("timers", "kind", {*_allowed("timers", "kind")} - _TIMERS)
    _allow("deliveries", "message", {*_allowed("deliveries", "message")} - _MESSAGES)
    _allow_entries({*_allowed("case_entries", "kind")} - _ENTRIES)
    op.drop_index("ix_case_entries_follows", table_name="case_entries")
    op.drop_column("case_entries", "follows")


def _allowed(table: str, column: str) -> list[str]:
    """The words that a column may hold so far: all of them stay allowed."""
    checks = sa.inspect(op.get_bind()).get_check_constraints(table)
    (allowed,) = (check["sqltext"] for check in checks if check["name"] == f"ck_{table}_{column}")
    return re.findall(r"'(\w+)'", allowed)


def _allow(name: str, column: str, words: set[str]) -> None:
    listed = ", ".join(f"'{word}'" for word in sorted(words))
    with op.batch_alter_table(name) as table:
        table.drop_constraint(op.f(f"ck_{name}_{column}"), type_="check")
        table.create_check_constraint(op.f(f"ck_{name}_{column}"), f"{column} IN ({listed})")


def _allow_entries(kinds: set[str]) -> None:
    """SQLite makes the table anew, which nothing may refer to meanwhile: not what reminds of an action that is open."""
    alone = op.get_bind().dialect.name == "sqlite"
    if alone:
        with op.batch_alter_table("timers") as table:
            table.drop_constraint(op.f("fk_timers_entry_id"), type_="foreignkey")
    _allow("case_entries", "kind", kinds)
    if alone:
        with op.batch_alter_table("timers") as table:
            table.create_foreign_key(op.f("fk_timers_entry_id"), "case_entries", ["entry_id"], ["id"])


def _of_an_action(condition: str) -> None:
    with op.batch_alter_table("timers") as table:
        table.drop_constraint(op.f("ck_timers_of_an_action"), type_="check")
        table.create_check_constraint(op.f("ck_timers_of_an_action"), condition)
