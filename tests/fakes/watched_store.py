"""The store, watched: what each transaction changed and read of records, and whether it left an entry in the audit."""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, cast

from domain.people import School
from handlers.ports import Records, Store

CHANGES = frozenset(
    {
        "add_report",
        "add_exclusions",
        "settle",
        "make_private",
        "set_incident_state",
        "add_case_note",
        "add_entry",
        "add_change",
        "reclassify",
        "add_link",
        "end_link",
        "call_off_all",
        "call_off",
        "ask_to_sign",
        "change_signature",
        "set_review",
        "end_review",
        "finish_action",
        "change_action",
        "stop_reminding",
        "add_opening",
        "set_going",
        "change_alert",
        "cancel_timers",
        "hasten",
        "show_again",
        "bury",
        "add_gap",
        "settle_gaps",
        "add_request",
        "decide",
        "save_keeping",
        "add_breach",
        "add_handover",
        "receive",
        "add_page",
        "change_page",
        "move_handover",
        "change_breach",
        "add_register_record",
        "add_submission",
        "add_submission_version",
        "look_at_submission",
        "take_up_submission",
        "add_signature",
        "keep_consents",
        "erase_consent",
        "add_register_version",
        "remind_of_register",
        "add_figures",
        "add_duty",
        "ring_duty",
        "finish_duty",
        "add_survey",
        "extend_survey",
        "close_survey",
        "publish_survey",
        "drop_keeping",
        "erase",
    }
)
"""What changes a record. One that says that it changed nothing counts as nothing."""

SHOWS = frozenset(
    {
        "narrative",
        "case_notes",
        "entries",
        "changes",
        "participants",
        "readings",
        "involved",
        "measured",
        "requests_of",
        "breach",
        "register_versions",
        "submission_versions",
        "submission_wordings",
        "consent",
        "consents_named",
        "consents_of",
        "consents_after",
        "consents_of_those_who_left",
        "consent_versions",
        "register_wordings",
        "handover",
        "cases_of",
        "cases_naming",
        "parts_of",
        "cases_typed_like",
        "typed_in",
        "outcomes",
        "entries_of",
        "gaps",
        "request",
        "log",
    }
)
"""What gives a name or something that was written, or who has read it."""

NO_RECORD = {
    "save_draft": "a form that was not sent is its writer's own",
    "end_draft": "to send or to drop it is noted by its handler; the form itself is no record",
    "save_asked": "a question is kept for a day, so that a button can go on with it",
    "new_reference": "a number alone",
    "hold_list": "a lock alone",
    "hold_signing": "a lock, and the row that it is on: that somebody is asked is noted by its handler",
    "ask_again": "by when somebody is asked; that they are is noted by its handler",
    "save_signer": "when somebody is told; that they are is noted by its handler",
    "take_signer": "when somebody is told; that they are is noted by its handler",
    "hold_asked": "a lock alone",
    "set_came_to": "how far names were compared; what came of it is noted",
    "set_compared": "how far names were compared; what came of it is noted",
    "finish_timer": "a timer of something that is done with has nothing to do; what the others do is counted",
    "count_answer": "a survey is answered by nobody: an entry would say when somebody did",
    "new_survey_page": "a page that somebody is shown is kept nowhere",
    "note": "the entry itself",
    "note_all": "the entries themselves",
}
ASKS = frozenset(
    {
        "said_or_decided",
        "is_kept",
        "staff",
        "people",
        "listed",
        "search_people",
        "has_people",
        "readers",
        "account",
        "is_gone",
        "incident",
        "incidents",
        "incident_of_draft",
        "incident_by_reference",
        "exclusions",
        "first_known",
        "opening",
        "opened_by",
        "reported_by",
        "alert",
        "alerts_of",
        "alerts_of_cases",
        "queued_alerts",
        "queued_actions",
        "queued_signatures",
        "queued_reviews",
        "summonses",
        "next_ring",
        "rung_since",
        "undelivered",
        "delivery_chances",
        "hold_other_copies",
        "request_chances",
        "unheard_requests",
        "names_of_staff",
        "list_versions",
        "named_cases",
        "cases_to_compare",
        "cases_shutting_out",
        "keeping",
        "keepings",
        "unfinished_breaches",
        "breach_caused_by",
        "is_breach_elsewhere",
        "breach_state",
        "register_record",
        "submission",
        "has_submission_version",
        "signings_of",
        "signings",
        "signed_people",
        "has_signature",
        "signatures_of",
        "signatures_to",
        "signed_texts",
        "signer",
        "signers",
        "signers_due",
        "has_consent_version",
        "submissions_of",
        "submissions_by",
        "submission_tallies",
        "submissions_about",
        "unsettled_submissions",
        "held_submissions",
        "submissions_due",
        "left_submissions",
        "dropped_submissions",
        "duties",
        "duty",
        "has_register_version",
        "register_records",
        "register_counts",
        "registers_due",
        "registers_waiting",
        "unreceived",
        "pages",
        "counted",
        "first_report",
        "figures",
        "survey",
        "surveys",
        "survey_token",
        "school_of_survey",
        "survey_of_token",
        "is_survey_page",
        "survey_counts",
        "closed_before",
        "draft",
        "open_draft",
        "asked",
        "is_changed",
        "result",
        "links_of",
        "merged_into",
        "signatures",
        "awaited_signatures",
        "to_sign",
        "review",
        "reviewed_at",
        "reviews_due",
        "decided_kinds",
        "action",
        "open_actions",
        "unsettled",
        "block",
        "entry_state",
        "reminds",
        "shut_out",
        "earlier_cases",
    }
)
"""What gives ids, codes, references and names of staff, and one's own form; or a name as it is being typed in one."""

SHOWS_NOBODY: dict[tuple[str, str], set[str]] = {
    # Its reference, its kind and its times.
    ("handlers.breaches", "remind"): {"breach"},
    # Only to find the cases of one person; what is shown of them is noted.
    ("handlers.subject_access", "_named"): {"involved", "measured"},
    ("handlers.subject_access", "_lines_about"): {"register_versions"},
    ("handlers.subject_access", "_consents_about"): {"consents_after"},
    # Nothing of it is shown: it is taken away, which is noted.
    ("handlers.consents", "erase"): {"consent"},
    # Only to find the entry that is meant: of what the form is refused for, it says no more than that.
    ("handlers.consents", "keep"): {"consents_named", "consents_of"},
    # The asker's own; of others' it is noted.
    ("handlers.submissions", "menu"): {"submission_wordings"},
    ("handlers.submissions", "read"): {"submission_versions"},
    ("handlers.submissions", "ask_reword"): {"submission_versions"},
    ("handlers.submissions", "send"): {"submission_versions"},
    ("handlers.submissions", "answer"): {"submission_versions"},
    ("handlers.submissions", "_simply"): {"submission_versions"},
    ("handlers.ask", "ask"): {"submission_versions"},
    ("handlers.ask", "again"): {"submission_versions"},
    # The subjects, with how often each was asked.
    ("handlers.gaps", "gaps"): {"gaps"},
    # What stays in a chat has no name in it and nothing that was written.
    ("handlers.compose", "_message"): {"request", "breach"},
    # The asker's own.
    ("handlers.requests", "begin"): {"request"},
    ("handlers.requests", "send"): {"request"},
    ("handlers.requests", "read"): {"request"},
    # Only to see whether the same form was sent before.
    ("handlers.hand_on", "hand_on"): {"case_notes"},
    ("handlers.casework", "add"): {"entries"},
    ("handlers.casework", "decided"): {"entries"},
    ("handlers.casework", "ask_correction"): {"entries"},
    ("handlers.casework", "ask_more"): {"entries"},
    ("handlers.casework", "make_action"): {"entries"},
    ("handlers.breaches", "start"): {"breach"},
    # Only to compare them with the staff list.
    ("handlers.listed", "_catch_up_a_little"): {"participants"},
    # Only to see whether whoever is asked for is a child in the case.
    ("handlers.chronology", "of_child"): {"participants"},
    # Only to see whether the pupil that one asks about is in the case.
    ("handlers.readers_log", "of_child"): {"participants"},
}
"""What handlers read and do not show, by module and function."""


@dataclass(slots=True)
class Watch:
    """What has been seen. `unnoted`: each transaction that should have left an entry, and what it did."""

    seen: set[tuple[str, str]] = field(default_factory=set)
    unnoted: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class WatchedStore:
    """Opens transactions of another store."""

    store: Store
    watch: Watch

    @asynccontextmanager
    async def _open(self, place: tuple[str, str], school: School, *, write: bool) -> AsyncIterator[Records]:
        called: set[str] = set()
        async with self.store.transaction(school, write=write) as records:
            yield cast("Records", _Watched(records, called))
        self.watch.seen.add(place)
        told = called & (CHANGES | (SHOWS - SHOWS_NOBODY.get(place, set())))
        if place[0].startswith("handlers.") and told and called.isdisjoint({"note", "note_all"}):
            self.watch.unnoted.append(f"{'.'.join(place)}: {', '.join(sorted(told))}")

    def transaction(self, school: School, *, write: bool = True) -> Any:
        """As the store's own."""
        caller = sys._getframe(1)
        return self._open((caller.f_globals["__name__"], caller.f_code.co_name), school, write=write)


class _Watched:
    def __init__(self, records: Records, called: set[str]) -> None:
        self._records, self._called = records, called

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._records, name)
        return self._counted(name, found) if callable(found) else found

    def _counted(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        async def run(*args: Any, **kwargs: Any) -> Any:
            result = await method(*args, **kwargs)
            if result is None or result:
                self._called.add(name)
            return result

        return run
