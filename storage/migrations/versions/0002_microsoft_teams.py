"""Who is known in Microsoft Teams, and where the bot is installed there."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "teams_users",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=128), nullable=False, comment="the directory's object id"),
        sa.Column(
            "teams_id", sa.String(length=255), nullable=False, comment="as Teams calls the user towards this bot: 29:..."
        ),
        sa.Column("email", sa.String(length=255), server_default="", nullable=False),
        sa.Column(
            "upn",
            sa.String(length=255),
            server_default="",
            nullable=False,
            comment="the name they sign in with, often their e-mail",
        ),
        sa.Column("name", sa.String(length=255), server_default="", nullable=False),
        sa.Column("service_url", sa.String(length=512), nullable=False),
        sa.Column(
            "conversation_id",
            sa.String(length=512),
            server_default="",
            nullable=False,
            comment="their one-to-one chat with the bot",
        ),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "user_id", name=op.f("pk_teams_users")),
    )
    op.create_index("ix_teams_users_email", "teams_users", ["tenant", "email"], unique=False)
    op.create_index("ix_teams_users_upn", "teams_users", ["tenant", "upn"], unique=False)
    op.create_table(
        "teams_places",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", sa.String(length=512), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("service_url", sa.String(length=512), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('team', 'group')", name=op.f("ck_teams_places_kind")),
        sa.PrimaryKeyConstraint("tenant", "conversation_id", name=op.f("pk_teams_places")),
    )


def downgrade() -> None:
    op.drop_table("teams_places")
    op.drop_index("ix_teams_users_upn", table_name="teams_users")
    op.drop_index("ix_teams_users_email", table_name="teams_users")
    op.drop_table("teams_users")
