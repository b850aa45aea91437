"""What an e-mail says: that something is to be answered, by when and where. Of the case, its reference and nothing else."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from cards.plain import clean
from cards.texts import listed, moment, phone_list, say
from domain.messages import AlertMessage
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
    where = listed(say(f"platform.{p}") for p in sorted(chats)) if chats else say("mail.the_chat")
    facts = "\n".join(
        (
            say("mail.school", school=school.name),
            say("mail.reference", reference=m.reference),
            say("mail.urgency", urgency=urgency),
            say("mail.late" if m.late else "mail.due", due=due),
        )
    )
    paragraphs = [why, facts, say("mail.answer", chats=where)]
    if m.again:
        paragraphs.insert(0, say("message.again"))
    if m.phones:
        paragraphs.append(say("mail.phones", phones=phone_list(m.phones)))
    paragraphs.append(say("mail.footer"))
    return Mail(" ".join(clean(subject).split()), clean("\n\n".join(paragraphs)) + "\n")
