"""The closed vocabularies of the job. Values are stable: they are stored, and other programs read them."""

from enum import StrEnum


class Role(StrEnum):
    """Who can be told of an incident, or named by a policy. A policy maps each to the title its school uses."""

    DSL = "dsl"
    DEPUTY_DSL = "deputy_dsl"
    HEADTEACHER = "headteacher"
    CHAIR_OF_GOVERNORS = "chair_of_governors"
    GOVERNORS = "governors"
    HEAD_OF_HOUSE = "head_of_house"
    HEAD_OF_FACULTY = "head_of_faculty"
    CLASS_TEACHER = "class_teacher"
    IT_SUPPORT = "it_support"
    IT_STRATEGY_GROUP = "it_strategy_group"
    ESAFETY_OFFICER = "esafety_officer"
    COMPUTING_COORDINATOR = "computing_coordinator"
    LINE_MANAGER = "line_manager"
    SENIOR_LEADERSHIP = "senior_leadership"
    LADO = "lado"
    POLICE = "police"
    CEOP = "ceop"
    IWF = "iwf"
    LOCAL_AUTHORITY = "local_authority"
    SOCIAL_CARE = "social_care"
    ICO = "ico"
    UNION = "union"
    PARENTS = "parents"


EXTERNAL_ROLES = frozenset(
    {
        Role.LADO,
        Role.POLICE,
        Role.CEOP,
        Role.IWF,
        Role.LOCAL_AUTHORITY,
        Role.SOCIAL_CARE,
        Role.ICO,
        Role.UNION,
        Role.PARENTS,
    }
)
"""People and agencies outside the school's chat: a person contacts them, the bot never does."""


class About(StrEnum):
    """Whom a report is about, as the reporter sees it on the first screen."""

    PUPIL = "pupil"
    STAFF = "staff"
    HEADTEACHER = "headteacher"
    PARENT = "parent"
    EXTERNAL = "external"
    UNKNOWN = "unknown"


class FourC(StrEnum):
    """The four areas of online risk in Keeping Children Safe in Education."""

    CONTENT = "content"
    CONTACT = "contact"
    CONDUCT = "conduct"
    COMMERCE = "commerce"


class Urgency(StrEnum):
    """How soon somebody must answer for an incident."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 for the most urgent; for ordering and for `max`."""
        return list(Urgency).index(self)


class ParticipantRole(StrEnum):
    """The part somebody has in an incident."""

    TARGET = "target"
    ALLEGED_PERPETRATOR = "alleged_perpetrator"
    WITNESS = "witness"
    OTHER = "other"


class IncidentState(StrEnum):
    """Where a case stands."""

    REPORTED = "reported"
    ACKNOWLEDGED = "acknowledged"
    IN_PROGRESS = "in_progress"
    CLOSED = "closed"
    SIGNED_OFF = "signed_off"
    MERGED = "merged"


class RetentionClass(StrEnum):
    """Records that are kept for the same time."""

    CHILD_PROTECTION = "child_protection"
    SEXUAL_ABUSE = "sexual_abuse"
    STAFF_ALLEGATION = "staff_allegation"
    LOW_LEVEL = "low_level"
    OTHER = "other"


class DeliveryState(StrEnum):
    """Where one copy of a message stands on its way to one place."""

    PENDING = "pending"
    LEASED = "leased"
    SENT = "sent"
    CANCELLED = "cancelled"
    DEAD = "dead"


class Doer(StrEnum):
    """Whose a step of a policy is: the person's who reports, the lead's who answers for the case, or both."""

    REPORTER = "reporter"
    LEAD = "lead"
    BOTH = "both"


class Source(StrEnum):
    """On whose authority something is said: the school's own policy, or national guidance where the policy is silent."""

    POLICY = "policy"
    GUIDANCE = "guidance"
