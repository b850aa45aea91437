"""The tables. CHECK constraints make wrong states impossible on both databases; migrations/ is what creates them.

What a person wrote, and what a pupil is called, is sealed (storage/sealing.py): it stands in a column of bytes. The column of
text beside it is empty then, and holds something only in rows that a version before 0007 has written.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
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
from domain.audit import HeadWay
from domain.breaches import BreachDecision, BreachKind
from domain.case_changes import ChangeKind, LinkKind
from domain.consents import Kept
from domain.duties import DutyKind
from domain.entries import EntryKind
from domain.exports import PageEnd, PageKind
from domain.figures import Season
from domain.incident import AlertState, Asked, MessageKind, NoteKind, TimerKind, Why
from domain.people import CHATS, AddressKind, Kind, Platform, Standing
from domain.register_terms import RecordState, RegisterKind
from domain.registers import Change
from domain.retention import EarlyReason, KeepState
from domain.submissions import Doing, SubmissionState
from domain.words import About, DeliveryState, IncidentState, ParticipantRole, RetentionClass, Urgency

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

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        """PostgreSQL gives aware moments by itself."""
        return None if dialect.name == "postgresql" else super().result_processor(dialect, coltype)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's shape
        """Back as an aware moment."""
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


def _one_of(name: str, column: str, words: type[StrEnum] | Iterable[str]) -> CheckConstraint:
    allowed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({allowed})", name=name)


def _id(name: str = "id", refers_to: str | None = None, **kwargs: Any) -> Column[str]:
    return Column(name, String(36), *([ForeignKey(refers_to)] if refers_to else []), **kwargs)


def _sealed(name: str = "sealed") -> Column[bytes]:
    return Column(name, LargeBinary)


def _plain(table: str, column: str, text_column: str) -> Index:
    """Where to find what is not sealed yet: as a rule nothing."""
    plain = text(f"{text_column} <> ''")
    return Index(f"ix_{table}_plain", column, sqlite_where=plain, postgresql_where=plain)


def _of_state(name: str, state: str, *columns: str) -> Index:
    """An index of what is in a state that ends: it stays small."""
    return Index(name, *columns, sqlite_where=text(state), postgresql_where=text(state))


counters = Table(
    "counters",
    metadata,
    Column("school", String(64), primary_key=True),
    Column("name", String(32), primary_key=True),
    Column("last", Integer, nullable=False),
)
"""The last number given out of a series: entries of the audit, lists. Whoever takes one holds its row."""

people = Table(
    "people",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False),
    Column("kind", String(8), nullable=False),
    # Of a pupil who is sealed: a mark made of their number, so that they are on the list once.
    Column("list_key", String(255), nullable=False, comment="e-mail of staff, the school's own number of a pupil"),
    Column("name", String(255), nullable=False),
    Column("email", String(255), nullable=False, server_default=""),
    Column("house", String(64), nullable=False, server_default=""),
    Column("form", String(64), nullable=False, server_default=""),
    Column("line_manager", String(255), nullable=False, server_default=""),
    Column("search", String(255), nullable=False, comment="the name without case or accents, for typeahead"),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    Column("number", String(64), nullable=True, comment="the school's own number of a member of staff, if a list gave it"),
    # Of pupils it is not kept: they are forgotten as soon as no case names them.
    Column("left_at", Moment, nullable=True),
    _sealed(),
    _one_of("kind", "kind", Kind),
    UniqueConstraint("school", "kind", "list_key"),
    Index("ix_people_number", "school", "number", unique=True),
)

people_words = Table(
    "people_words",
    metadata,
    Column("school", String(64), primary_key=True),
    Column("token", LargeBinary, primary_key=True, comment="made of the beginning of a word of their name"),
    _id("person_id", primary_key=True),
    Index("ix_people_words_person_id", "person_id"),
    # All of a row is its key: kept once, and not twice.
    sqlite_with_rowid=False,
)
"""By which words pupils are found: marks that only who has the school's key can make."""

school_keys = Table(
    "school_keys",
    metadata,
    Column("school", String(64), primary_key=True, comment="empty for what belongs to no school"),
    Column("purpose", String(16), primary_key=True),
    Column("key_id", String(32), nullable=False, comment="the master key that it is sealed under"),
    Column("wrapped_key", LargeBinary, nullable=False),
)
"""The keys of what belongs to no case."""

accounts = Table(
    "accounts",
    metadata,
    Column("school", String(64), primary_key=True),
    Column("platform", String(16), primary_key=True),
    Column("user_id", String(128), primary_key=True),
    Column("email", String(255), nullable=False, server_default=""),
    Column("name", String(255), nullable=False, server_default=""),
    Column("standing", String(16), nullable=False, server_default=Standing.UNKNOWN),
    Column("checked_at", Moment, nullable=False),
    _one_of("platform", "platform", CHATS),
    _one_of("standing", "standing", Standing),
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
    Column("begun", Integer, nullable=False, server_default="0", comment="the number of the look at it that was begun last"),
    Column("counted", Integer, nullable=False, server_default="0", comment="that of the newest that counts"),
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
    Column("standing", String(16), nullable=False, server_default=Standing.UNKNOWN),
    Column("service_url", String(512), nullable=False),
    Column("conversation_id", String(512), nullable=False, server_default="", comment="their one-to-one chat with the bot"),
    Column("checked_at", Moment, nullable=False),
    _one_of("standing", "standing", Standing),
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
    _sealed(),
    CheckConstraint("token <> '' OR sealed IS NOT NULL", name="has_a_token"),
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
    Column("first_alert_at", Moment),
    Column("route", JSON, nullable=False, comment="roles alerted, agencies, rules and clauses as decided when it was reported"),
    _id("draft_id", nullable=True),
    Column("key_id", String(32), index=True, comment="the master key that wrapped_key is sealed under; empty: it is erased"),
    Column("wrapped_key", LargeBinary, comment="the case's own key"),
    UniqueConstraint("school", "reference"),
    UniqueConstraint("draft_id"),
    _one_of("state", "state", IncidentState),
    _one_of("urgency", "urgency", Urgency),
    _one_of("about", "about", About),
    _one_of("reporter_platform", "reporter_platform", CHATS),
    CheckConstraint("(closed_at IS NULL) = (state IN ('reported', 'acknowledged', 'in_progress'))", name="closed_has_a_time"),
    Index("ix_incidents_school_state", "school", "state"),
    Index("ix_incidents_reported", "school", "reported_at"),
    Index("ix_incidents_reporter", "school", "reporter_platform", "reporter_user", "reported_at"),
    Index("ix_incidents_reporter_person", "school", "reporter_person", "reported_at"),
    Index(
        "ix_incidents_closed",
        "school",
        "closed_at",
        "id",
        sqlite_where=text("closed_at IS NOT NULL"),
        postgresql_where=text("closed_at IS NOT NULL"),
    ),
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
    _sealed(),
    _one_of("field", "field", ("what_happened", "done_already", "where", "link")),
    _plain("incident_texts", "incident_id", "text"),
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
    _sealed(),
    _one_of("kind", "kind", NoteKind),
    _plain("case_notes", "incident_id", "text"),
)

case_entries = Table(
    "case_entries",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False),
    _id("incident_id", "incidents.id", nullable=False, index=True),
    _id("person_id", nullable=False),
    Column("kind", String(16), nullable=False),
    Column("at", Moment, nullable=False),
    _id("corrects", nullable=True, comment="the first wording of the entry that this one corrects"),
    _id("follows", nullable=True, index=True, comment="the entry of which this one says what became"),
    _id("doer_id", nullable=True, comment="of an action: who is to do it"),
    Column("due_at", Moment, comment="by when, as its newest wording has it"),
    Column("done_at", Moment),
    _id("done_by", nullable=True),
    _sealed(),
    _one_of("kind", "kind", EntryKind),
    CheckConstraint("(done_at IS NULL) = (done_by IS NULL)", name="done_by_somebody"),
    CheckConstraint(
        "(kind = 'action' AND corrects IS NULL) OR (doer_id IS NULL AND due_at IS NULL AND done_at IS NULL)",
        name="state_of_an_action",
    ),
    Index(
        "ix_case_entries_due",
        "school",
        "due_at",
        sqlite_where=text("due_at IS NOT NULL AND done_at IS NULL"),
        postgresql_where=text("due_at IS NOT NULL AND done_at IS NULL"),
    ),
)
"""What is written in a case while it is worked. A correction is a row of its own, and what it corrects stays."""

case_changes = Table(
    "case_changes",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False),
    _id("incident_id", "incidents.id", nullable=False, index=True),
    _id("person_id", nullable=False),
    Column("kind", String(16), nullable=False),
    Column("at", Moment, nullable=False),
    _id("other_id", nullable=True, comment="the other case, of a merge or a link"),
    Column("code", String(32), nullable=False, server_default="", comment="how it ended, or for which role it was signed"),
    _sealed(),
    _one_of("kind", "kind", ChangeKind),
)
"""How a case has changed and ended: a row for each time, which stays. Why is sealed."""

case_links = Table(
    "case_links",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False),
    _id("incident_id", "incidents.id", nullable=False, index=True),
    _id("other_id", "incidents.id", nullable=False, index=True, comment="of a merge the case that goes on"),
    Column("kind", String(16), nullable=False),
    _id("person_id", nullable=False),
    Column("at", Moment, nullable=False),
    Column("done_at", Moment, comment="since when it holds no more"),
    _id("done_by", nullable=True),
    _one_of("kind", "kind", LinkKind),
    CheckConstraint("incident_id <> other_id", name="two_cases"),
    CheckConstraint("(done_at IS NULL) = (done_by IS NULL)", name="undone_by_somebody"),
    Index(
        "ix_case_links_merged",
        "incident_id",
        unique=True,
        sqlite_where=text("kind = 'merged' AND done_at IS NULL"),
        postgresql_where=text("kind = 'merged' AND done_at IS NULL"),
    ),
)
"""Which case was merged into which, and which have to do with one another."""

signatures = Table(
    "signatures",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False),
    _id("incident_id", "incidents.id", nullable=False),
    Column("role", String(32), nullable=False, comment="for which the policy's log form has a line"),
    Column("round", Integer, nullable=False, comment="how often the case had been closed before"),
    Column("at", Moment, nullable=False, comment="since when this person is asked"),
    _id("person_id", nullable=True, comment="who is asked; none: nobody can be"),
    Column("asked_as", String(32), nullable=False, server_default="", comment="the role in which they are"),
    Column("reads", Boolean, nullable=False, server_default=false(), comment="they sign what they have read of it"),
    Column("done_at", Moment),
    _id("done_by", nullable=True),
    Column("ended_at", Moment, comment="it is not wanted any more"),
    CheckConstraint("(done_at IS NULL) = (done_by IS NULL)", name="signed_by_somebody"),
    CheckConstraint("done_at IS NULL OR ended_at IS NULL", name="signed_or_ended"),
    CheckConstraint("(person_id IS NULL) = (asked_as = '')", name="asked_in_a_role"),
    UniqueConstraint("incident_id", "round", "role"),
    Index(
        "ix_signatures_awaited",
        "school",
        "at",
        sqlite_where=text("done_at IS NULL AND ended_at IS NULL"),
        postgresql_where=text("done_at IS NULL AND ended_at IS NULL"),
    ),
    Index(
        "ix_signatures_two_people",
        "incident_id",
        "round",
        "done_by",
        unique=True,
        sqlite_where=text("done_by IS NOT NULL"),
        postgresql_where=text("done_by IS NOT NULL"),
    ),
)
"""Who is to sign a closed case off, and who has. The note beside it is a change of the case."""

reviews = Table(
    "reviews",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False),
    _id("incident_id", "incidents.id", nullable=False, index=True),
    _id("person_id", nullable=False),
    Column("at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("done_at", Moment, comment="its result stands in the case, or another date"),
    _id("done_by", nullable=True),
    CheckConstraint("(done_at IS NULL) = (done_by IS NULL)", name="done_by_somebody"),
    Index(
        "ix_reviews_open",
        "incident_id",
        unique=True,
        sqlite_where=text("done_at IS NULL"),
        postgresql_where=text("done_at IS NULL"),
    ),
    Index(
        "ix_reviews_due",
        "school",
        "due_at",
        sqlite_where=text("done_at IS NULL"),
        postgresql_where=text("done_at IS NULL"),
    ),
)
"""When a case is to be looked at again. What came of it is a change of the case."""

participants = Table(
    "participants",
    metadata,
    _id(primary_key=True),
    _id("incident_id", "incidents.id", nullable=False, index=True),
    Column("role", String(32), nullable=False),
    _id("person_id", nullable=True),
    Column("name", String(255), nullable=False, comment="the person's name on the list, or as it was typed"),
    _sealed(),
    Column(
        "marked",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="typed_names has the words of a name that was typed",
    ),
    _one_of("role", "role", ParticipantRole),
    _plain("participants", "incident_id", "name"),
    Index("ix_participants_person", "person_id"),
    Index(
        "ix_participants_unmarked",
        "incident_id",
        sqlite_where=text("person_id IS NULL AND NOT marked AND sealed IS NOT NULL"),
        postgresql_where=text("person_id IS NULL AND NOT marked AND sealed IS NOT NULL"),
    ),
)

typed_names = Table(
    "typed_names",
    metadata,
    Column("school", String(64), primary_key=True),
    Column("token", LargeBinary, primary_key=True, comment="made of a word of a name that was typed"),
    _id("incident_id", "incidents.id", primary_key=True),
    Index("ix_typed_names_incident_id", "incident_id"),
    # All of a row is its key: kept once, and not twice.
    sqlite_with_rowid=False,
)
"""In which cases a name was typed that has a word: marks that only who has the school's key can make."""

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
    _of_state("ix_alerts_due", "state IN ('open', 'acknowledged')", "school", "due_at", "id"),
    _of_state("ix_alerts_waiting", "state = 'open'", "school", "due_at", "id"),
    _of_state("ix_alerts_taken", "state = 'acknowledged'", "school", "due_at", "id"),
    _of_state("ix_alerts_owner", "state = 'acknowledged'", "owner_id", "due_at", "id"),
    Index("ix_alerts_owned", "owner_id", "incident_id"),
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

openings = Table(
    "openings",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False),
    _id("incident_id", "incidents.id", nullable=False, index=True),
    _id("person_id", nullable=False),
    Column("role", String(32), nullable=False),
    Column("at", Moment, nullable=False),
    Column("until", Moment, nullable=False),
    CheckConstraint("until > at", name="for_a_while"),
)
"""Cases that somebody opened in an emergency. The reason is a note of the case."""

keepings = Table(
    "keepings",
    metadata,
    _id("incident_id", "incidents.id", primary_key=True),
    Column("school", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("at", Moment, nullable=False, comment="since when it is so"),
    _id("person_id", nullable=True, comment="who proposed to erase it, or holds it; none: the clock"),
    Column("reason", String(16), comment="why before its time, a code"),
    Column("until", Moment, comment="how long it is held, if not until somebody lifts that"),
    _id("agreed_by", nullable=True, comment="who had it erased"),
    _one_of("kind", "kind", RetentionClass),
    _one_of("state", "state", KeepState),
    _one_of("reason", "reason", EarlyReason),
    CheckConstraint("(state = 'erased') = (agreed_by IS NOT NULL)", name="erased_by_somebody"),
    CheckConstraint("person_id IS NULL OR agreed_by IS NULL OR person_id <> agreed_by", name="two_people"),
    CheckConstraint("state NOT IN ('early', 'held') OR person_id IS NOT NULL", name="wanted_by_somebody"),
    CheckConstraint("until IS NULL OR state = 'held'", name="until_when"),
    Index("ix_keepings_school_state", "school", "state"),
)
"""What was said of how long a case is kept. Why it is held stands in the case as a note."""

asked = Table(
    "asked",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False),
    Column("platform", String(16), nullable=False),
    Column("user_id", String(128), nullable=False),
    Column("text", Text, nullable=False, comment="as it was typed: it may hold anything"),
    _sealed(),
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
    _sealed(),
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
    _sealed(),
    Column("asker_platform", String(16), nullable=False),
    Column("asker_user", String(128), nullable=False),
    _id("asker_person", nullable=True),
    Column("role", String(32), nullable=False),
    Column("asked", JSON, nullable=False, comment="the people it was sent to"),
    Column("at", Moment, nullable=False),
    Column("decision", String(16)),
    Column("reason", Text, nullable=False, server_default=""),
    _sealed("sealed_reason"),
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

breaches = Table(
    "breaches",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False, index=True),
    Column("reference", String(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("found_at", Moment, nullable=False),
    _sealed(),
    _id("started_by", nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("steps", JSON, nullable=False, comment="those that are done"),
    Column("done", Boolean, nullable=False, server_default=false(), comment="it is decided, and every step is done"),
    Column("reminded", Integer, nullable=False, server_default="0"),
    Column("decision", String(16)),
    _sealed("sealed_reason"),
    _id("decided_by", nullable=True),
    Column("decided_at", Moment),
    Column("caused_by", JSON, nullable=False, server_default=text("'[]'"), comment="members of staff, who are kept out of it"),
    UniqueConstraint("school", "reference"),
    _one_of("kind", "kind", BreachKind),
    _one_of("decision", "decision", BreachDecision),
    CheckConstraint("(decision IS NULL) = (decided_by IS NULL)", name="decided_by_somebody"),
    CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", name="decided_at_some_time"),
)
"""Breaches of personal data. What happened, and why it was decided so, is sealed under the school's key."""

handovers = Table(
    "handovers",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False, index=True),
    _id("person_id", nullable=False),
    _sealed(),
    Column("file", String(64), nullable=False),
    Column("receipt", String(64), nullable=False, comment="a digest of the code that stands in the page"),
    _id("started_by", nullable=False),
    Column("at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("received_at", Moment),
    _id("received_by", nullable=True),
    CheckConstraint("(received_at IS NULL) = (received_by IS NULL)", name="received_by_somebody"),
)
"""Pupils' records on their way to the next school. Which school that is, is sealed under the school's key."""

exports = Table(
    "exports",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False),
    Column("file", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    _id("made_by", nullable=True),
    Column("at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("cases", JSON, nullable=False, comment="the ids of the cases in it"),
    Column("ended_at", Moment),
    Column("ended", String(16)),
    UniqueConstraint("school", "file"),
    _one_of("kind", "kind", PageKind),
    _one_of("ended", "ended", PageEnd),
    CheckConstraint("(ended IS NULL) = (ended_at IS NULL)", name="ended_at_some_time"),
)
"""Sealed pages in the folder for exports, never their passphrases."""

figures = Table(
    "figures",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False),
    Column("year", Integer, nullable=False, comment="in which the school year begins"),
    Column("season", String(8), nullable=False),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("published", JSON, nullable=False, comment="rounded numbers, as anybody may read them"),
    UniqueConstraint("school", "year", "season"),
    _one_of("season", "season", Season),
    CheckConstraint("first_day <= last_day", name="in_order"),
)
"""What was published of each term. It is made once, so that nobody learns anything by comparing two makings."""

surveys = Table(
    "surveys",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False),
    Column("type", String(40), nullable=False, comment="the survey's id in the policy's folder"),
    Column("asked", JSON, nullable=False, comment="its questions, as they were when it was opened"),
    Column("token", String(64), nullable=False, comment="the digest of what stands in its link"),
    _id("opened_by", nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("closes_at", Moment, nullable=False),
    Column("closed_at", Moment, comment="where somebody closed it before"),
    Column("base", Integer, nullable=False, comment="what is published are multiples of it"),
    Column("seen", Integer, nullable=False, server_default="0", comment="how many answers are in what is published"),
    Column("lot", String(64), nullable=False, server_default="", comment="where its numbers tip over"),
    Column("published", JSON(none_as_null=True), comment="rounded numbers, as those who run it may read them"),
    UniqueConstraint("token"),
    CheckConstraint("base >= 3", name="base"),
    CheckConstraint("opened_at < closes_at", name="in_order"),
    CheckConstraint("seen = 0 OR seen >= base", name="seen_by_enough"),
    CheckConstraint("(seen = 0) = (published IS NULL) AND (seen = 0) = (lot = '')", name="published_of_some"),
    Index("ix_surveys_list", "school", "opened_at"),
)
"""Surveys that were opened: who may answer is whoever has the link, and of that only a digest is kept."""

survey_counts = Table(
    "survey_counts",
    metadata,
    _id("survey_id", "surveys.id", primary_key=True),
    Column("question", String(40), primary_key=True, comment="empty for the number of all answers"),
    Column("choice", String(40), primary_key=True),
    Column("times", Integer, nullable=False),
    CheckConstraint("times >= 0", name="times"),
)
"""How often each choice was made, and nothing of who made it, when, or together with which other."""

survey_sends = Table(
    "survey_sends",
    metadata,
    _id("survey_id", "surveys.id", primary_key=True),
    Column("page", String(64), primary_key=True, comment="the digest of a page that was sent in"),
)
"""Pages that were sent in, so that a double press counts once: forgotten when the survey is over."""

_UNSETTLED = text("state = 'waiting' OR tasks <> ''")
"""What is still to be answered or done of what was asked for."""

register_records = Table(
    "register_records",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("reference", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("versions", Integer, nullable=False),
    _id("written_by", nullable=False, comment="who wrote the newest wording"),
    Column("changed_at", Moment, nullable=False),
    _id("owner_id", nullable=True),
    Column("review_at", Moment),
    Column("remind_at", Moment, comment="when somebody is reminded of it next"),
    Column("rank", Integer, nullable=False, server_default="0", comment="lists begin with the highest"),
    Column("levels", String(8), nullable=False, server_default="", comment="what was multiplied, as 3x4"),
    UniqueConstraint("school", "reference"),
    _one_of("kind", "kind", RegisterKind),
    _one_of("state", "state", RecordState),
    CheckConstraint("versions > 0", name="has_a_wording"),
    Index("ix_register_records_list", "school", "kind", "state"),
    Index(
        "ix_register_records_due",
        "school",
        "remind_at",
        sqlite_where=text("remind_at IS NOT NULL"),
        postgresql_where=text("remind_at IS NOT NULL"),
    ),
)
"""Lines of the registers, as the newest version of each has them; but for when somebody is reminded, only to find them by."""

register_versions = Table(
    "register_versions",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False),
    _id("record_id", "register_records.id", nullable=False),
    Column("number", Integer, nullable=False),
    _id("person_id", nullable=False),
    Column("at", Moment, nullable=False),
    Column("change", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    _sealed(),
    UniqueConstraint("record_id", "number"),
    _one_of("change", "change", Change),
    _one_of("state", "state", RecordState),
    CheckConstraint("(number = 1) = (change = 'added')", name="first"),
)
"""Every wording and every decision of a line, sealed under the school's key. None is ever written over."""

duties = Table(
    "duties",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("entry", String(75), nullable=False, comment="the date's id in the data, or a lesson's topic"),
    Column("occasion", String(32), nullable=False, comment="which time of it: a day, or a term"),
    Column("due", Date, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("rung", Integer, nullable=False, server_default="1", comment="how often somebody was reminded"),
    Column("next_at", Moment, comment="when somebody is reminded again"),
    Column("done_at", Moment),
    _id("done_by", nullable=True),
    UniqueConstraint("school", "kind", "entry", "occasion"),
    _one_of("kind", "kind", DutyKind),
    CheckConstraint("rung > 0", name="was_rung"),
    CheckConstraint("(done_at IS NULL) = (done_by IS NULL)", name="done_by_somebody"),
    CheckConstraint("done_at IS NULL OR next_at IS NULL", name="done_is_quiet"),
    Index("ix_duties_list", "school", "due"),
)
"""What of the school's calendar somebody was reminded of, and who has said that it is done. Nobody's words stand here."""

submissions = Table(
    "submissions",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False),
    Column("type", String(75), nullable=False, comment="the request type's id in the policy's folder"),
    Column("reference", String(32), nullable=False),
    _id("asker_id", nullable=False),
    Column("sent_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("versions", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("step", Integer, nullable=False),
    Column("tasks", String(255), nullable=False, server_default="", comment="what is to be done, by comma"),
    Column("done", String(255), nullable=False, server_default="", comment="what has been, by comma"),
    Column("until_at", Moment),
    Column("next_at", Moment, comment="when somebody is reminded of it, or it ends"),
    Column("about", Text, nullable=False, server_default="", comment="ids of the staff it is about, by comma"),
    UniqueConstraint("school", "reference"),
    _one_of("state", "state", SubmissionState),
    CheckConstraint("versions > 0 AND step >= 0", name="has_a_version"),
    CheckConstraint("tasks = '' OR state IN ('granted', 'ended')", name="tasks_follow_a_yes"),
    Index("ix_submissions_list", "school", "type", "sent_at", "id"),
    Index("ix_submissions_own", "school", "asker_id", "sent_at"),
    Index(
        "ix_submissions_open",
        "school",
        "changed_at",
        "id",
        sqlite_where=_UNSETTLED,
        postgresql_where=_UNSETTLED,
    ),
    Index(
        "ix_submissions_due",
        "school",
        "next_at",
        sqlite_where=text("next_at IS NOT NULL"),
        postgresql_where=text("next_at IS NOT NULL"),
    ),
)
"""What staff asked for or declared under a request type, as the newest version of each has it, to be found by."""

submission_versions = Table(
    "submission_versions",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False),
    _id("submission_id", "submissions.id", nullable=False),
    Column("number", Integer, nullable=False),
    _id("person_id", nullable=False, comment="empty where it came by itself"),
    Column("at", Moment, nullable=False),
    Column("doing", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    _sealed(),
    UniqueConstraint("submission_id", "number"),
    _one_of("doing", "doing", Doing),
    _one_of("state", "state", SubmissionState),
    CheckConstraint("(number = 1) = (doing = 'sent')", name="first"),
)
"""What was sent in and all that was done with it, sealed under the school's key. None is ever written over."""

signers = Table(
    "signers",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False),
    _id("person_id", nullable=False),
    Column("reminded", Integer, nullable=False, server_default="0", comment="how often since the last new thing to sign"),
    Column("told_at", Moment),
    Column("next_at", Moment, comment="when they are told of it, or reminded"),
    UniqueConstraint("school", "person_id"),
    Index(
        "ix_signers_due",
        "school",
        "next_at",
        sqlite_where=text("next_at IS NOT NULL"),
        postgresql_where=text("next_at IS NOT NULL"),
    ),
)
"""Whoever of the staff has had something to sign, and when they are to be told."""

signings = Table(
    "signings",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False),
    Column("agreement", String(75), nullable=False, comment="the agreement's id in the policy's folder"),
    _id("person_id", nullable=False),
    Column("version", String(64), nullable=False, comment="which they were asked for last"),
    Column("asked_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("signatures", Integer, nullable=False, server_default="0"),
    Column("signed_version", String(64), nullable=False, server_default=""),
    Column("signed_at", Moment),
    Column("until_at", Moment),
    UniqueConstraint("school", "agreement", "person_id"),
    CheckConstraint("(signatures = 0) = (signed_at IS NULL)", name="signed_when"),
    CheckConstraint("(signatures = 0) = (signed_version = '')", name="signed_what"),
    Index("ix_signings_person", "school", "person_id"),
)
"""Where each member of staff stands with each agreement, as the newest signature has it, to be found by."""

given_signatures = Table(
    "given_signatures",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False),
    _id("signing_id", "signings.id", nullable=False),
    Column("number", Integer, nullable=False),
    _id("person_id", nullable=False),
    _id("by_id", nullable=False, comment="who entered it: whoever signed, unless it was a training"),
    Column("at", Moment, nullable=False),
    Column("version", String(64), nullable=False),
    _sealed(),
    UniqueConstraint("signing_id", "number"),
    CheckConstraint("number > 0", name="counted"),
)
"""Every signature, with the hash of what was signed, sealed under the school's key. None is ever written over."""

consents = Table(
    "consents",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False),
    _id("pupil_id", nullable=True, comment="who it is on the school's list, if they are on it"),
    Column("name_mark", String(64), nullable=False, comment="what stands for the whole name, by the school's key"),
    Column("versions", Integer, nullable=False),
    Column("changed_at", Moment, nullable=False),
    CheckConstraint("versions > 0", name="has_a_version"),
    Index("ix_consents_name", "school", "name_mark"),
    Index("ix_consents_list", "school", "id"),
    Index(
        "ix_consents_pupil",
        "school",
        "pupil_id",
        unique=True,
        sqlite_where=text("pupil_id IS NOT NULL"),
        postgresql_where=text("pupil_id IS NOT NULL"),
    ),
)
"""For whom consent was given or refused, as the newest version of each has it, to be found by. Their names are sealed."""

consent_versions = Table(
    "consent_versions",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False),
    _id("consent_id", "consents.id", nullable=False),
    Column("number", Integer, nullable=False),
    _id("person_id", nullable=False, comment="empty where a file was taken over"),
    Column("at", Moment, nullable=False),
    Column("kept", String(16), nullable=False),
    _sealed(),
    UniqueConstraint("consent_id", "number"),
    _one_of("kept", "kept", Kept),
    CheckConstraint("number > 1 OR kept IN ('recorded', 'imported')", name="first"),
)
"""What was said for a pupil since when, sealed under the school's key. None is written over; all go if the entry is erased."""

deliveries = Table(
    "deliveries",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False),
    _id("incident_id", "incidents.id", nullable=True, index=True),
    _id("alert_id", "alerts.id", nullable=True),
    _id("request_id", "requests.id", nullable=True, index=True),
    _id("breach_id", "breaches.id", nullable=True, index=True),
    _id("figures_id", "figures.id", nullable=True, index=True),
    _id("register_id", "register_records.id", nullable=True, index=True),
    _id("submission_id", "submissions.id", nullable=True, index=True),
    _id("signer_id", "signers.id", nullable=True, index=True),
    _id("duty_id", "duties.id", nullable=True, index=True),
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
    Column("tried_since", Moment, comment="since when it has been tried, with no long standstill in between"),
    _one_of("state", "state", DeliveryState),
    _one_of("message", "message", MessageKind),
    _one_of("platform", "platform", Platform),
    _one_of("address_kind", "address_kind", AddressKind),
    CheckConstraint("(state = 'leased') = (leased_until IS NOT NULL)", name="leased_until_when"),
    CheckConstraint("state <> 'sent' OR message_id IS NOT NULL", name="sent_is_known"),
    CheckConstraint(
        " + ".join(
            f"CASE WHEN {one} IS NULL THEN 0 ELSE 1 END"
            for one in (
                "incident_id",
                "request_id",
                "breach_id",
                "figures_id",
                "register_id",
                "submission_id",
                "signer_id",
                "duty_id",
            )
        )
        + " = 1",
        name="of_one_thing",
    ),
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
        "ix_deliveries_channel",
        "address_id",
        sqlite_where=text("address_kind = 'channel'"),
        postgresql_where=text("address_kind = 'channel'"),
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
    _id("entry_id", "case_entries.id", nullable=True, index=True),
    Column("due_at", Moment, nullable=False),
    Column("state", String(16), nullable=False),
    _one_of("kind", "kind", TimerKind),
    _one_of("state", "state", ("pending", "done", "cancelled")),
    CheckConstraint("(kind IN ('action', 'block')) = (entry_id IS NOT NULL)", name="of_an_action"),
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
    Index("ix_audit_case", "school", "incident_id", "seq"),
)
"""Triggers refuse to change it or to take anything away: see migration 0006."""

audit_heads = Table(
    "audit_heads",
    metadata,
    Column("school", String(64), primary_key=True),
    Column("seq", Integer, primary_key=True, comment="the entry that the head vouches for, and all before it"),
    Column("way", String(8), primary_key=True, comment="where it goes out to"),
    Column("at", Moment, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("key", String(16), nullable=False, comment="which key has signed it"),
    Column("signature", String(128), nullable=False),
    Column("sent_at", Moment),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_at", Moment, nullable=False, comment="while it is being sent: when another may"),
    Column("trouble", String(64), nullable=False, server_default="", comment="a code"),
    _one_of("way", "way", HeadWay),
    Index("ix_audit_heads_waiting", "next_at", sqlite_where=text("sent_at IS NULL"), postgresql_where=text("sent_at IS NULL")),
)
"""Signed heads of the chains, each once for each place that it goes out to."""

drafts = Table(
    "drafts",
    metadata,
    _id(primary_key=True),
    Column("school", String(64), nullable=False),
    Column("platform", String(16), nullable=False),
    Column("user_id", String(128), nullable=False),
    Column("state", String(16), nullable=False),
    Column("filled", JSON, nullable=False, comment="what has reached the bot of the form, by field"),
    _sealed(),
    Column("changed_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    _one_of("state", "state", ("open", "submitted", "discarded")),
    _one_of("platform", "platform", CHATS),
    Index("ix_drafts_owner", "school", "platform", "user_id", "state"),
    Index("ix_drafts_open", "expires_at", sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")),
    Index(
        "ix_drafts_left",
        "id",
        sqlite_where=text("state <> 'open' AND sealed IS NOT NULL"),
        postgresql_where=text("state <> 'open' AND sealed IS NOT NULL"),
    ),
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
    _sealed(),
)
"""The chat of the local console, which has no server of its own to keep it."""
