"""Asking somebody, and being asked: the forms in dialogs, and the messages in chats, which carry a reference and no words."""

from collections.abc import Sequence

from cards.clauses import points
from cards.filled import with_faults
from cards.model import (
    Banner,
    Button,
    Buttons,
    ButtonStyle,
    Card,
    Choice,
    Fact,
    Facts,
    Form,
    Option,
    Part,
    Text,
    TextField,
    Tone,
    Weight,
)
from cards.texts import listed, moment, say
from domain.asking import (
    DECISION,
    LONGEST_QUESTION,
    LONGEST_REASON,
    REASON,
    TEXT,
    Decision,
    Request,
    RequestFile,
    RequestKind,
    RequestQuestions,
    UnheardRequest,
)
from domain.messages import DecisionMessage, RequestMessage, UnheardMessage
from domain.people import School

PERMISSION_FORM, QUESTION_FORM, DECIDE_FORM = "ask_permission", "ask_person", "decide"
READ_REQUEST = "read_request"
_MOST_UNHEARD = 5


def request_form(school: School, questions: RequestQuestions) -> Form:
    """What will be asked of whom, to be read over and sent."""
    permission = questions.kind is RequestKind.PERMISSION
    role = school.policy.role_title(questions.role)
    facts = [Fact(say("request.about"), questions.title)] if questions.title else []
    if questions.cites:
        facts.append(Fact(say("request.stands_on"), "; ".join(points(school, questions.cites))))
    text = TextField(
        TEXT,
        say("request.text"),
        questions.text,
        hint=say("request.text_hint"),
        multiline=True,
        max_length=LONGEST_QUESTION,
    )
    to = Text(say("request.to", role=role, names=listed(questions.names, "and")))
    return with_faults(
        Form(
            PERMISSION_FORM if permission else QUESTION_FORM,
            say("request.permission_title" if permission else "request.question_title"),
            (to, *((Facts(tuple(facts)),) if facts else ()), text),
            submit=say("request.submit"),
            state=questions.state,
        ),
        questions.faults,
    )


def sent_card(request: Request, names: tuple[str, ...]) -> Card:
    """It is on its way."""
    text = say("request.sent", reference=request.reference, names=listed(names, "and") if names else "")
    return Card(say("request.sent_title"), text, (Banner(text, Tone.SUCCESS),))


def request_file_form(school: School, file: RequestFile) -> Form:
    """A request with its words; for those who were asked, with the fields of the answer."""
    request = file.request
    facts = [Fact(say("request.asker"), file.asker or say("request.unlisted"))]
    if file.title:
        facts.append(Fact(say("request.about"), file.title))
    if request.cites:
        facts.append(Fact(say("request.stands_on"), "; ".join(points(school, request.cites))))
    facts.append(Fact(say("request.asked_on"), moment(school, request.at)))
    parts: list[Part] = [
        Text(say("request.logged"), Weight.MUTED),
        Facts(tuple(facts)),
        Text(say("request.asked"), Weight.HEADING),
        Text(request.text),
    ]
    if request.decision is not None and request.decided_at is not None:
        outcome = say(f"request.outcome_{request.decision}", who=file.decider, when=moment(school, request.decided_at))
        parts += [Text(outcome, Weight.HEADING), Text(request.reason)]
    elif not file.may_decide:
        parts.append(Banner(say("request.waiting"), Tone.INFO))
    title = request.reference
    if not file.may_decide:
        return Form("request", title, tuple(parts))
    return with_faults(
        Form(DECIDE_FORM, title, (*parts, *_answer_fields(file)), submit=say("request.send"), state=request.id), file.faults
    )


def _answer_fields(file: RequestFile) -> tuple[Part, ...]:
    filled = file.filled.get(REASON, "")
    if file.request.kind is RequestKind.QUESTION:
        hint = say("request.told_hint")
        return (TextField(REASON, say("request.told"), filled, hint=hint, multiline=True, max_length=LONGEST_REASON),)
    options = tuple(Option(d, say(f"request.{d}")) for d in (Decision.GRANTED, Decision.REFUSED))
    hint = say("request.reason_hint")
    return (
        Choice(DECISION, say("request.decision"), options, file.filled.get(DECISION, "")),
        TextField(REASON, say("request.reason"), filled, hint=hint, multiline=True, max_length=LONGEST_REASON),
    )


def request_card(school: School, m: RequestMessage) -> Card:
    """To those who were asked: that they were, about which rule, and later what was answered."""
    permission = m.kind is RequestKind.PERMISSION
    title = say("request.open_title" if permission else "request.open_title_question", reference=m.reference)
    if m.decision is not None and m.decided_at is not None:
        done = say(f"request.done_{m.decision}", who=m.decider, when=moment(school, m.decided_at))
        read = Button(READ_REQUEST, say("request.read_again"), m.request_id, opens_form=True)
        summary = say("request.done_summary", reference=m.reference)
        return Card(title, summary, (Banner(done, Tone.SUCCESS), _facts(school, m), Buttons((read,))))
    if permission:
        text = say("request.open_text", title=m.title)
    else:
        text = say("request.open_text_question", title=m.title) if m.title else say("request.open_text_unknown")
    read = Button(READ_REQUEST, say("request.read"), m.request_id, ButtonStyle.PRIMARY, opens_form=True)
    summary = say("request.open_summary", reference=m.reference)
    return Card(title, summary, (Text(text), _facts(school, m), Buttons((read,))))


def decision_card(school: School, m: DecisionMessage) -> Card:
    """To whoever asked: that it was answered. The words are read in a dialog."""
    text = say(f"request.answer_{m.decision}", role=m.role_title, when=moment(school, m.at))
    tone = {Decision.GRANTED: Tone.SUCCESS, Decision.REFUSED: Tone.WARNING, Decision.TOLD: Tone.INFO}[m.decision]
    read = Button(READ_REQUEST, say("request.answer_read"), m.request_id, ButtonStyle.PRIMARY, opens_form=True)
    about = (Facts((Fact(say("request.about"), m.title),)),) if m.title else ()
    return Card(say("request.answer_title", reference=m.reference), text, (Banner(text, tone), *about, Buttons((read,))))


def unheard_card(m: UnheardMessage) -> Card:
    """To whoever asked: that nobody has got it, and what to do instead."""
    text = say("request.unheard_mailed" if m.mailed else "request.unheard", reference=m.reference, role=m.role_title)
    about = (Facts((Fact(say("request.about"), m.title),)),) if m.title else ()
    read = Button(READ_REQUEST, say("request.read_again"), m.request_id, opens_form=True)
    title = say("request.unheard_title", reference=m.reference)
    return Card(title, text, (Banner(text, Tone.WARNING), *about, Buttons((read,))))


def unheard_parts(requests: Sequence[UnheardRequest]) -> tuple[Part, ...]:
    """For the queue of whoever may answer them: what no chat could bring to anybody."""
    if not requests:
        return ()
    text = Banner(say("queue.unheard"), Tone.WARNING)
    return (text, Buttons(tuple(Button(READ_REQUEST, r.reference, r.id, opens_form=True) for r in requests[:_MOST_UNHEARD])))


def _facts(school: School, m: RequestMessage) -> Facts:
    facts = [Fact(say("request.for_role"), m.role_title), Fact(say("request.asked_on"), moment(school, m.at))]
    if m.cites:
        facts.insert(0, Fact(say("request.stands_on"), "; ".join(points(school, m.cites))))
    return Facts(tuple(facts))
