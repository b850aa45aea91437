"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("platform", sa.String(length=16), nullable=False),
        sa.Column("user_id", sa.String(length=128), nullable=False),
        sa.Column("email", sa.String(length=255), server_default="", nullable=False),
        sa.Column("name", sa.String(length=255), server_default="", nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("platform IN ('slack', 'teams', 'console')", name=op.f("ck_accounts_platform")),
        sa.PrimaryKeyConstraint("school", "platform", "user_id", name=op.f("pk_accounts")),
    )
    op.create_index("ix_accounts_school_email", "accounts", ["school", "email"], unique=False)
    op.create_table(
        "audit",
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=160), nullable=False, comment="person:<id>, account:<platform>:<id> or the bot"),
        sa.Column("action", sa.String(length=48), nullable=False),
        sa.Column("incident_id", sa.String(length=36), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False, comment="ids and codes; no name and no narrative"),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("school", "seq", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_incident", "audit", ["incident_id"], unique=False)
    op.create_table(
        "channel_readers",
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("platform", sa.String(length=16), nullable=False),
        sa.Column("channel", sa.String(length=128), nullable=False),
        sa.Column(
            "emails", sa.JSON(), nullable=False, comment="who reads the channel; an unknown reader stands as an empty address"
        ),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("platform IN ('slack', 'teams', 'console')", name=op.f("ck_channel_readers_platform")),
        sa.PrimaryKeyConstraint("school", "platform", "channel", name=op.f("pk_channel_readers")),
    )
    op.create_table(
        "console_messages",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("place", sa.String(length=128), nullable=False),
        sa.Column("person", sa.String(length=128), server_default="", nullable=False, comment="who said it; empty for the bot"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_console_messages")),
    )
    op.create_index(op.f("ix_console_messages_place"), "console_messages", ["place"], unique=False)
    op.create_table(
        "counters",
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("school", "name", name=op.f("pk_counters")),
    )
    op.create_table(
        "drafts",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("platform", sa.String(length=16), nullable=False),
        sa.Column("user_id", sa.String(length=128), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("filled", sa.JSON(), nullable=False, comment="what has reached the bot of the form, by field"),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("platform IN ('slack', 'teams', 'console')", name=op.f("ck_drafts_platform")),
        sa.CheckConstraint("state IN ('open', 'submitted', 'discarded')", name=op.f("ck_drafts_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drafts")),
    )
    op.create_index("ix_drafts_owner", "drafts", ["school", "platform", "user_id", "state"], unique=False)
    op.create_table(
        "incidents",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("reference", sa.String(length=32), nullable=False),
        sa.Column("concern", sa.String(length=64), nullable=False),
        sa.Column("about", sa.String(length=16), nullable=False),
        sa.Column("is_repeat", sa.Boolean(), nullable=True),
        sa.Column("immediate_danger", sa.Boolean(), nullable=False),
        sa.Column("illegal_suspected", sa.Boolean(), nullable=True),
        sa.Column("urgency", sa.String(length=16), nullable=False),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reporter_platform", sa.String(length=16), nullable=False),
        sa.Column("reporter_user", sa.String(length=128), nullable=False),
        sa.Column("reporter_person", sa.String(length=36), nullable=True),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "route",
            sa.JSON(),
            nullable=False,
            comment="roles alerted, agencies, rules and clauses as decided when it was reported",
        ),
        sa.Column("draft_id", sa.String(length=36), nullable=True),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (state IN ('reported', 'acknowledged', 'in_progress'))",
            name=op.f("ck_incidents_closed_has_a_time"),
        ),
        sa.CheckConstraint(
            "about IN ('pupil', 'staff', 'headteacher', 'parent', 'external', 'unknown')", name=op.f("ck_incidents_about")
        ),
        sa.CheckConstraint("reporter_platform IN ('slack', 'teams', 'console')", name=op.f("ck_incidents_reporter_platform")),
        sa.CheckConstraint(
            "state IN ('reported', 'acknowledged', 'in_progress', 'closed', 'signed_off', 'merged')",
            name=op.f("ck_incidents_state"),
        ),
        sa.CheckConstraint("urgency IN ('critical', 'high', 'medium', 'low')", name=op.f("ck_incidents_urgency")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
        sa.UniqueConstraint("draft_id", name=op.f("uq_incidents_draft_id")),
        sa.UniqueConstraint("school", "reference", name=op.f("uq_incidents_school_reference")),
    )
    op.create_index("ix_incidents_reporter", "incidents", ["school", "reporter_platform", "reporter_user"], unique=False)
    op.create_index("ix_incidents_school_state", "incidents", ["school", "state"], unique=False)
    op.create_table(
        "people",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column(
            "list_key", sa.String(length=255), nullable=False, comment="e-mail of staff, the school's own number of a pupil"
        ),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("email", sa.String(length=255), server_default="", nullable=False),
        sa.Column("house", sa.String(length=64), server_default="", nullable=False),
        sa.Column("form", sa.String(length=64), server_default="", nullable=False),
        sa.Column("line_manager", sa.String(length=255), server_default="", nullable=False),
        sa.Column("search", sa.String(length=255), nullable=False, comment="the name without case or accents, for typeahead"),
        sa.Column("active", sa.Boolean(), server_default=sa.text("(true)"), nullable=False),
        sa.CheckConstraint("kind IN ('staff', 'pupil')", name=op.f("ck_people_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        sa.UniqueConstraint("school", "kind", "list_key", name=op.f("uq_people_school_kind_list_key")),
    )
    op.create_table(
        "seen_events",
        sa.Column("platform", sa.String(length=16), nullable=False),
        sa.Column("event_id", sa.String(length=128), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("platform", "event_id", name=op.f("pk_seen_events")),
    )
    op.create_index(op.f("ix_seen_events_at"), "seen_events", ["at"], unique=False)
    op.create_table(
        "alerts",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("incident_id", sa.String(length=36), nullable=False),
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("also_roles", sa.JSON(), nullable=False),
        sa.Column("group_name", sa.String(length=255), server_default="", nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("round", sa.Integer(), server_default="0", nullable=False),
        sa.Column("owner_id", sa.String(length=36), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'open') = (owner_id IS NULL) OR state = 'done'", name=op.f("ck_alerts_one_owner")),
        sa.CheckConstraint("state IN ('open', 'acknowledged', 'done')", name=op.f("ck_alerts_state")),
        sa.CheckConstraint("(owner_id IS NULL) = (acknowledged_at IS NULL)", name=op.f("ck_alerts_owner_since")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_alerts_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
    )
    op.create_index(op.f("ix_alerts_incident_id"), "alerts", ["incident_id"], unique=False)
    op.create_index("ix_alerts_school_state", "alerts", ["school", "state"], unique=False)
    op.create_table(
        "case_notes",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("incident_id", sa.String(length=36), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('handed_on', 'outcome')", name=op.f("ck_case_notes_kind")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_case_notes_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_notes")),
    )
    op.create_index(op.f("ix_case_notes_incident_id"), "case_notes", ["incident_id"], unique=False)
    op.create_table(
        "exclusions",
        sa.Column("incident_id", sa.String(length=36), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("why", sa.String(length=16), nullable=False),
        sa.Column("participant_id", sa.String(length=36), nullable=True),
        sa.Column("settled_by", sa.String(length=36), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("why <> 'dismissed' OR settled_by IS NOT NULL", name=op.f("ck_exclusions_dismissed_by_somebody")),
        sa.CheckConstraint("why IN ('named', 'possible', 'dismissed')", name=op.f("ck_exclusions_why")),
        sa.CheckConstraint("settled_by IS NULL OR settled_by <> person_id", name=op.f("ck_exclusions_not_by_themselves")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_exclusions_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", "person_id", name=op.f("pk_exclusions")),
    )
    op.create_index("ix_exclusions_person", "exclusions", ["person_id"], unique=False)
    op.create_table(
        "incident_texts",
        sa.Column("incident_id", sa.String(length=36), nullable=False),
        sa.Column("field", sa.String(length=32), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.CheckConstraint("field IN ('what_happened', 'done_already', 'where', 'link')", name=op.f("ck_incident_texts_field")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_incident_texts_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", "field", name=op.f("pk_incident_texts")),
    )
    op.create_table(
        "participants",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("incident_id", sa.String(length=36), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=True),
        sa.Column("name", sa.String(length=255), nullable=False, comment="the person's name on the list, or as it was typed"),
        sa.CheckConstraint("role IN ('target', 'alleged_perpetrator', 'witness', 'other')", name=op.f("ck_participants_role")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_participants_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_participants")),
    )
    op.create_index(op.f("ix_participants_incident_id"), "participants", ["incident_id"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("incident_id", sa.String(length=36), nullable=False),
        sa.Column("alert_id", sa.String(length=36), nullable=True),
        sa.Column("message", sa.String(length=16), nullable=False),
        sa.Column("platform", sa.String(length=16), nullable=False),
        sa.Column("address_kind", sa.String(length=16), nullable=False),
        sa.Column("address_id", sa.String(length=128), nullable=False),
        sa.Column(
            "state", sa.String(length=16), nullable=False, comment="pending: to be sent, or changed if message_id is set"
        ),
        sa.Column(
            "revision", sa.Integer(), server_default="1", nullable=False, comment="goes up whenever what it shows has changed"
        ),
        sa.Column("shown_revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("message_id", sa.String(length=255), nullable=True, comment="the platform's, as channel/message"),
        sa.Column("summons_round", sa.Integer(), server_default="0", nullable=False),
        sa.Column("trouble", sa.String(length=64), server_default="", nullable=False, comment="a code, never an answer's text"),
        sa.CheckConstraint("(state = 'leased') = (leased_until IS NOT NULL)", name=op.f("ck_deliveries_leased_until_when")),
        sa.CheckConstraint("address_kind IN ('channel', 'user', 'person')", name=op.f("ck_deliveries_address_kind")),
        sa.CheckConstraint(
            "message IN ('alert', 'receipt', 'acknowledged', 'closed', 'reminder')", name=op.f("ck_deliveries_message")
        ),
        sa.CheckConstraint("platform IN ('slack', 'teams', 'console')", name=op.f("ck_deliveries_platform")),
        sa.CheckConstraint("state <> 'sent' OR message_id IS NOT NULL", name=op.f("ck_deliveries_sent_is_known")),
        sa.CheckConstraint("state IN ('pending', 'leased', 'sent', 'cancelled', 'dead')", name=op.f("ck_deliveries_state")),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name=op.f("fk_deliveries_alert_id")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_deliveries_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
    )
    op.create_index("ix_deliveries_alert", "deliveries", ["alert_id"], unique=False)
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["next_at"],
        unique=False,
        sqlite_where=sa.text("state IN ('pending', 'leased')"),
        postgresql_where=sa.text("state IN ('pending', 'leased')"),
    )
    op.create_index(op.f("ix_deliveries_incident_id"), "deliveries", ["incident_id"], unique=False)
    op.create_table(
        "summonses",
        sa.Column("alert_id", sa.String(length=36), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("why", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("why IN ('first', 'climbed', 'handed_on', 'stands_in')", name=op.f("ck_summonses_why")),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name=op.f("fk_summonses_alert_id")),
        sa.PrimaryKeyConstraint("alert_id", "person_id", "round", name=op.f("pk_summonses")),
    )
    op.create_index("ix_summonses_person", "summonses", ["person_id"], unique=False)
    op.create_table(
        "timers",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("incident_id", sa.String(length=36), nullable=False),
        sa.Column("alert_id", sa.String(length=36), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.CheckConstraint("kind IN ('climb', 'remind')", name=op.f("ck_timers_kind")),
        sa.CheckConstraint("state IN ('pending', 'done', 'cancelled')", name=op.f("ck_timers_state")),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name=op.f("fk_timers_alert_id")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_timers_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timers")),
    )
    op.create_index(op.f("ix_timers_alert_id"), "timers", ["alert_id"], unique=False)
    op.create_index(
        "ix_timers_due",
        "timers",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_timers_due",
        table_name="timers",
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.drop_index(op.f("ix_timers_alert_id"), table_name="timers")
    op.drop_table("timers")
    op.drop_index("ix_summonses_person", table_name="summonses")
    op.drop_table("summonses")
    op.drop_index(op.f("ix_deliveries_incident_id"), table_name="deliveries")
    op.drop_index(
        "ix_deliveries_due",
        table_name="deliveries",
        sqlite_where=sa.text("state IN ('pending', 'leased')"),
        postgresql_where=sa.text("state IN ('pending', 'leased')"),
    )
    op.drop_index("ix_deliveries_alert", table_name="deliveries")
    op.drop_table("deliveries")
    op.drop_index(op.f("ix_participants_incident_id"), table_name="participants")
    op.drop_table("participants")
    op.drop_table("incident_texts")
    op.drop_index("ix_exclusions_person", table_name="exclusions")
    op.drop_table("exclusions")
    op.drop_index(op.f("ix_case_notes_incident_id"), table_name="case_notes")
    op.drop_table("case_notes")
    op.drop_index("ix_alerts_school_state", table_name="alerts")
    op.drop_index(op.f("ix_alerts_incident_id"), table_name="alerts")
    op.drop_table("alerts")
    op.drop_index(op.f("ix_seen_events_at"), table_name="seen_events")
    op.drop_table("seen_events")
    op.drop_table("people")
    op.drop_index("ix_incidents_school_state", table_name="incidents")
    op.drop_index("ix_incidents_reporter", table_name="incidents")
    op.drop_table("incidents")
    op.drop_index("ix_drafts_owner", table_name="drafts")
    op.drop_table("drafts")
    op.drop_table("counters")
    op.drop_index(op.f("ix_console_messages_place"), table_name="console_messages")
    op.drop_table("console_messages")
    op.drop_table("channel_readers")
    op.drop_index("ix_audit_incident", table_name="audit")
    op.drop_table("audit")
    op.drop_index("ix_accounts_school_email", table_name="accounts")
    op.drop_table("accounts")
