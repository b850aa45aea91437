"""What is taken, searched, blocked and paid for: in the timeline, in forms, as it stands now, and as others are told of it."""

from collections.abc import Iterable
from datetime import datetime

from cards.clauses import points
from cards.filled import area, chosen, member_field, moment_of, typed
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
    MomentField,
    Option,
    Part,
    Section,
    Text,
    TextField,
    Tone,
    Weight,
)
from cards.steps import warnings
from cards.texts import dated, listed, say
from domain import measures as m
from domain.casework import Advice, EntryQuestions
from domain.entries import DOER, FOLLOWS, LONGEST_LINE, OUTCOME, TEXT, WHAT, WHEN, EntryKind, Line, Wording
from domain.measures import AccessBlock, BlockTask, Concerned, Following, Measure, Unsettled
from domain.messages import BlockMessage, LessonMessage
from domain.people import School
from domain.words import Role

ADD_MORE, ADD_CONTACT, MAKE_ACTION = "add_more", "add_contact", "make_action"
SHOW_BLOCK, BLOCK_IN_PLACE, BLOCK_LIFTED, BLOCK_TASK = "show_block", "block_in_place", "block_lifted", "block_task"


# To read


def measure_facts(school: School, wording: Wording, told: Measure | Following) -> list[Fact]:
    """What an entry says, but for what is told in sentences."""
    match told:
        case m.Confiscated(whom=whom, at=at, place=place, holder_id=holder):
            return [_whom(whom), _at(school, at), Fact(say("measure.place"), place), _holder(wording, holder)]
        case m.Moved(at=at, place=place, holder_id=holder):
            return [_at(school, at), Fact(say("measure.place"), place), _holder(wording, holder)]
        case m.Released(at=at, to=to):
            return [_at(school, at), Fact(say("measure.released_to"), to)]
        case m.Searched(device=device, whom=whom, at=at, authorised_by=authority, searched_by=searcher, present=present):
            people = (
                (say("measure.authorised"), _name(wording, authority)),
                (say("measure.searched"), _name(wording, searcher)),
            )
            facts = (Fact(label, who) for label, who in (*people, (say("measure.present"), present)))
            return [Fact(say("measure.device"), device), _whom(whom), _at(school, at), *facts]
        case AccessBlock(whom=whom, what=what, starts_at=start, ends_at=end):
            return [_whom(whom), Fact(say("measure.blocked"), say(f"measure.blocked_{what}")), *_times(school, start, end)]
        case m.InPlace(at=at) | m.Lifted(at=at) | m.Paid(at=at):
            return [_at(school, at)]
        case m.Damage(cost=cost, billed=billed, paid=paid):
            state = say("measure.paid_yes" if paid else "measure.paid_no")
            bill = (
                say(f"measure.billed_{billed}") if billed is m.Billed.NOBODY else f"{say(f'measure.billed_{billed}')}; {state}"
            )
            return [Fact(say("measure.cost"), m.in_pounds(cost)), Fact(say("measure.bill"), bill)]
        case m.Lesson(topic=topic):
            return [Fact(say("measure.topic"), say(f"measure.topic_{topic}"))]


def measure_body(told: Measure | Following) -> tuple[str, ...]:
    """What was told in sentences."""
    match told:
        case m.Confiscated(item=text) | m.Damage(what=text) | m.Moved(why=text) | m.Released(why=text) | m.Lifted(why=text):
            return (text,) if text else ()
        case m.Searched(grounds=grounds, outcome=outcome):
            return (say("measure.grounds_were", text=grounds), say("measure.outcome_was", text=outcome))
        case AccessBlock() | m.InPlace() | m.Paid() | m.Lesson():
            return ()


def more_buttons(incident_id: str, line: Line) -> list[Button]:
    """What can be said to have become of an entry; of something that is over, nothing."""
    kinds = [kind for kind, of in FOLLOWS.items() if of is line.kind] if line.lasts else []
    return [Button(ADD_MORE, say(f"measure.add_{kind}"), f"{incident_id}|{kind}|{line.id}", opens_form=True) for kind in kinds]


def standing_parts(school: School, now: m.Now) -> tuple[Part, ...]:
    """What is held, who is blocked from what, and what is not paid, as it stands now."""
    lines = [
        *(_held(school, one) for one in now.held),
        *(_block(school, one) for one in now.blocks),
        *(say("measure.owed_line", what=one.what, cost=m.in_pounds(one.cost)) for one in now.owed),
    ]
    return (Section(say("measure.standing"), tuple(Text(f"• {line}") for line in lines)),) if lines else ()


def unsettled_banners(unsettled: Unsettled) -> tuple[Banner, ...]:
    """What is still held and blocked, where a case is closed. It forbids nothing."""
    said = []
    if unsettled.held:
        said.append(say("close.held_one") if unsettled.held == 1 else say("close.held", count=unsettled.held))
    if unsettled.blocks:
        said.append(say("close.blocks_one") if unsettled.blocks == 1 else say("close.blocks", count=unsettled.blocks))
    return tuple(Banner(text, Tone.WARNING) for text in said)


def advice_parts(school: School, incident_id: str, advice: Advice | None, *, pressed: bool = True) -> tuple[Part, ...]:
    """That the LADO comes first; where they were asked, when and under which reference. `pressed`: with the way to note it."""
    if advice is None:
        return ()
    lado = school.policy.role_title(Role.LADO)
    if advice.sought:
        last = max(advice.sought, key=lambda contact: contact.at)
        reference = say("measure.advice_reference", reference=last.reference) if last.reference else ""
        return (
            Banner(say("measure.advice_sought", lado=lado, when=dated(school, last.at), reference=reference), Tone.SUCCESS),
        )
    source = (
        say("measure.of_policy", points="; ".join(points(school, advice.cites))) if advice.cites else say("measure.of_guidance")
    )
    contact = Button(ADD_CONTACT, say("measure.advice_note"), f"{incident_id}|{Role.LADO}", opens_form=True)
    banner = Banner(say("measure.advice_first", lado=lado, source=source), Tone.WARNING)
    return (banner, Buttons((contact,))) if pressed else (banner,)


def _held(school: School, one: m.Held) -> str:
    who = one.holder or say("timeline.somebody")
    return say("measure.held_line", item=one.item, place=one.place, who=who, since=dated(school, one.since))


def _block(school: School, one: m.Standing) -> str:
    until = dated(school, one.ends_at) if one.ends_at is not None else say("measure.until_lifted")
    state = "over" if one.over else "in_place" if one.in_place else "asked"
    what, state = say(f"measure.blocked_{one.what}"), say(f"measure.block_{state}")
    return say("measure.block_line", who=one.whom.name, what=what, until=until, state=state)


def _whom(whom: Concerned) -> Fact:
    part = say(f"participant.{whom.role}") if whom.role is not None else say("measure.not_named")
    return Fact(say("measure.whom"), say("measure.whom_part", who=whom.name, part=part))


def _name(wording: Wording, person_id: str) -> str:
    return wording.names.get(person_id) or say("timeline.somebody")


def _holder(wording: Wording, person_id: str) -> Fact:
    return Fact(say("measure.holder"), _name(wording, person_id))


def _at(school: School, at: datetime) -> Fact:
    return Fact(say("timeline.at"), dated(school, at))


def _times(school: School, start: datetime, end: datetime | None) -> tuple[Fact, Fact]:
    until = dated(school, end) if end is not None else say("measure.until_lifted")
    return Fact(say("measure.from"), dated(school, start)), Fact(say("measure.until"), until)


# To fill in


def measure_fields(school: School, q: EntryQuestions) -> tuple[Part, ...]:
    """What must be heeded and what the policy says, before anything is typed; then the fields."""
    rules = {EntryKind.SEARCH: say("measure.search_rule"), EntryKind.BLOCK: say("measure.block_rule")}
    said = [Text(rules[q.kind], Weight.MUTED)] if q.kind in rules else []
    policy = (
        Text(say("measure.says", text=note.text, points="; ".join(points(school, note.cites))), Weight.MUTED) for note in q.says
    )
    untold = (Banner(say(f"measure.untold_{q.kind}"), Tone.WARNING),) if q.untold else ()
    of = (Text(q.of_what),) if q.of_what else ()
    return (*warnings(school, q.warnings), *untold, *said, *policy, *of, *_fields(school, q))


def _fields(school: School, q: EntryQuestions) -> tuple[Part, ...]:
    match q.kind:
        case EntryKind.CONFISCATION:
            hint = say("measure.item_hint")
            return (_line(q, m.ITEM, say("measure.item"), hint), *_of_whom(q), _when(school, q), *_kept(q))
        case EntryKind.CUSTODY:
            return (_when(school, q), *_kept(q), _why(q))
        case EntryKind.RELEASE:
            return (_line(q, m.TO, say("measure.to"), say("measure.to_hint")), _when(school, q), _why(q))
        case EntryKind.SEARCH:
            return _search(school, q)
        case EntryKind.BLOCK:
            return _of_block(school, q)
        case EntryKind.LIFTED:
            return (_when(school, q), _why(q))
        case EntryKind.DAMAGE:
            billed = tuple(Option(who, say(f"measure.billed_{who}")) for who in m.Billed)
            paid = tuple(Option(answer, say(f"measure.paid_{answer}")) for answer in (m.NO, m.YES))
            return (
                area(q, WHAT, say("measure.damage")),
                _line(q, m.COST, say("measure.cost"), say("measure.cost_hint")),
                _choice(q, m.BILLED, say("measure.billed"), billed),
                _choice(q, m.PAID, say("measure.paid"), paid),
            )
        case EntryKind.LESSON:
            told = say("measure.lesson_text", who=school.policy.role_title(Role.COMPUTING_COORDINATOR))
            topics = tuple(Option(topic, say(f"measure.topic_{topic}")) for topic in m.Topic)
            text = () if q.untold else (Text(told, Weight.MUTED),)
            return (*text, _choice(q, m.TOPIC, say("measure.topic"), topics, compact=True))
        case _:
            return (_when(school, q),)


def _search(school: School, q: EntryQuestions) -> tuple[Part, ...]:
    return (
        _line(q, m.ITEM, say("measure.device")),
        *_of_whom(q),
        _when(school, q),
        area(q, m.GROUNDS, say("measure.grounds")),
        member_field(q, m.AUTHORISED, say("measure.authorised"), q.authorised, say("measure.authorised_hint")),
        member_field(q, DOER, say("measure.searched"), q.doer, say("measure.member_hint")),
        _line(q, m.PRESENT, say("measure.present")),
        area(q, OUTCOME, say("measure.outcome"), say("measure.outcome_hint")),
    )


def _of_block(school: School, q: EntryQuestions) -> tuple[Part, ...]:
    options = tuple(Option(what, say(f"measure.blocked_{what}")) for what in m.Blocked)
    start, end = moment_of(school, q, m.START) or q.now, moment_of(school, q, m.END)
    return (
        *_of_whom(q),
        _choice(q, m.BLOCKED, say("measure.blocked"), options, compact=True),
        MomentField(m.START, say("measure.from"), start),
        MomentField(m.END, say("measure.until"), end, say("measure.until_hint"), required=False),
    )


def _of_whom(q: EntryQuestions) -> tuple[Part, ...]:
    people = tuple(Option(i, say("measure.whom_part", who=name, part=say(f"participant.{role}"))) for i, name, role in q.people)
    options = (*people, Option(m.NOT_NAMED, say("measure.not_named")))
    who = TextField(m.FROM_WHO, say("measure.who"), typed(q, m.FROM_WHO), required=False, max_length=LONGEST_LINE)
    return _choice(q, m.FROM, say("measure.whom"), options, compact=True), who


def _kept(q: EntryQuestions) -> tuple[Part, ...]:
    holder = member_field(q, DOER, say("measure.holder"), q.doer, say("measure.member_hint"))
    return _line(q, m.PLACE, say("measure.place"), say("measure.place_hint")), holder


def _line(q: EntryQuestions, field: str, label: str, hint: str = "") -> TextField:
    return TextField(field, label, typed(q, field), hint, max_length=LONGEST_LINE)


def _choice(q: EntryQuestions, field: str, label: str, options: tuple[Option, ...], *, compact: bool = False) -> Choice:
    return Choice(field, label, options, chosen(q, field, tuple(o.value for o in options)), compact=compact)


def _when(school: School, q: EntryQuestions) -> MomentField:
    return MomentField(WHEN, say("entry.when"), moment_of(school, q, WHEN) or q.now)


def _why(q: EntryQuestions) -> TextField:
    return area(q, TEXT, say("measure.more"), required=False)


# What others are told


def block_card(m: BlockMessage) -> Card:
    """That there is a block to carry out, or to lift: neither whose nor of what."""
    state = "lifted" if m.lifted else "over" if m.over else "new"
    text = say(f"block.{state}", reference=m.reference)
    value = f"{m.incident_id}|{m.entry_id}"
    buttons = [Button(SHOW_BLOCK, say("block.show"), value, opens_form=True)] if not m.lifted else []
    tone = Tone.SUCCESS if m.lifted else Tone.WARNING if m.over else Tone.INFO
    parts: tuple[Part, ...] = (Banner(text, tone), *((Buttons(tuple(buttons)),) if buttons else ()))
    return Card(say(f"block.title_{state}", reference=m.reference), text, parts)


def block_form(school: School, task: BlockTask) -> Form:
    """What is to be blocked, from when until when, and who can say whose it is."""
    facts = [
        Fact(say("measure.blocked"), say(f"measure.blocked_{task.what}")),
        *_times(school, task.starts_at, task.ends_at),
        *(Fact(label, dated(school, at)) for label, at in _done(task) if at is not None),
    ]
    names = listed(task.ask) if task.ask else say("block.nobody")
    value, buttons = f"{task.incident_id}|{task.entry_id}", []
    if task.in_place_at is None and task.lifted_at is None:
        buttons.append(Button(BLOCK_IN_PLACE, say("block.say_in_place"), value, ButtonStyle.PRIMARY, opens_form=True))
    if task.lifted_at is None:
        buttons.append(Button(BLOCK_LIFTED, say("block.say_lifted"), value, opens_form=True))
    return Form(
        BLOCK_TASK,
        say("block.form_title"),
        (
            Text(say("case.logged"), Weight.MUTED),
            *((Banner(say("timeline.saved"), Tone.SUCCESS),) if task.saved else ()),
            Text(task.reference, Weight.HEADING),
            *((Banner(say("block.over_now"), Tone.WARNING),) if task.over and task.lifted_at is None else ()),
            Facts(tuple(facts)),
            Text(say("block.ask", names=names)),
            *((Buttons(tuple(buttons)),) if buttons else ()),
        ),
        state=value,
    )


def lesson_card(school: School, m: LessonMessage) -> Card:
    """That a lesson is suggested: the topic and the kind of concern, and nothing by which a case could be known."""
    concern = school.policy.concerns.get(m.concern)
    facts = (
        Fact(say("measure.topic"), say(f"measure.topic_{m.topic}")),
        Fact(say("alert.concern"), concern.label if concern else m.concern),
    )
    return Card(
        say("lesson.title"), say("lesson.text"), (Text(say("lesson.text")), Facts(facts), Text(say("lesson.why"), Weight.MUTED))
    )


def _done(task: BlockTask) -> Iterable[tuple[str, datetime | None]]:
    return (say("block.in_place_since"), task.in_place_at), (say("block.lifted_on"), task.lifted_at)
