"""The cards that stay in a chat: no child's name, no narrative."""

from dataclasses import replace
from typing import assert_never

from cards.agreements import signing_card
from cards.breaches import breach_card
from cards.case_changes import review_card, sign_off_card
from cards.duties import duty_card
from cards.figures import figures_message
from cards.keeping import erasure_card
from cards.measures import block_card, lesson_card
from cards.model import Banner, Button, Buttons, ButtonStyle, Card, Fact, Facts, Part, Text, Tone, Weight
from cards.registers import register_card
from cards.requests import decision_card, request_card, unheard_card
from cards.steps import policy_source, steps_section, warnings
from cards.submissions import submission_card
from cards.texts import moment, phone_list, say
from cards.timeline import action_card
from domain.incident import AlertState, Asked
from domain.messages import (
    ActionMessage,
    AlertMessage,
    BlockMessage,
    BreachMessage,
    DecisionMessage,
    DutyMessage,
    ErasureMessage,
    FiguresMessage,
    LessonMessage,
    Message,
    OpenedMessage,
    ProgressMessage,
    ReceiptMessage,
    RegisterMessage,
    ReminderMessage,
    RequestMessage,
    ReviewMessage,
    SigningMessage,
    SignOffMessage,
    StillShownMessage,
    SubmissionMessage,
    UnheardMessage,
    WithdrawnMessage,
)
from domain.people import School
from domain.words import IncidentState, Urgency

ACKNOWLEDGE, DETAILS, HAND_ON, CLOSE = "acknowledge", "details", "hand_on", "close"

_FINISHED = (IncidentState.CLOSED, IncidentState.SIGNED_OFF, IncidentState.MERGED)
_TONES = {Urgency.CRITICAL: Tone.DANGER, Urgency.HIGH: Tone.WARNING, Urgency.MEDIUM: Tone.INFO, Urgency.LOW: Tone.INFO}


def message_card(school: School, message: Message) -> Card:
    """The card of any message. One that may have been posted before says so."""
    card = _card_of(school, message)
    if not message.again:
        return card
    return replace(card, parts=(*card.parts[:1], Text(say("message.again"), Weight.MUTED), *card.parts[1:]))


def _card_of(school: School, message: Message) -> Card:
    match message:
        case AlertMessage():
            return _alert(school, message)
        case ReceiptMessage():
            return _receipt(school, message)
        case ProgressMessage():
            return _progress(school, message)
        case ReminderMessage():
            return _reminder(school, message)
        case WithdrawnMessage():
            text = say("withdrawn.text", reference=message.reference)
            return Card(
                say("withdrawn.title", reference=message.reference),
                say("withdrawn.summary", reference=message.reference),
                (Text(text),),
            )
        case StillShownMessage():
            return _still_shown(message)
        case RequestMessage():
            return request_card(school, message)
        case DecisionMessage():
            return decision_card(school, message)
        case UnheardMessage():
            return unheard_card(message)
        case BreachMessage():
            return breach_card(school, message)
        case FiguresMessage():
            return figures_message(school, message)
        case ActionMessage():
            return action_card(school, message)
        case SignOffMessage():
            return sign_off_card(school, message)
        case ReviewMessage():
            return review_card(school, message)
        case BlockMessage():
            return block_card(message)
        case LessonMessage():
            return lesson_card(school, message)
        case RegisterMessage():
            return register_card(school, message)
        case SubmissionMessage():
            return submission_card(school, message)
        case SigningMessage():
            return signing_card(school, message)
        case DutyMessage():
            return duty_card(school, message)
        case ErasureMessage():
            return erasure_card(school, message)
        case OpenedMessage():
            return _opened(school, message)
        case _:
            assert_never(message)


def _alert(school: School, m: AlertMessage) -> Card:
    urgency = say(f"urgency.{m.urgency}")
    return Card(
        title=say("alert.title", urgency=urgency, reference=m.reference),
        summary=_alert_summary(school, m, urgency),
        parts=(*_alert_banners(school, m), _alert_facts(school, m), *_alert_buttons(m)),
    )


def _alert_summary(school: School, m: AlertMessage, urgency: str) -> str:
    if m.incident_state in _FINISHED or m.state is AlertState.DONE:
        return say("alert.summary_closed", reference=m.reference)
    if m.state is AlertState.ACKNOWLEDGED:
        return say("alert.summary_taken", reference=m.reference, owner=m.owner)
    return say("alert.summary", urgency=urgency, reference=m.reference, due=moment(school, m.due_at))


def _alert_banners(school: School, m: AlertMessage) -> tuple[Part, ...]:
    if m.incident_state in _FINISHED or m.state is AlertState.DONE:
        return (Banner(say("alert.closed"), Tone.SUCCESS),)
    if m.state is AlertState.ACKNOWLEDGED and m.acknowledged_at:
        return (Banner(say("alert.taken", owner=m.owner, when=moment(school, m.acknowledged_at)), Tone.SUCCESS),)
    parts: list[Part] = []
    if m.immediate_danger:
        parts.append(Banner(say("alert.danger"), Tone.DANGER))
    parts.append(Banner(say("alert.late" if m.late else "alert.open"), Tone.DANGER if m.late else _TONES[m.urgency]))
    if m.why is not Asked.FIRST:
        coming_round = m.why is Asked.CLIMBED and m.round > 0
        parts.append(Text(say("alert.round" if coming_round else f"alert.{m.why}")))
    return tuple(parts)


def _alert_facts(school: School, m: AlertMessage) -> Facts:
    role = say("alert.for_group", role=m.role_title, group=m.group) if m.group else m.role_title
    facts = [
        Fact(say("alert.concern"), m.concern),
        Fact(say("alert.for_role"), role),
        Fact(say("alert.reported"), moment(school, m.reported_at)),
        Fact(say("alert.due"), moment(school, m.due_at)),
    ]
    if m.outside:
        facts.append(Fact(say("alert.outside"), ", ".join(m.outside)))
    return Facts(tuple(facts))


def _alert_buttons(m: AlertMessage) -> tuple[Part, ...]:
    details = Button(DETAILS, say("alert.details"), m.incident_id, opens_form=True)
    hand_on = Button(HAND_ON, say("alert.hand_on"), m.alert_id, opens_form=True)
    if m.incident_state in _FINISHED or m.state is AlertState.DONE:
        return (Buttons((details,)),)
    if m.state is AlertState.ACKNOWLEDGED:
        return (Buttons((details, hand_on, Button(CLOSE, say("reminder.close"), m.alert_id, opens_form=True))),)
    return (Buttons((Button(ACKNOWLEDGE, say("alert.acknowledge"), m.alert_id, ButtonStyle.PRIMARY), details, hand_on)),)


def receipt_parts(school: School, m: ReceiptMessage) -> tuple[Part, ...]:
    """What a dialog tells the reporter at once: that it is kept, who has it and by when, what to heed and what to do now."""
    waiting = m.state is IncidentState.REPORTED
    if m.reached_nobody:
        first = Banner(say("receipt.nobody", reference=m.reference), Tone.DANGER)
    elif m.state is IncidentState.MERGED:
        first = Banner(say("receipt.merged", reference=m.reference), Tone.SUCCESS)
    elif m.state in _FINISHED:
        first = Banner(say("receipt.closed", reference=m.reference), Tone.SUCCESS)
    else:
        first = Banner(say("receipt.received" if waiting else "receipt.taken", reference=m.reference), Tone.SUCCESS)
    facts = [
        Fact(say("receipt.dealing"), ", ".join(m.dealing)),
        Fact(say("receipt.due"), moment(school, m.due_at) if waiting and not m.reached_nobody else ""),
        Fact(say("receipt.state"), say(f"state.{m.state}")),
        Fact(say("receipt.concern"), m.concern),
        Fact(say("receipt.phones"), phone_list(m.phones)),
    ]
    told = Facts(tuple(f for f in facts if f.value))
    if m.state in _FINISHED:
        return (first, told)
    outside = (Text(say("receipt.outside_nobody", agencies=", ".join(m.outside))),) if m.reached_nobody and m.outside else ()
    steps = steps_section(school, say("receipt.now"), m.actions)
    source = policy_source(school, (*m.warnings, *m.actions))
    return (first, told, *outside, *warnings(school, m.warnings), *steps, *source)


def _receipt(school: School, m: ReceiptMessage) -> Card:
    """The message that stays: what the dialog said, then who is contacted outside, and to keep it to oneself."""
    if m.state in _FINISHED:
        last: tuple[Text, ...] = ()
    else:
        others = m.outside and not m.reached_nobody
        outside = (Text(say("receipt.outside_note", agencies=", ".join(m.outside))),) if others else ()
        last = (*outside, Text(say("receipt.silent")))
    return Card(
        title=say("receipt.title", reference=m.reference),
        summary=say("receipt.nobody" if m.reached_nobody else "receipt.summary", reference=m.reference),
        parts=(*receipt_parts(school, m), *last),
    )


def _progress(school: School, m: ProgressMessage) -> Card:
    key, when = "closed" if m.closed else "taken", moment(school, m.at)
    if m.closed and not m.role_title:
        text = say("progress.closed_only", reference=m.reference, when=when)
    else:
        text = say(f"progress.{key}", reference=m.reference, role=m.role_title, when=when)
    return Card(say(f"progress.{key}_title", reference=m.reference), text, (Text(text),))


def _still_shown(m: StillShownMessage) -> Card:
    where = say("still_shown.channel" if m.in_channel else "still_shown.chat", platform=say(f"platform.{m.platform}"))
    summary = say("still_shown.summary", reference=m.reference)
    details = Button(DETAILS, say("alert.details"), m.incident_id, opens_form=True)
    text = Text(say("still_shown.text", where=where))
    return Card(
        say("still_shown.title", reference=m.reference), summary, (Banner(summary, Tone.DANGER), text, Buttons((details,)))
    )


def _opened(school: School, m: OpenedMessage) -> Card:
    text = say("opened.text", opener=m.opener, role=m.role_title, when=moment(school, m.at), until=moment(school, m.until))
    details = Button(DETAILS, say("opened.details"), m.incident_id, opens_form=True)
    return Card(
        say("opened.title", reference=m.reference),
        say("opened.summary", reference=m.reference),
        (Banner(say("opened.summary", reference=m.reference), Tone.WARNING), Text(text), Buttons((details,))),
    )


def _reminder(school: School, m: ReminderMessage) -> Card:
    title = say("reminder.title", reference=m.reference)
    if m.state in _FINISHED:
        done = say("reminder.done", reference=m.reference)
        return Card(title, done, (Banner(done, Tone.SUCCESS),))
    details = Button(DETAILS, say("reminder.details"), m.incident_id, ButtonStyle.PRIMARY, opens_form=True)
    hand_on = Button(HAND_ON, say("reminder.hand_on"), m.alert_id, opens_form=True)
    facts = Facts((Fact(say("alert.concern"), m.concern), Fact(say("alert.urgency"), say(f"urgency.{m.urgency}"))))
    when = moment(school, m.acknowledged_at)
    if m.owner:
        # Only its owner closes a case.
        summary = say("reminder.summary_other", reference=m.reference)
        text = say("reminder.text_other", owner=m.owner, when=when)
        return Card(title, summary, (Text(text), facts, Buttons((details, hand_on))))
    summary, text = say("reminder.summary", reference=m.reference), say("reminder.text", when=when)
    close = Button(CLOSE, say("reminder.close"), m.alert_id, opens_form=True)
    return Card(title, summary, (Text(text), facts, Buttons((details, hand_on, close))))
