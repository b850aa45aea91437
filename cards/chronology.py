"""A child's chronology, the form that asks whose, and what a case's own page says of other cases."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from cards.filled import whose_field, with_faults
from cards.messages import DETAILS
from cards.model import (
    Banner,
    Button,
    Buttons,
    Card,
    Fact,
    Facts,
    Form,
    Leaf,
    Part,
    Section,
    Text,
    Tone,
    Weight,
)
from cards.texts import day_of, listed, say
from domain.chronology import CHILD, Appearance, ChildQuestions, Chronology, Which
from domain.entries import Contact, Decided, Line
from domain.patterns import Background, Hint, Sort
from domain.people import School
from domain.words import IncidentState

SHOW_CHRONOLOGY, LOOK_UP_CHILD = "chronology", "look_up_child"
CHRONOLOGY, CHILD_FORM = "chronology_page", "child_form"
_MOST_BUTTONS = 10
_MOST_HINTS = 6
_MOST_REFERENCES = 10
_LONGEST_OUTCOME = 400
_LONGEST_TYPED = 80


# On the case's own page


def background_parts(school: School, background: Background) -> tuple[Part, ...]:
    """Plain facts about other cases, and the way to the chronology of each child in this one."""
    said = tuple(_hint(school, hint, background) for hint in background.hints[:_MOST_HINTS])
    facts = (
        Section(
            say("chronology.beside"),
            (Text("\n".join(f"• {line}" for line in said)), Text(say("chronology.beside_hint"), Weight.MUTED)),
        ),
    )
    buttons = tuple(
        Button(SHOW_CHRONOLOGY, say("chronology.ask", name=name), key, opens_form=True)
        for key, name in background.children[:_MOST_BUTTONS]
    )
    return (*(facts if said else ()), *((Buttons(buttons),) if buttons else ()))


def _hint(school: School, hint: Hint, background: Background) -> str:
    names = sorted(background.names.get(person, "") for person in hint.people)
    others = _references(hint.others)
    match hint.sort:
        case Sort.TOGETHER:
            both = listed(names, "and")
            if len(hint.others) == 1:
                return say("chronology.together_one", names=both, references=others)
            return say("chronology.together", names=both, count=len(hint.others), references=others)
        case Sort.OFTEN:
            days = school.patterns.often_days
            return say("chronology.often", name=names[0], count=hint.count, days=days, parts=_split(hint), references=others)
        case Sort.SAME_KIND:
            return say("chronology.same_kind", name=names[0], count=hint.count, parts=_split(hint), references=others)


def _split(hint: Hint) -> str:
    target = (say("chronology.as_target", count=hint.as_target),) if hint.as_target else ()
    did_it = (say("chronology.did_it", count=hint.did_it),) if hint.did_it else ()
    return ", ".join((*target, *did_it))


def _references(references: Sequence[str]) -> str:
    """The newest, and how many more there are."""
    newest, more = references[-_MOST_REFERENCES:], len(references) - _MOST_REFERENCES
    found = ", ".join(newest)
    return say("chronology.and_older", references=found, count=more) if more > 0 else found


# The chronology


def chronology_form(school: School, found: Chronology) -> Form:
    """A page of it, the newest case last."""
    key, n = found.child.key, found.number
    perhaps = found.which is Which.PERHAPS
    parts: list[Part] = [Text(found.child.name, Weight.HEADING), Text(say("chronology.logged"), Weight.MUTED)]
    if perhaps:
        parts.append(Banner(say("chronology.perhaps" if found.child.listed else "chronology.perhaps_typed"), Tone.WARNING))
    if not found.lines:
        parts.append(Text(say("chronology.nothing_like" if perhaps else "chronology.nothing")))
    parts += [part for line in found.lines for part in _case(school, line)]
    if found.pages > 1:
        parts.append(Text(say("chronology.page", number=n, pages=found.pages), Weight.MUTED))
    if found.cut:
        parts.append(Text(say("chronology.cut"), Weight.MUTED))
    buttons: list[Button] = []
    if key and n > 1:
        buttons.append(_turn(say("chronology.older"), key, found.which, n - 1))
    if key and n < found.pages:
        buttons.append(_turn(say("chronology.newer"), key, found.which, n + 1))
    if key and perhaps and found.child.listed:
        buttons.append(Button(SHOW_CHRONOLOGY, say("chronology.sure", count=found.others), key, opens_form=True))
    if not perhaps and found.others:
        many = say("chronology.others_one") if found.others == 1 else say("chronology.others", count=found.others)
        parts.append(Text(many))
        label = say("chronology.show_others")
        buttons.append(Button(SHOW_CHRONOLOGY, label, f"{key}|{Which.PERHAPS}", opens_form=True))
    limits = Text(say("chronology.limits"), Weight.MUTED)
    return Form(
        CHRONOLOGY, say("chronology.title"), (*parts, *((Buttons(tuple(buttons)),) if buttons else ()), limits), state=key
    )


def _turn(label: str, key: str, which: Which, page: int) -> Button:
    return Button(SHOW_CHRONOLOGY, label, f"{key}|{which}|{page}", opens_form=True)


def _case(school: School, line: Appearance) -> Iterable[Part]:
    i = line.incident
    concern = school.policy.concerns.get(i.facts.concern)
    title = say("chronology.case", reference=i.reference, when=_day(school, i.reported_at))
    if i.erased:
        yield Section(title, (Text(say("case.erased")),))
        return
    parts = ", ".join(say(f"chronology.part_{part}") for part in line.parts)
    facts = [Fact(say("chronology.typed"), _short(line.typed, _LONGEST_TYPED))] if line.typed else []
    facts += [
        Fact(say("chronology.part"), parts or say("chronology.part_unknown")),
        Fact(say("alert.concern"), concern.label if concern else i.facts.concern),
        Fact(say("alert.urgency"), say(f"urgency.{i.urgency}")),
        Fact(say("alert.state"), _state(school, line)),
    ]
    if line.outcome:
        facts.append(Fact(say("chronology.outcome"), _short(line.outcome, _LONGEST_OUTCOME)))
    said = [_entry(school, entry) for entry in line.entries]
    if line.more:
        said.insert(0, say("chronology.earlier_one") if line.more == 1 else say("chronology.earlier", count=line.more))
    leaves: list[Leaf] = [Facts(tuple(facts))]
    if said:
        leaves.append(Text("\n".join(said)))
    yield Section(title, (*leaves, Buttons((Button(DETAILS, say("chronology.open"), i.id, opens_form=True),))))


def _state(school: School, line: Appearance) -> str:
    i, state = line.incident, say(f"state.{line.incident.state}")
    if i.closed_at is None or i.state is IncidentState.MERGED:
        return state
    return say("chronology.since", state=state, when=_day(school, i.closed_at))


def _entry(school: School, line: Line) -> str:
    """A decision or a contact in one line: who decided what, and with whom there was contact, without a word of it."""
    match line.now.told:
        case Decided(decision=d, kind_name=kind):
            times = say(f"grid.times_{d.times}") if d.times is not None else ""
            what = ", ".join(word for word in (kind or say("chronology.in_words"), times) if word)
            return say("chronology.decided", when=_day(school, line.at), what=what)
        case Contact(whom=role, at=at):
            return say("chronology.contact", when=_day(school, at), whom=school.policy.role_title(role))
        case _:
            return say("chronology.entry", when=_day(school, line.at), kind=say(f"timeline.kind_{line.kind}"))


def _day(school: School, at: datetime) -> str:
    return day_of(at.astimezone(school.calendar.timezone).date())


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "\u2026"


# Whose


def child_form(questions: ChildQuestions) -> Form:
    """Whose chronology it is to be. The name is picked here, in a form, since what is typed as a command can stay in a chat."""
    return with_faults(
        Form(
            id=CHILD_FORM,
            title=say("chronology.title"),
            parts=(
                Text(say("chronology.text")),
                whose_field(CHILD, say("chronology.child"), questions.filled, say("chronology.child_hint")),
                Text(say("chronology.logged"), Weight.MUTED),
            ),
            submit=say("chronology.submit"),
        ),
        questions.faults,
    )


def child_card() -> Card:
    """In answer to the word in a chat, where no form can be opened without a press."""
    button = Button(LOOK_UP_CHILD, say("chronology.begin"), opens_form=True)
    return Card(say("chronology.title"), say("chronology.text"), (Text(say("chronology.text")), Buttons((button,))))
