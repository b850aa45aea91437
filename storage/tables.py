"""The tables. CHECK constraints make wrong states impossible on both databases; migrations/ is what creates them.

What a person wrote about a child (`incident_texts`, `participants.name`, `drafts.filled`) stands apart from the columns that
routing, queues and figures need, so that it can be sealed without touching them.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)

from domain.asking import Decision, GapKind, RequestKind
from domain.incident import AlertState, Asked, MessageKind, NoteKind, TimerKind, Why
from domain.people import CHATS, AddressKind, Kind, Platform
from domain.words import About, DeliveryState, IncidentState, ParticipantRole, Urgency

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Moment(TypeDecorator[datetime]):
    """An aware moment, kept in UTC. A naive one is refused, since nobody could say when it was."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC; SQLite keeps it without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone cannot be stored")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's shape
        """Back as an aware moment."""
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


def _one_of(name: str, column: str, words: type[StrEnum] | Iterable[str]) -> CheckConstraint:
    allowed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({allowed})", name=name)


def _id(name: str = "id", refers_to: str | None = None, **kwargs: Any) -> Column[str]:
    return Column(name, String(36), *([ForeignKey(refers_to)] if refers_to else []), **kwargs)


counters = Table(
    "counters",
    metadata,
    Column("school", String(64), primary_key=True),
    Column("name", String(32), primary_key=True),
    Column("last", Integer, nullable=False),
)
"""The last number given out, so that references of a school and year run without a gap."""

people = Table(
    "people",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("list_key", String(255), nullable=False, comment="e-mail of staff, the school's own number of a pupil"),
    Column("name", String(255), nullable=False),
    Column("email", String(255), nullable=False, server_default=""),
    Column("house", String(64), nullable=False, server_default=""),
    Column("form", String(64), nullable=False, server_default=""),
    Column("line_manager", String(255), nullable=False, server_default=""),
    Column("search", String(255), nullable=False, comment="the name without case or accents, for typeahead"),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    _one_of("kind", "kind", Kind),
    UniqueConstraint("school", "kind", "list_key"),
)

accounts = Table(
    "accounts",
    metadata,
    Column("school", String(64), primary_key=True),
    Column("platform", String(16), primary_key=True),
    Column("user_id", String(128), primary_key=True),
    Column("email", String(255), nullable=False, server_default=""),
    Column("name", String(255), nullable=False, server_default=""),
    Column("checked_at", Moment, nullable=False),
    _one_of("platform", "platform", CHATS),
    Index("ix_accounts_school_email", "school", "email"),
)

channel_readers = Table(
    "channel_readers",
    metadata,
    Column("school", String(64), primary_key=True),
    Column("platform", String(16), primary_key=True),
    Column("channel", String(128), primary_key=True),
    Column("emails", JSON, nullable=False, comment="who reads the channel; an unknown reader stands as an empty address"),
    Column("checked_at", Moment, nullable=False),
    _one_of("platform", "platform", CHATS),
)

teams_users = Table(
    "teams_users",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("user_id", String(128), primary_key=True, comment="the directory's object id"),
    Column("teams_id", String(255), nullable=False, comment="as Teams calls the user towards this bot: 29:..."),
    Column("email", String(255), nullable=False, server_default=""),
    Column("upn", String(255), nullable=False, server_default="", comment="the name they sign in with, often their e-mail"),
    Column("name", String(255), nullable=False, server_default=""),
    Column("service_url", String(512), nullable=False),
    Column("conversation_id", String(512), nullable=False, server_default="", comment="their one-to-one chat with the bot"),
    Column("checked_at", Moment, nullable=False),
    Index("ix_teams_users_email", "tenant", "email"),
    Index("ix_teams_users_upn", "tenant", "upn"),
)
"""Users of Teams as last seen. A tenant can hold several schools, so that whose they are is decided by the staff lists."""

teams_places = Table(
    "teams_places",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("conversation_id", String(512), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("service_url", String(512), nullable=False),
    Column("added_at", Moment, nullable=False),
    _one_of("kind", "kind", ("team", "group")),
)
"""Teams and group chats in which the bot is installed."""

slack_installs = Table(
    "slack_installs",
    metadata,
    Column("team", String(64), primary_key=True, comment="the workspace: T..."),
    Column("team_name", String(255), nullable=False, server_default=""),
    Column("token", String(512), nullable=False, comment="a secret: whoever has it can speak as the bot there"),
    Column("bot_user", String(64), nullable=False),
    Column("installed_by", String(64), nullable=False, server_default=""),
    Column("installed_at", Moment, nullable=False),
    CheckConstraint("token <> ''", name="has_a_token"),
)
"""Slack workspaces, where one bot serves many. Which school a workspace is of stands in the school files alone."""

slack_install_states = Table(
    "slack_install_states",
    metadata,
    Column("state", String(64), primary_key=True),
    Column("expires_at", Moment, nullable=False),
)
"""Installations that somebody has begun in a browser and not yet finished."""

incidents = Table(
    "incidents",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False),
    Column("reference", String(32), nullable=False),
    Column("concern", String(64), nullable=False),
    Column("about", String(16), nullable=False),
    Column("is_repeat", Boolean),
    Column("immediate_danger", Boolean, nullable=False),
    Column("illegal_suspected", Boolean),
    Column("urgency", String(16), nullable=False),
    Column("private", Boolean, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reporter_platform", String(16), nullable=False),
    Column("reporter_user", String(128), nullable=False),
    _id("reporter_person", nullable=True),
    Column("reported_at", Moment, nullable=False),
    Column("occurred_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("closed_at", Moment),
    Column("route", JSON, nullable=False, comment="roles alerted, agencies, rules and clauses as decided when it was reported"),
    _id("draft_id", nullable=True),
    UniqueConstraint("school", "reference"),
    UniqueConstraint("draft_id"),
    _one_of("state", "state", IncidentState),
    _one_of("urgency", "urgency", Urgency),
    _one_of("about", "about", About),
    _one_of("reporter_platform", "reporter_platform", CHATS),
    CheckConstraint("(closed_at IS NULL) = (state IN ('reported', 'acknowledged', 'in_progress'))", name="closed_has_a_time"),
    Index("ix_incidents_school_state", "school", "state"),
    Index("ix_incidents_reporter", "school", "reporter_platform", "reporter_user"),
    Index(
        "ix_incidents_open",
        "id",
        sqlite_where=text("state IN ('reported', 'acknowledged', 'in_progress')"),
        postgresql_where=text("state IN ('reported', 'acknowledged', 'in_progress')"),
    ),
)

incident_texts = Table(
    "incident_texts",
    metadata,
    _id("incident_id", "incidents.id", primary_key=True),
    Column("field", String(32), primary_key=True),
    Column("text", Text, nullable=False),
    _one_of("field", "field", ("what_happened", "done_already", "where", "link")),
)

case_notes = Table(
    "case_notes",
    metadata,
    _id(primary_key=True),
    _id("incident_id", "incidents.id", nullable=False, index=True),
    _id("person_id", nullable=False),
    Column("kind", String(16), nullable=False),
    Column("at", Moment, nullable=False),
    Column("text", Text, nullable=False),
    _one_of("kind", "kind", NoteKind),
)

participants = Table(
    "participants",
    metadata,
    _id(primary_key=True),
    _id("incident_id", "incidents.id", nullable=False, index=True),
    Column("role", String(32), nullable=False),
    _id("person_id", nullable=True),
    Column("name", String(255), nullable=False, comment="the person's name on the list, or as it was typed"),
    _one_of("role", "role", ParticipantRole),
)

exclusions = Table(
    "exclusions",
    metadata,
    _id("incident_id", "incidents.id", primary_key=True),
    _id("person_id", primary_key=True),
    Column("why", String(16), nullable=False),
    _id("participant_id", nullable=True),
    _id("settled_by", nullable=True),
    Column("settled_at", Moment),
    _one_of("why", "why", Why),
    CheckConstraint("why <> 'dismissed' OR settled_by IS NOT NULL", name="dismissed_by_somebody"),
    CheckConstraint("settled_by IS NULL OR settled_by <> person_id", name="not_by_themselves"),
    Index("ix_exclusions_person", "person_id"),
)

alerts = Table(
    "alerts",
    metadata,
    _id(primary_key=True),
    _id("incident_id", "incidents.id", nullable=False, index=True),
    Column("school", String(64), nullable=False),
    Column("role", String(32), nullable=False),
    Column("also_roles", JSON, nullable=False),
    Column("group_name", String(255), nullable=False, server_default=""),
    Column("state", String(16), nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("round", Integer, nullable=False, server_default="0"),
    _id("owner_id", nullable=True),
    Column("acknowledged_at", Moment),
    _one_of("state", "state", AlertState),
    CheckConstraint("(state = 'open') = (owner_id IS NULL) OR state = 'done'", name="one_owner"),
    CheckConstraint("(owner_id IS NULL) = (acknowledged_at IS NULL)", name="owner_since"),
    Index("ix_alerts_school_state", "school", "state"),
    Index(
        "ix_alerts_live",
        "incident_id",
        sqlite_where=text("state IN ('open', 'acknowledged')"),
        postgresql_where=text("state IN ('open', 'acknowledged')"),
    ),
)

summonses = Table(
    "summonses",
    metadata,
    _id("alert_id", "alerts.id", primary_key=True),
    _id("person_id", primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("role", String(32), nullable=False),
    Column("why", String(16), nullable=False),
    Column("at", Moment, nullable=False),
    _one_of("why", "why", Asked),
    Index("ix_summonses_person", "person_id"),
)

asked = Table(
    "asked",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False),
    Column("platform", String(16), nullable=False),
    Column("user_id", String(128), nullable=False),
    Column("text", Text, nullable=False, comment="as it was typed: it may hold anything"),
    Column("at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False, index=True),
    _one_of("platform", "platform", CHATS),
)
"""Questions about the policy, for as long as a button may go on with one."""

gaps = Table(
    "gaps",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("question", String(64), nullable=False, server_default="", comment="the catalogue's id, empty where none fits"),
    Column("text", Text, nullable=False, comment="as it was typed; emptied once it is settled"),
    Column("at", Moment, nullable=False),
    Column("settled_at", Moment),
    _id("settled_by", nullable=True),
    _one_of("kind", "kind", GapKind),
    CheckConstraint("settled_at IS NULL OR text = ''", name="forgotten_once_settled"),
)
"""What the policy does not answer, for its next review. Who asked is not kept."""

requests = Table(
    "requests",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("reference", String(32), nullable=False),
    Column("question", String(64), nullable=False, server_default=""),
    Column("cites", JSON, nullable=False),
    Column("text", Text, nullable=False),
    Column("asker_platform", String(16), nullable=False),
    Column("asker_user", String(128), nullable=False),
    _id("asker_person", nullable=True),
    Column("role", String(32), nullable=False),
    Column("asked", JSON, nullable=False, comment="the people it was sent to"),
    Column("at", Moment, nullable=False),
    Column("decision", String(16)),
    Column("reason", Text, nullable=False, server_default=""),
    _id("decided_by", nullable=True),
    Column("decided_at", Moment),
    UniqueConstraint("school", "reference"),
    _one_of("kind", "kind", RequestKind),
    _one_of("decision", "decision", Decision),
    _one_of("asker_platform", "asker_platform", CHATS),
    CheckConstraint("(decision IS NULL) = (decided_by IS NULL)", name="decided_by_somebody"),
    CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", name="decided_at_some_time"),
    CheckConstraint("decided_by IS NULL OR asker_person IS NULL OR decided_by <> asker_person", name="not_by_themselves"),
)

deliveries = Table(
    "deliveries",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False),
    _id("incident_id", "incidents.id", nullable=True, index=True),
    _id("alert_id", "alerts.id", nullable=True),
    _id("request_id", "requests.id", nullable=True, index=True),
    Column("message", String(16), nullable=False),
    Column("platform", String(16), nullable=False),
    Column("address_kind", String(16), nullable=False),
    Column("address_id", String(128), nullable=False),
    Column("state", String(16), nullable=False, comment="pending: to be sent, or changed if message_id is set"),
    Column("revision", Integer, nullable=False, server_default="1", comment="goes up whenever what it shows has changed"),
    Column("shown_revision", Integer, nullable=False, server_default="0"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_at", Moment, nullable=False),
    Column("leased_until", Moment),
    Column("message_id", String(255), comment="the platform's, as channel/message"),
    Column("summons_round", Integer, nullable=False, server_default="0"),
    Column("step", String(128), nullable=False, server_default="", comment="what makes it due: it is sent there once for that"),
    Column("lease", Integer, nullable=False, server_default="0", comment="goes up with every lease, and never back"),
    Column("made_at", Moment),
    Column("uncertain", Boolean, nullable=False, server_default=false(), comment="it may have been posted unbeknown"),
    Column("trouble", String(64), nullable=False, server_default="", comment="a code, never an answer's text"),
    _one_of("state", "state", DeliveryState),
    _one_of("message", "message", MessageKind),
    _one_of("platform", "platform", Platform),
    _one_of("address_kind", "address_kind", AddressKind),
    CheckConstraint("(state = 'leased') = (leased_until IS NOT NULL)", name="leased_until_when"),
    CheckConstraint("state <> 'sent' OR message_id IS NOT NULL", name="sent_is_known"),
    CheckConstraint("(incident_id IS NULL) <> (request_id IS NULL)", name="of_one_thing"),
    Index(
        "ix_deliveries_due",
        "next_at",
        sqlite_where=text("state IN ('pending', 'leased')"),
        postgresql_where=text("state IN ('pending', 'leased')"),
    ),
    Index("ix_deliveries_alert", "alert_id"),
    Index(
        "ix_deliveries_once",
        "message",
        "platform",
        "address_id",
        "step",
        unique=True,
        sqlite_where=text("step <> ''"),
        postgresql_where=text("step <> ''"),
    ),
    Index(
        "ix_deliveries_dead",
        "school",
        sqlite_where=text("state = 'dead'"),
        postgresql_where=text("state = 'dead'"),
    ),
)

timers = Table(
    "timers",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    _id("incident_id", "incidents.id", nullable=False),
    _id("alert_id", "alerts.id", nullable=False, index=True),
    Column("due_at", Moment, nullable=False),
    Column("state", String(16), nullable=False),
    _one_of("kind", "kind", TimerKind),
    _one_of("state", "state", ("pending", "done", "cancelled")),
    Index("ix_timers_due", "due_at", sqlite_where=text("state = 'pending'"), postgresql_where=text("state = 'pending'")),
)

audit = Table(
    "audit",
    metadata,
    Column("school", String(64), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("actor", String(160), nullable=False, comment="person:<id>, account:<platform>:<id> or the bot"),
    Column("action", String(48), nullable=False),
    _id("incident_id", nullable=True),
    Column("data", JSON, nullable=False, comment="ids and codes; no name and no narrative"),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("ix_audit_incident", "incident_id"),
)

drafts = Table(
    "drafts",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False),
    Column("platform", String(16), nullable=False),
    Column("user_id", String(128), nullable=False),
    Column("state", String(16), nullable=False),
    Column("filled", JSON, nullable=False, comment="what has reached the bot of the form, by field"),
    Column("changed_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    _one_of("state", "state", ("open", "submitted", "discarded")),
    _one_of("platform", "platform", CHATS),
    Index("ix_drafts_owner", "school", "platform", "user_id", "state"),
    Index("ix_drafts_open", "expires_at", sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")),
)

seen_events = Table(
    "seen_events",
    metadata,
    Column("platform", String(16), primary_key=True),
    Column("event_id", String(128), primary_key=True),
    Column("at", Moment, nullable=False, index=True),
)

console_messages = Table(
    "console_messages",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("place", String(128), nullable=False, index=True),
    Column("person", String(128), nullable=False, server_default="", comment="who said it; empty for the bot"),
    Column("at", Moment, nullable=False),
    Column("changed", Boolean, nullable=False, server_default=text("false")),
    Column("body", JSON, nullable=False),
)
"""The chat of the local console, which has no server of its own to keep it."""
