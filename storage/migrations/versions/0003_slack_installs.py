"""In which Slack workspaces the bot is installed, each with its token, and installations that have been begun."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "slack_installs",
        sa.Column("team", sa.String(length=64), nullable=False, comment="the workspace: T..."),
        sa.Column("team_name", sa.String(length=255), server_default="", nullable=False),
        sa.Column(
            "token", sa.String(length=512), nullable=False, comment="a secret: whoever has it can speak as the bot there"
        ),
        sa.Column("bot_user", sa.String(length=64), nullable=False),
        sa.Column("installed_by", sa.String(length=64), server_default="", nullable=False),
        sa.Column("installed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("token <> ''", name=op.f("ck_slack_installs_has_a_token")),
        sa.PrimaryKeyConstraint("team", name=op.f("pk_slack_installs")),
    )
    op.create_table(
        "slack_install_states",
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("state", name=op.f("pk_slack_install_states")),
    )


def downgrade() -> None:
    op.drop_table("slack_install_states")
    op.drop_table("slack_installs")
