"""What an e-mail says: that something is to be answered, by when and where. Of the case, its reference and nothing else."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from cards.plain import clean
from cards.texts import day_of, listed, moment, phone_list, say
from domain.audit import SignedHead
from domain.messages import (
    AlertMessage,
    BreachMessage,
    DutyMessage,
    OpenedMessage,
    RequestMessage,
    SigningMessage,
    SubmissionMessage,
)
from domain.people import Platform, School


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail in plain text. The subject is one line."""

    subject: str
    body: str


def alert_mail(school: School, m: AlertMessage, chats: AbstractSet[Platform]) -> Mail:
    """Asks for an answer in one of the chats that are served: there alone it is checked who reads on."""
    urgency, due = say(f"urgency.{m.urgency}"), moment(school, m.due_at)
    subject = say("mail.subject", urgency=urgency, reference=m.reference, school=school.name)
    if m.again:
        subject = say("mail.subject_again", subject=subject)
    why = say("mail.undelivered" if m.undelivered else "mail.unanswered")
    facts = "\n".join(
        (
            say("mail.school", school=school.name),
            say("mail.reference", reference=m.reference),
            say("mail.urgency", urgency=urgency),
            say("mail.late" if m.late else "mail.due", due=due),
        )
    )
    paragraphs = [why, facts, say("mail.answer", chats=_where(chats))]
    if m.again:
        paragraphs.insert(0, say("message.again"))
    if m.phones:
        paragraphs.append(say("mail.phones", phones=phone_list(m.phones)))
    paragraphs.append(say("mail.footer"))
    return Mail(" ".join(clean(subject).split()), clean("\n\n".join(paragraphs)) + "\n")


def request_mail(school: School, m: RequestMessage, chats: AbstractSet[Platform]) -> Mail:
    """Tells those who were asked something that no chat could: what it is about is read there, and not in a mail."""
    subject = say("mail.request_subject", reference=m.reference, school=school.name)
    if m.again:
        subject = say("mail.subject_again", subject=subject)
    paragraphs = [
        say("mail.request"),
        _facts(school, m.reference),
        say("mail.request_answer", chats=_where(chats)),
        say("mail.footer"),
    ]
    if m.again:
        paragraphs.insert(0, say("message.again"))
    return Mail(" ".join(clean(subject).split()), clean("\n\n".join(paragraphs)) + "\n")


def opened_mail(school: School, m: OpenedMessage, chats: AbstractSet[Platform]) -> Mail:
    """Tells those who lead that a case was opened in an emergency. By whom is read in the chat."""
    subject = say("mail.opened_subject", reference=m.reference, school=school.name)
    return _told(subject, say("mail.opened"), _facts(school, m.reference), say("mail.opened_answer", chats=_where(chats)))


def breach_mail(school: School, m: BreachMessage, chats: AbstractSet[Platform]) -> Mail:
    """Tells those who deal with it of a breach of personal data, and by when it must be decided."""
    subject = say("mail.breach_subject", reference=m.reference, school=school.name)
    due = say("mail.breach_late" if m.late else "mail.breach_due", due=moment(school, m.due_at))
    facts = f"{_facts(school, m.reference)}\n{due}"
    return _told(subject, say("mail.breach"), facts, say("mail.breach_answer", chats=_where(chats)))


def submission_mail(school: School, m: SubmissionMessage, chats: AbstractSet[Platform]) -> Mail:
    """Tells whoever has to do something with a request, or waits for it, that there is something to read in the chat."""
    subject = say("mail.submission_subject", reference=m.reference, school=school.name)
    return _told(
        subject, say("mail.submission"), _facts(school, m.reference), say("mail.submission_answer", chats=_where(chats))
    )


def signing_mail(school: School, m: SigningMessage, chats: AbstractSet[Platform]) -> Mail:
    """Tells somebody that there is something for them to sign or to read, and by when. What it is, is read in the chat."""
    facts = [say("mail.school", school=school.name)]
    if m.due is not None:
        due = day_of(m.due.astimezone(school.calendar.timezone).date())
        facts.append(say("mail.signing_late" if m.late else "mail.signing_due", due=due))
    subject, answer = say("mail.signing_subject", school=school.name), say("mail.signing_answer", chats=_where(chats))
    return _told(subject, say("mail.signing"), "\n".join(facts), answer)


def duty_mail(school: School, m: DutyMessage, chats: AbstractSet[Platform]) -> Mail:
    """Tells whoever sees to it that a date of the calendar comes near or is past. Which it is, is read in the chat."""
    day = say("mail.duty_past" if m.overdue else "mail.duty_due", due=day_of(m.due))
    facts = "\n".join((say("mail.school", school=school.name), day))
    subject, answer = say("mail.duty_subject", school=school.name), say("mail.duty_answer", chats=_where(chats))
    return _told(subject, say("mail.duty"), facts, answer)


def _told(subject: str, *paragraphs: str) -> Mail:
    return Mail(" ".join(clean(subject).split()), clean("\n\n".join((*paragraphs, say("mail.footer")))) + "\n")


def _facts(school: School, reference: str) -> str:
    return "\n".join((say("mail.school", school=school.name), say("mail.reference", reference=reference)))


def _where(chats: AbstractSet[Platform]) -> str:
    return listed(say(f"platform.{p}") for p in sorted(chats)) if chats else say("mail.the_chat")


def head_mail(school: School, signed: SignedHead) -> Mail:
    """What goes with a signed head of the audit, to be kept by somebody who does not run the bot."""
    head = signed.head
    facts = "\n".join(
        (
            say("mail.school", school=school.name),
            say("mail.head_entry", number=f"{head.seq:,}"),
            say("mail.head_at", at=moment(school, head.at)),
            say("mail.head_key", name=signed.key),
        )
    )
    paragraphs = (say("mail.head_why"), facts, say("mail.head_keep"), say("mail.head_footer"))
    subject = say("mail.head_subject", school=school.name, number=f"{head.seq:,}")
    return Mail(" ".join(clean(subject).split()), clean("\n\n".join(paragraphs)) + "\n")
