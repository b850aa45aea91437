"""What is sealed of each table, and where it belongs. Records and the job that seals what an older version wrote share it."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from domain.consents import ConsentVersion
from domain.incident import CaseNote, Exclusion, Narrative, Participant
from domain.people import Kind, Person
from domain.registers import Version
from domain.signings import GivenSignature, Signing
from domain.submissions import Submission, SubmissionVersion
from storage.name_index import mark_of_key
from storage.sealing import Key, place
from storage.vault import SchoolKeys

_BY = ":by"
"""In what is sealed of a draft: whose it is. No field of a form is called so."""


def opened(key: Key, plain: str, sealed: bytes | None, where: bytes) -> str:
    """What a row holds. Plain text only where nothing is sealed: to put some beside what is sealed takes no key."""
    return plain if sealed is None else key.open_text(sealed, where)


# What belongs to a case lies under the case's key


def of_text(school: str, incident_id: str, field: str) -> bytes:
    """Where a part of the narrative belongs."""
    return place("incident_texts", "text", school, incident_id, field)


def of_note(school: str, incident_id: str, note_id: str) -> bytes:
    """Where a note belongs."""
    return place("case_notes", "text", school, incident_id, note_id)


def of_entry(school: str, incident_id: str, entry_id: str, kind: str) -> bytes:
    """Where what was written while the case was worked belongs: to its kind, too, by which it is read."""
    return place("case_entries", "body", school, incident_id, entry_id, kind)


def of_change(school: str, incident_id: str, change_id: str, kind: str) -> bytes:
    """Where it belongs how a case was changed, and why."""
    return place("case_changes", "body", school, incident_id, change_id, kind)


def of_participant(school: str, incident_id: str, participant_id: str) -> bytes:
    """Where the name of somebody involved belongs."""
    return place("participants", "name", school, incident_id, participant_id)


def commitment_to_report(key: Key, narrative: Narrative, people: Iterable[Participant]) -> str:
    """What the audit keeps of a report: it shows that a word or a name was changed, and without the key says nothing."""
    involved = sorted([p.id, p.role, p.name, p.person_id or ""] for p in people)
    return _commitment(
        key, ["report", narrative.what_happened, narrative.done_already, narrative.where, narrative.link, involved]
    )


def commitment_to_reporter(key: Key, platform: str, user_id: str, person_id: str | None) -> str:
    """The same of who reported it."""
    return _commitment(key, ["reporter", platform, user_id, person_id or ""])


def commitment_to_note(key: Key, note: CaseNote) -> str:
    """The same of a note."""
    return _commitment(key, ["note", note.person_id, note.kind, note.at.astimezone(UTC).isoformat(), note.text])


def commitment_to_entry(key: Key, entry_id: str, person_id: str, at: datetime, corrects: str, body: str) -> str:
    """The same of what was written while the case was worked; `body` as it is sealed."""
    return _commitment(key, ["entry", entry_id, person_id, at.astimezone(UTC).isoformat(), corrects, body])


def commitment_to_change(key: Key, row: Mapping[str, Any], body: str) -> str:
    """The same of how a case was changed; `row` has its columns, `body` is as it is sealed."""
    at = row["at"].astimezone(UTC).isoformat()
    return _commitment(key, ["change", row["id"], row["person_id"], row["kind"], at, row["other_id"] or "", row["code"], body])


def commitment_to_state(key: Key, row: Any) -> str:
    """The same of where a row of `case_entries` stands: who is to do it and by when, and when and by whom it was done."""
    due, done = (at.astimezone(UTC).isoformat() if at is not None else "" for at in (row.due_at, row.done_at))
    return _commitment(key, ["state", row.school, row.id, row.doer_id or "", due, done, row.done_by or "", row.follows or ""])


def commitment_to_shut_out(key: Key, people: Iterable[Exclusion]) -> str:
    """The same of who is kept out of a case, and why."""
    return _commitment(key, ["shut_out", sorted([e.person_id, e.why, e.participant_id or ""] for e in people)])


def _commitment(key: Key, what: list[Any]) -> str:
    body = json.dumps(what, ensure_ascii=True, separators=(",", ":"))
    return key.mark(b"commitment\0" + hashlib.sha256(body.encode()).digest()).hex()


# What belongs to none lies under the school's


def of_asked(school: str, asked_id: str) -> bytes:
    """Where a question belongs."""
    return place("asked", "text", school, asked_id)


def of_gap(school: str, gap_id: str) -> bytes:
    """Where a question that the policy does not answer belongs."""
    return place("gaps", "text", school, gap_id)


def of_request(school: str, request_id: str) -> bytes:
    """Where what somebody asks of people belongs."""
    return place("requests", "text", school, request_id)


def of_reason(school: str, request_id: str) -> bytes:
    """Where the answer to that belongs."""
    return place("requests", "reason", school, request_id)


def of_breach(school: str, breach_id: str) -> bytes:
    """Where what is known of a breach belongs."""
    return place("breaches", "text", school, breach_id)


def of_breach_reason(school: str, breach_id: str) -> bytes:
    """Where the reason for what was decided about it belongs."""
    return place("breaches", "reason", school, breach_id)


def of_register(school: str, record_id: str, number: int) -> bytes:
    """Where a version of a line of a register belongs."""
    return place("register_versions", "body", school, record_id, str(number))


def commitment_to_register(key: Key, kind: str, reference: str, version: Version, body: str) -> str:
    """What the audit keeps of a version of a line of a register; `body` as it is sealed."""
    who = [version.person_id, version.at.astimezone(UTC).isoformat(), version.change, version.state]
    return _commitment(key, ["register", kind, reference, version.record_id, version.number, version.id, *who, body])


def of_submission(school: str, submission_id: str, number: int) -> bytes:
    """Where a version of what somebody asked for or declared belongs."""
    return place("submission_versions", "body", school, submission_id, str(number))


def commitment_to_submission(key: Key, of: Submission, version: SubmissionVersion, body: str) -> str:
    """What the audit keeps of a version of a submission; `body` as it is sealed."""
    who = [version.person_id, version.at.astimezone(UTC).isoformat(), version.doing, version.place.state]
    what = [of.type, of.reference, of.asker_id, of.id, version.number, version.id]
    return _commitment(key, ["submission", *what, *who, body])


def of_signature(school: str, signing_id: str, number: int) -> bytes:
    """Where a signature that somebody gave belongs."""
    return place("given_signatures", "body", school, signing_id, str(number))


def commitment_to_signature(key: Key, of: Signing, signature: GivenSignature, body: str) -> str:
    """What the audit keeps of a signature; `body` as it is sealed."""
    who = [of.agreement, of.person_id, signature.by_id, signature.at.astimezone(UTC).isoformat(), signature.version]
    return _commitment(key, ["signature", of.id, signature.number, signature.id, *who, body])


def of_consent(school: str, consent_id: str, number: int) -> bytes:
    """Where a version of an entry of the register of consent belongs."""
    return place("consent_versions", "body", school, consent_id, str(number))


def commitment_to_consent(key: Key, version: ConsentVersion, body: str) -> str:
    """What the audit keeps of a version of such an entry; `body` as it is sealed."""
    who = [version.person_id, version.at.astimezone(UTC).isoformat(), version.kept]
    return _commitment(key, ["consent", version.consent_id, version.number, version.id, *who, body])


def commitment_to_staff(key: Key, people: Iterable[Person], at: datetime) -> str:
    """What the audit keeps of the staff list as it was taken over at a moment: everybody on it, by id."""
    listed = sorted([p.id, p.name, p.email, p.house, p.form, p.line_manager] for p in people if p.kind is Kind.STAFF)
    return _commitment(key, ["staff", at.astimezone(UTC).isoformat(), listed])


def of_handover(school: str, handover_id: str) -> bytes:
    """Where the name of the next school belongs, to which somebody has moved."""
    return place("handovers", "to", school, handover_id)


def of_token(team: str) -> bytes:
    """Where a workspace's token belongs."""
    return place("slack_installs", "token", "", team)


def sealed_body(keys: SchoolKeys, where: str, body: Mapping[str, Any]) -> bytes:
    """What stands in a place of the console."""
    return keys.records.seal(json.dumps(body).encode(), place("console_messages", "body", "", where))


def opened_body(keys: SchoolKeys, where: str, body: Mapping[str, Any], sealed: bytes | None) -> Mapping[str, Any]:
    """The same, opened."""
    if sealed is None:
        return body
    return dict(json.loads(keys.records.open(sealed, place("console_messages", "body", "", where))))


def sealed_draft(keys: SchoolKeys, school: str, draft_id: str, filled: Mapping[str, Any], by: tuple[str, str]) -> bytes:
    """What has been filled in, and `by` whom: the platform and the account, which the row says too, to be found by."""
    return keys.records.seal(json.dumps({**filled, _BY: by}).encode(), place("drafts", "filled", school, draft_id))


def opened_draft(keys: SchoolKeys, row: Any) -> dict[str, Any]:
    """The same of a row of `drafts`, opened. Nothing where both are there: nobody can say which of them the form had last.

    Nothing either where the row gives it to another account than the one that filled it in. A version before this one did not
    say who that was.
    """
    if row.sealed is None or row.filled:
        return dict(row.filled) if row.sealed is None else {}
    filled = dict(json.loads(keys.records.open(row.sealed, place("drafts", "filled", row.school, row.id))))
    by = filled.pop(_BY, [row.platform, row.user_id])
    return filled if by == [row.platform, row.user_id] else {}


def sealed_person(keys: SchoolKeys, school: str, person: Person, list_key: str) -> dict[str, Any]:
    """The columns that say who a pupil is."""
    who = json.dumps([person.name, person.email, list_key]).encode()
    return {
        "list_key": mark_of_key(keys.index, list_key),
        "name": "",
        "email": "",
        "search": "",
        "sealed": keys.records.seal(who, place("people", "name", school, person.id)),
    }


def opened_person(keys: SchoolKeys, row: Any) -> tuple[str, Person]:
    """Somebody on a list, of a row of `people`, with their key there."""
    name, email, list_key = row.name, row.email, row.list_key
    if row.sealed is not None:
        name, email, list_key = json.loads(keys.records.open(row.sealed, place("people", "name", row.school, row.id)))
    return list_key, Person(row.id, Kind(row.kind), name, email, row.house, row.form, row.line_manager)


def marks_as_rows(school: str, person_id: str, marks: Iterable[bytes]) -> list[dict[str, Any]]:
    """Rows of `people_words`."""
    return [{"school": school, "token": mark, "person_id": person_id} for mark in marks]
