"""How a case has changed and ended, the forms to change it, what somebody signs, and what is said of it in a chat."""

from collections.abc import Iterable
from typing import assert_never

from cards.filled import moment_in, text_in, with_faults
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
    Leaf,
    MomentField,
    Option,
    Part,
    Section,
    Text,
    TextField,
    Tone,
    Weight,
)
from cards.texts import dated, say
from domain.case_changes import (
    AS_THE_POLICY_HAS_IT,
    CONCERN,
    DUE,
    KIND,
    LONGEST_REFERENCE,
    NOTE,
    OTHER,
    REASON,
    URGENCY,
    CaseCourse,
    ChangeKind,
    ChangeLine,
    ChangesPage,
    Classified,
    LinkedCase,
    LinkKind,
    SignatureLine,
)
from domain.change_forms import ChangeQuestions, Done, SendBackPage, SignPage, UnlinkQuestions, Wish, WishQuestions
from domain.incident import Incident
from domain.messages import ReviewMessage, SignOffMessage
from domain.people import School
from domain.report_form import LONGEST_TEXT
from domain.words import Role, Urgency

CHANGE_CASE, UNLINK, SIGN_CASE, SHOW_CHANGES = "change_case", "unlink_case", "sign_case", "case_changes"
SEND_BACK, SEND_BACK_FORM = "send_back", "send_back_form"
CHANGES = "changes_page"
_SHORT = 300
"""So much of each reason stands on the case's own page."""
CHANGE_KIND_FORM, CHANGE_FORM, UNLINK_FORM, SIGN_FORM = "change_kind", "change_case_form", "unlink_form", "sign_form"
_DETAILS, _HAND_ON = "details", "hand_on"
"""As in cards.messages, which draws what is here."""
_MOST_CLAUSES = 3


# To read


def course_parts(school: School, incident: Incident, course: CaseCourse) -> tuple[Part, ...]:
    """What a case's own page shows of it."""
    i = incident.id
    parts: list[Part] = []
    if course.merged:
        parts.append(Banner(_merged(course), Tone.WARNING))
    if course.review is not None:
        when = dated(school, course.review.due_at)
        late = course.review_is_due
        parts.append(Banner(say("course.review_due" if late else "course.review", when=when), _tone(late=late)))
    facts = [Fact(say("course.result"), say(f"result.{course.result}"))] if course.result is not None else []
    if course.first is not None:
        facts.append(Fact(say("course.first"), _classified(school, course.first)))
    facts += [Fact(_role(school, line.signature.role), _signed(school, line)) for line in course.signatures]
    if facts:
        parts.append(Section(say("course.title"), (Facts(tuple(facts)),)))
    if course.links:
        parts.append(Section(say("course.links"), tuple(x for link in course.links for x in _link(school, i, link, course))))
    if course.changes:
        lines = tuple(Text(_change(school, line, _SHORT)) for line in course.changes)
        rest = Button(SHOW_CHANGES, say("course.all"), i, opens_form=True)
        parts.append(Section(say("course.changes"), (*lines, Buttons((rest,)))))
    parts += _give(school, course)
    if buttons := _buttons(i, course):
        parts.append(Buttons(buttons))
    return tuple(parts)


def changes_form(school: School, page: ChangesPage) -> Form:
    """A page of how a case has changed, whole."""
    i, n = page.incident_id, page.number
    lines = tuple(Text(_change(school, line)) for line in page.lines) or (Text(say("timeline.empty")),)
    buttons = [Button(SHOW_CHANGES, say("timeline.older"), f"{i}|{n - 1}", opens_form=True)] if n > 1 else []
    if n < page.pages:
        buttons.append(Button(SHOW_CHANGES, say("timeline.newer"), f"{i}|{n + 1}", opens_form=True))
    where = (Text(say("timeline.page", number=n, pages=page.pages), Weight.MUTED),) if page.pages > 1 else ()
    more = (Buttons(tuple(buttons)),) if buttons else ()
    parts = (Text(say("case.logged"), Weight.MUTED), *lines, *where, *more)
    return Form(CHANGES, say("course.history"), (Text(page.reference, Weight.HEADING), *parts), state=i)


def _merged(course: CaseCourse) -> str:
    into = next((link for link in course.links if link.into), None)
    return say("course.merged_into", reference=into.reference) if into is not None else say("course.merged")


def _tone(*, late: bool) -> Tone:
    return Tone.WARNING if late else Tone.INFO


def _buttons(incident_id: str, course: CaseCourse) -> tuple[Button, ...]:
    sign = Button(SIGN_CASE, say("course.sign"), incident_id, ButtonStyle.PRIMARY, opens_form=True)
    change = Button(CHANGE_CASE, say("course.change"), incident_id, opens_form=True)
    return (*((sign, _back(incident_id)) if course.signs is not None else ()), *((change,) if course.works else ()))


def _back(incident_id: str) -> Button:
    return Button(SEND_BACK, say("course.send_back"), incident_id, opens_form=True)


def _give(school: School, course: CaseCourse) -> Iterable[Part]:
    """What others answer for, with the way to give it to somebody else."""
    for alert_id, owner, role in course.given if course.works else ():
        title = _role(school, role)
        text = say("course.others", role=title, owner=owner) if owner else say("course.nobodys", role=title)
        yield Text(text, Weight.MUTED)
        yield Buttons((Button(_HAND_ON, say("course.give", role=title), alert_id, opens_form=True),))


def _link(school: School, incident_id: str, link: LinkedCase, course: CaseCourse) -> Iterable[Leaf]:
    concern = school.policy.concerns.get(link.concern)
    kind = "related" if link.link.kind is LinkKind.RELATED else "into" if link.into else "here"
    label = concern.label if concern is not None else link.concern
    yield Text(say(f"course.link_{kind}", reference=link.reference, concern=label, state=say(f"state.{link.state}")))
    look = Button(_DETAILS, say("course.look", reference=link.reference), link.incident_id, opens_form=True)
    undo = Button(UNLINK, say("course.unlink"), f"{incident_id}|{link.link.id}", opens_form=True)
    can_undo = course.works and link.link.kind is LinkKind.RELATED
    yield Buttons((look, undo) if can_undo else (look,))


def _signed(school: School, line: SignatureLine) -> str:
    x, who = line.signature, line.who or say("timeline.somebody")
    if x.done_at is not None:
        return say("course.signed_before" if line.before else "course.signed", who=who, when=dated(school, x.done_at))
    return say("course.asked", who=who, when=dated(school, x.at)) if x.person_id is not None else say("course.nobody")


def _classified(school: School, what: Classified) -> str:
    concern = school.policy.concerns.get(what.concern)
    label = concern.label if concern is not None else what.concern
    return say("course.classified", concern=label, urgency=say(f"urgency.{what.urgency}"))


def _change(school: School, line: ChangeLine, most: int = LONGEST_TEXT) -> str:
    c = line.change
    other = line.other or say("course.another")
    match c.kind:
        case ChangeKind.RECLASSIFIED if c.was is not None and c.now is not None:
            what = say("changed.reclassified", was=_classified(school, c.was), now=_classified(school, c.now))
        case ChangeKind.MERGED | ChangeKind.UNMERGED | ChangeKind.LINKED | ChangeKind.UNLINKED:
            what = say(f"changed.with_{c.kind}", other=other)
        case ChangeKind.CLOSED:
            what = say("changed.closed", result=say(f"result.{c.code}"))
        case ChangeKind.SIGNED:
            what = say("changed.signed", role=_role(school, Role(c.code)))
        case ChangeKind.REVIEW_SET if c.due_at is not None:
            what = say("changed.review_set", when=dated(school, c.due_at))
        case ChangeKind.REVIEWED:
            what = say("changed.reviewed")
        case ChangeKind.REOPENED:
            what = say("changed.sent_back", role=_role(school, Role(c.code))) if c.code else say("changed.reopened")
        case ChangeKind.RECLASSIFIED | ChangeKind.REVIEW_SET:
            what = say("changed.other")
        case never:
            assert_never(never)
    when, who = dated(school, c.at), line.who or say("timeline.somebody")
    if not c.text:
        return say("course.line_only", when=when, who=who, what=what)
    return say("course.line", when=when, who=who, what=what, text=_cut(c.text, most))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}\u2026"


def _role(school: School, role: Role) -> str:
    return school.policy.role_title(role)


# To fill in


def change_kind_form(asked: ChangeQuestions) -> Form:
    """What is to be changed."""
    title = say("change.title")
    if not asked.wishes:
        return Form(CHANGE_KIND_FORM, title, (Text(say("change.nothing", reference=asked.reference)),), state=asked.incident_id)
    options = tuple(Option(wish, say(f"change.wish_{wish}"), say(f"change.hint_{wish}")) for wish in asked.wishes)
    return with_faults(
        Form(
            CHANGE_KIND_FORM,
            title,
            (Text(asked.reference, Weight.HEADING), Choice(KIND, say("change.kind"), options)),
            submit=say("change.next"),
            state=asked.incident_id,
        ),
        asked.faults,
    )


def change_form(school: School, q: WishQuestions) -> Form:
    """The fields of one change."""
    return with_faults(
        Form(
            CHANGE_FORM,
            say(f"change.title_{q.wish}"),
            (Text(say(f"change.text_{q.wish}", reference=q.reference)), *_fields(school, q), *_clauses(school, q.cites)),
            submit=say(f"change.submit_{q.wish}"),
            state=q.state,
        ),
        q.faults,
    )


def _fields(school: School, q: WishQuestions) -> tuple[Part, ...]:
    reason = _area(REASON, say(f"change.reason_{q.wish}"), text_in(q.filled, REASON))
    match q.wish:
        case Wish.RECLASSIFY:
            return (*_classes(q), reason)
        case Wish.MERGE | Wish.LINK:
            hint = say("change.other_hint")
            other = TextField(OTHER, say("change.other"), text_in(q.filled, OTHER), hint, max_length=LONGEST_REFERENCE)
            return (other, reason)
        case Wish.REVIEW:
            return (MomentField(DUE, say("change.due"), moment_in(school, text_in(q.filled, DUE))), reason)
        case Wish.REVIEWED:
            again = MomentField(
                DUE, say("change.again"), moment_in(school, text_in(q.filled, DUE)), say("change.again_hint"), required=False
            )
            return (reason, again)
        case Wish.REOPEN | Wish.UNMERGE:
            return (reason,)


def _classes(q: WishQuestions) -> tuple[Part, ...]:
    concern, urgency = text_in(q.filled, CONCERN), text_in(q.filled, URGENCY)
    gone = () if q.was is None or q.was.concern in dict(q.concerns) else (Option(q.was.concern, q.was.concern),)
    concerns = (*gone, *(Option(id_, label) for id_, label in q.concerns))
    urgencies = (
        Option(AS_THE_POLICY_HAS_IT, say("change.as_policy")),
        *(Option(u, say(f"urgency.{u}")) for u in Urgency),
    )
    private = (Text(say("change.stays_private"), Weight.MUTED),) if q.private else ()
    known = concern if concern in {o.value for o in concerns} else ""
    level = urgency if urgency in {o.value for o in urgencies} else ""
    return (
        Choice(CONCERN, say("alert.concern"), concerns, known, compact=True),
        Choice(URGENCY, say("alert.urgency"), urgencies, level, compact=True),
        *private,
    )


def unlink_form(q: UnlinkQuestions) -> Form:
    """Why a link is to be taken away."""
    return with_faults(
        Form(
            UNLINK_FORM,
            say("change.title_unlink"),
            (
                Text(say("change.text_unlink", reference=q.reference, other=q.other)),
                _area(REASON, say("change.reason_unlink"), text_in(q.filled, REASON)),
            ),
            submit=say("change.submit_unlink"),
            state=q.state,
        ),
        q.faults,
    )


def sign_form(school: School, p: SignPage) -> Form:
    """What somebody signs: nobody's name, and no word of what was written."""
    roles = ", ".join(_role(school, r) for r in p.roles)
    facts = [
        Fact(say("sign.reference"), p.reference),
        Fact(say("alert.concern"), p.concern),
        Fact(say("alert.urgency"), say(f"urgency.{p.urgency}")),
        Fact(say("case.reported"), dated(school, p.reported_at)),
        Fact(say("sign.closed"), dated(school, p.closed_at)),
        Fact(say("course.result"), say(f"result.{p.result}") if p.result is not None else say("sign.no_result")),
        Fact(say("sign.dealt"), roles or say("sign.nobody")),
        Fact(say("sign.review"), _review(school, p)),
        *(Fact(_role(school, line.signature.role), _signed(school, line)) for line in p.others),
    ]
    title = _role(school, p.signature.role)
    left = (Banner(say("sign.actions", count=p.open_actions), Tone.WARNING),) if p.open_actions else ()
    stands_in = p.signature.asked_as is not None and p.signature.asked_as is not p.signature.role
    own = say("sign.stands_in", role=title, own=_role(school, p.signature.asked_as or p.signature.role))
    read, back = Button(_DETAILS, say("sign.read"), p.incident_id, opens_form=True), _back(p.incident_id)
    return with_faults(
        Form(
            SIGN_FORM,
            say("sign.title"),
            (
                Text(say("case.logged"), Weight.MUTED),
                Text(own if stands_in else say("sign.text", role=title)),
                Facts(tuple(facts)),
                *left,
                *(() if p.may_read else (Text(say("sign.no_names"), Weight.MUTED),)),
                Buttons((read, back) if p.may_read else (back,)),
                TextField(
                    NOTE, say("sign.note"), p.note[:LONGEST_TEXT], required=False, multiline=True, max_length=LONGEST_TEXT
                ),
                *_clauses(school, p.cites),
            ),
            submit=say("sign.submit"),
            state=p.state,
        ),
        p.faults,
    )


def send_back_form(school: School, p: SendBackPage) -> Form:
    """Why it is not signed. What of the case its reader may see, they have seen before."""
    return with_faults(
        Form(
            SEND_BACK_FORM,
            say("send_back.title"),
            (
                Text(say("send_back.text", reference=p.reference, role=_role(school, p.signature.role))),
                _area(REASON, say("send_back.reason"), p.reason[:LONGEST_TEXT]),
            ),
            submit=say("send_back.submit"),
            state=p.state,
        ),
        p.faults,
    )


def _review(school: School, p: SignPage) -> str:
    if p.review is not None:
        return say("sign.review_on", when=dated(school, p.review.due_at))
    return say("sign.reviewed", when=dated(school, p.reviewed_at)) if p.reviewed_at is not None else say("sign.no_review")


def done_card(done: Done) -> Card:
    """It is done, and the way back to the case."""
    if done.sent_back:
        text = say("done.sent_back", reference=done.reference)
    elif done.whole:
        text = say("done.signed_off", reference=done.reference)
    elif done.what is ChangeKind.MERGED and done.other:
        text = say("done.merged_into", reference=done.reference, other=done.other)
    else:
        text = say(f"done.{done.what}", reference=done.reference)
    look = Buttons((Button(_DETAILS, say("done.look"), done.incident_id, opens_form=True),))
    parts: tuple[Part, ...] = (Banner(text, Tone.SUCCESS),)
    signs = done.sent_back or done.what is ChangeKind.SIGNED
    return Card(say("done.title"), text, parts if signs else (*parts, look))


# What stays in a chat


def sign_off_card(school: School, m: SignOffMessage) -> Card:
    """To whoever is to sign: the reference, and for which role."""
    if m.settled:
        text = say("sign_off.settled", reference=m.reference)
        return Card(say("sign_off.settled_title", reference=m.reference), text, (Banner(text, Tone.SUCCESS),))
    text = say("sign_off.text", reference=m.reference, role=m.role_title, when=dated(school, m.at))
    sign = Button(SIGN_CASE, say("course.sign"), m.incident_id, ButtonStyle.PRIMARY, opens_form=True)
    buttons = Buttons((sign, _back(m.incident_id)))
    return Card(say("sign_off.title", reference=m.reference), text, (Text(text), buttons))


def review_card(school: School, m: ReviewMessage) -> Card:
    """To whoever has the case: the reference and the date."""
    if m.done:
        text = say("review.done", reference=m.reference)
        return Card(say("review.done_title", reference=m.reference), text, (Banner(text, Tone.SUCCESS),))
    text = say("review.text", reference=m.reference, when=dated(school, m.due_at))
    look = Button(_DETAILS, say("alert.details"), m.incident_id, opens_form=True)
    return Card(say("review.title", reference=m.reference), text, (Text(text), Buttons((look,))))


def _clauses(school: School, cites: Iterable[str]) -> tuple[Text, ...]:
    found = [school.policy.cite(c) for c in tuple(cites)[:_MOST_CLAUSES]]
    points = "; ".join(say("receipt.clause", heading=c.heading, point=c.point) for c in found)
    return (Text(say("change.cites", title=school.policy.title, points=points), Weight.MUTED),) if found else ()


def _area(field: str, label: str, value: str) -> TextField:
    return TextField(field, label, value, multiline=True, max_length=LONGEST_TEXT)
