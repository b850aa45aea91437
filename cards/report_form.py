"""The two screens of a report, and what comes before and after them."""

from datetime import datetime

from cards.filled import with_faults
from cards.model import (
    Banner,
    Button,
    Buttons,
    ButtonStyle,
    Choice,
    Form,
    MomentField,
    Option,
    Part,
    PeopleField,
    PersonChoice,
    Section,
    Text,
    TextField,
    Tone,
    Weight,
)
from cards.steps import step_text
from cards.texts import moment, phone_list, quoted_command, say
from domain.incident import Place
from domain.people import Group, Platform, School
from domain.report_form import (
    LONGEST_PLACE,
    LONGEST_TEXT,
    MOST_PEOPLE,
    NO,
    PEOPLE_FIELDS,
    UNSURE,
    YES,
    DetailQuestions,
    Field,
    Filled,
    KindQuestions,
    Unfinished,
)
from domain.words import About, FourC

KIND, DETAIL, UNFINISHED = "report_kind", "report_detail", "report_unfinished"
RESUME, DISCARD = "resume_draft", "discard_draft"

_GROUP_FIELDS = {Group.HOUSE: Field.HOUSE, Group.FORM: Field.FORM}


def kind_form(questions: KindQuestions) -> Form:
    """Screen one: what, about whom, and whether a child is in danger now."""
    by_c = sorted(questions.concerns, key=lambda c: list(FourC).index(c.four_c))
    concerns = tuple(Option(c.id, c.label, c.hint, say(f"four_c.{c.four_c}")) for c in by_c)
    about = tuple(Option(a, say(f"about.{a}")) for a in About)
    danger = (Option(NO, say("kind.danger_no")), Option(YES, say("kind.danger_yes")))
    filled = questions.filled
    return with_faults(
        Form(
            id=KIND,
            title=say("kind.title"),
            parts=(
                Text(say("kind.step"), Weight.MUTED),
                Choice(Field.CONCERN, say("kind.concern"), concerns, _text(filled, Field.CONCERN), compact=True),
                Choice(Field.ABOUT, say("kind.about"), about, _text(filled, Field.ABOUT)),
                Choice(Field.DANGER, say("kind.danger"), danger, _text(filled, Field.DANGER), hint=say("kind.danger_hint")),
            ),
            submit=say("kind.submit"),
            state=questions.draft_id,
        ),
        questions.faults,
    )


def detail_form(school: School, questions: DetailQuestions) -> Form:
    """Screen two, fitted to screen one: the warnings first, then what, when and where, then who."""
    return with_faults(
        Form(
            id=DETAIL,
            title=say("detail.title"),
            parts=(*_warnings(school, questions), _what(questions), _who(questions)),
            submit=say("detail.submit"),
            state=questions.draft_id,
        ),
        questions.faults,
    )


def unfinished_form(school: School, unfinished: Unfinished) -> Form:
    """Offers to take up a report that was not sent."""
    concern = say("unfinished.about", concern=unfinished.concern.label) if unfinished.concern else ""
    return Form(
        id=UNFINISHED,
        title=say("unfinished.title"),
        parts=(
            Text(say("unfinished.text", when=moment(school, unfinished.changed_at), concern=concern)),
            Buttons(
                (
                    Button(RESUME, say("unfinished.resume"), unfinished.draft_id, ButtonStyle.PRIMARY, opens_form=True),
                    Button(DISCARD, say("unfinished.discard"), unfinished.draft_id, opens_form=True),
                )
            ),
        ),
    )


def gone_form(platform: Platform) -> Form:
    """The form is no longer kept."""
    text = say("gone.text", report=quoted_command(platform, "report"), mine=quoted_command(platform, "mine"))
    return Form("gone", say("gone.title"), (Banner(text, Tone.WARNING),))


def gone_with_text_form(platform: Platform, draft_id: str, typed: str) -> Form:
    """The form is no longer kept and was sent all the same: what was typed stays in sight, so that it can be copied."""
    what = TextField(Field.WHAT, say("detail.what"), typed, multiline=True, max_length=LONGEST_TEXT)
    errors = {what.id: say("gone.at_field", report=quoted_command(platform, "report"))}
    return Form(DETAIL, say("detail.title"), (what,), submit=say("detail.submit"), state=draft_id, errors=errors)


def _warnings(school: School, q: DetailQuestions) -> tuple[Part, ...]:
    step = Text(say("detail.step", concern=q.concern.label, about=say(f"about.{q.about}")), Weight.MUTED)
    parts: list[Part] = [step]
    if q.immediate_danger:
        parts.append(Banner(say("detail.danger"), Tone.DANGER))
    parts += [Banner(step_text(school, w), Tone.WARNING) for w in q.warnings if not (q.immediate_danger and "999" in w.text)]
    if q.phones and (q.immediate_danger or q.warnings):
        parts.append(Text(say("detail.phones", phones=phone_list(q.phones))))
    return tuple(parts)


def _who(q: DetailQuestions) -> Section:
    hint = say("detail.people_hint") if q.searchable else say("detail.people_hint_unlisted")
    people = tuple(
        PeopleField(
            field,
            say(f"detail.{field}"),
            tuple(PersonChoice(p.value, p.label) for p in q.people.get(field, ())),
            hint=hint if number == 0 else "",
            searchable=q.searchable,
            most=MOST_PEOPLE,
        )
        for number, field in enumerate(PEOPLE_FIELDS)
    )
    return Section(say("detail.people"), (*people, *(_place(q, p) for p in q.places if p.group in _GROUP_FIELDS)))


def _place(q: DetailQuestions, place: Place) -> Choice:
    options = (*(Option(c, c) for c in place.choices), Option(UNSURE, say("detail.unsure")))
    field = _GROUP_FIELDS[place.group]
    return Choice(field, say(f"detail.{field}"), options, _text(q.filled, field), compact=True)


def _what(q: DetailQuestions) -> Section:
    filled = q.filled
    hint = say("detail.what_hint_images") if q.concern.images else say("detail.what_hint")
    parts: list[Choice | TextField | MomentField] = [
        TextField(
            Field.WHAT, say("detail.what"), _text(filled, Field.WHAT), hint, multiline=True, max_length=LONGEST_TEXT, live=True
        )
    ]
    if q.asks_repeat:
        parts.append(Choice(Field.REPEAT, say("detail.repeat"), _answers("repeat"), _text(filled, Field.REPEAT)))
    if q.asks_illegal:
        parts.append(Choice(Field.ILLEGAL, say("detail.illegal"), _answers("illegal"), _text(filled, Field.ILLEGAL)))
    parts += [
        MomentField(Field.WHEN, say("detail.when"), _when(q)),
        TextField(
            Field.WHERE,
            say("detail.where"),
            _text(filled, Field.WHERE),
            say("detail.where_hint"),
            required=False,
            max_length=LONGEST_PLACE,
        ),
        TextField(
            Field.DONE,
            say("detail.done"),
            _text(filled, Field.DONE),
            say("detail.done_hint"),
            required=False,
            multiline=True,
            max_length=LONGEST_TEXT,
            live=True,
        ),
    ]
    return Section(say("detail.what_happened"), tuple(parts))


def _answers(question: str) -> tuple[Option, ...]:
    yes, no = Option(YES, say(f"detail.{question}_yes")), Option(NO, say(f"detail.{question}_no"))
    return (no, yes, Option(UNSURE, say("detail.answer_unsure")))


def _when(q: DetailQuestions) -> datetime:
    typed = _text(q.filled, Field.WHEN)
    try:
        found = datetime.fromisoformat(typed) if typed else q.now
        return found.astimezone(q.now.tzinfo) if found.tzinfo else found.replace(tzinfo=q.now.tzinfo)
    except (ValueError, OverflowError):
        return q.now


def _text(filled: Filled, field: str) -> str:
    value = filled.get(field, "")
    return value if isinstance(value, str) else ""
