"""Surveys: what may be opened, the forms that open and extend one, and what was counted, in the chat and as a file."""

from collections.abc import Sequence
from datetime import datetime

from cards.clauses import points
from cards.filled import with_faults
from cards.model import (
    Banner,
    Button,
    Buttons,
    ButtonStyle,
    Card,
    Confirm,
    Fact,
    Facts,
    Form,
    Leaf,
    Link,
    MomentField,
    Part,
    Section,
    Table,
    Text,
    Tone,
    Weight,
)
from cards.opening import opening_card
from cards.spreadsheet import csv_of
from cards.texts import dated, day_of, say
from domain.people import School
from domain.surveys import (
    CLOSES,
    SKIP,
    Survey,
    SurveyExtension,
    SurveyFigures,
    SurveyMenu,
    SurveyOpening,
    SurveyPage,
    SurveyQuestion,
    SurveyType,
    same_question,
)

SHOW_SURVEYS, OPEN_SURVEY, READ_SURVEY = "show_surveys", "open_survey", "read_survey"
EXTEND_SURVEY, CLOSE_SURVEY = "extend_survey", "close_survey"
MENU, OPENING, EXTENDING, PAGE = "surveys", "survey_opening", "survey_extending", "survey"


def surveys_card() -> Card:
    """In answer to the word in a chat, where no dialog can be opened without a press."""
    return opening_card(say("survey.menu"), say("survey.menu_text"), SHOW_SURVEYS, say("survey.open_menu"))


def menu_form(school: School, menu: SurveyMenu) -> Form:
    """What may be opened, and what was."""
    parts: list[Part] = [Text(say("survey.menu_text"))]
    if not menu.address:
        parts.append(Banner(say("survey.switched_off"), Tone.WARNING))
    for kind in menu.types:
        leaves: list[Leaf] = [Text(kind.about), *_clauses(school, kind)]
        if menu.address:
            leaves.append(Buttons((Button(OPEN_SURVEY, say("survey.open", title=kind.title), kind.id, opens_form=True),)))
        parts.append(Section(kind.title, tuple(leaves)))
    if not menu.types:
        parts.append(Text(say("survey.none")))
    if menu.surveys:
        parts.append(
            Section(say("survey.opened"), tuple(leaf for one in menu.surveys for leaf in _line(school, one, menu.now)))
        )
    return Form(MENU, say("survey.menu"), tuple(parts))


def _line(school: School, survey: Survey, now: datetime) -> tuple[Leaf, ...]:
    name = say("survey.line", title=survey.type.title, day=_day(school, survey.opened_at), state=_state(school, survey, now))
    look = say("survey.look", title=survey.type.title, day=_day(school, survey.opened_at))
    return (Text(name), Buttons((Button(READ_SURVEY, look, survey.id, opens_form=True),)))


def _state(school: School, survey: Survey, now: datetime) -> str:
    ended = survey.ended_at(now)
    if ended is None:
        return say("survey.state_open", when=dated(school, survey.closes_at))
    return say("survey.state_over", day=_day(school, ended))


def _day(school: School, at: datetime) -> str:
    return day_of(at.astimezone(school.calendar.timezone).date())


def _clauses(school: School, kind: SurveyType) -> tuple[Text, ...]:
    found = "; ".join(points(school, (c for c in kind.cites if _is_known(school, c))))
    return (Text(say("survey.cites", clauses=found), Weight.MUTED),) if found else ()


def _is_known(school: School, clause: str) -> bool:
    """Whether the policy still has a clause: a survey that was opened keeps those that it had then."""
    try:
        school.policy.cite(clause)
    except KeyError:
        return False
    return True


def opening_form(school: School, q: SurveyOpening) -> Form:
    """What is asked, and until when."""
    asked = tuple(Text(say("survey.asks", text=x.text, choices=" · ".join(_labels(x)))) for x in q.type.questions)
    return with_faults(
        Form(
            OPENING,
            say("survey.opening"),
            (
                Text(q.type.title, Weight.HEADING),
                Text(q.type.about),
                *_clauses(school, q.type),
                Section(say("survey.questions"), asked),
                MomentField(CLOSES, say("survey.closes"), q.closes_at, say("survey.closes_hint")),
                Text(say("survey.what_happens", base=school.figures_base), Weight.MUTED),
            ),
            submit=say("survey.submit"),
            state=q.state,
        ),
        q.faults,
    )


def extending_form(school: School, q: SurveyExtension) -> Form:
    """Until when it is open, and until when it is to be."""
    survey = q.survey
    stands = (
        Fact(say("survey.opened_on"), _day(school, survey.opened_at)),
        Fact(say("survey.stands"), say("survey.state_open", when=dated(school, survey.closes_at))),
    )
    hint = say("survey.extend_hint", latest=dated(school, survey.longest))
    return with_faults(
        Form(
            EXTENDING,
            say("survey.extending"),
            (
                Text(survey.type.title, Weight.HEADING),
                Facts(stands),
                MomentField(CLOSES, say("survey.closes"), q.closes_at, hint),
                Text(say("survey.extend_text"), Weight.MUTED),
            ),
            submit=say("survey.extend_submit"),
            state=survey.id,
        ),
        q.faults,
    )


def label(question: SurveyQuestion, value: str) -> str:
    """What a choice is called."""
    return say("survey.skip") if value == SKIP else question.choices.get(value, value)


def _labels(question: SurveyQuestion) -> list[str]:
    return [label(question, value) for value in question.values]


def page_form(school: School, page: SurveyPage) -> Form:
    """What was counted of a survey, as far as it may be shown; its link, for whoever opened it; what can be done."""
    survey = page.survey
    facts = [
        Fact(say("survey.opened_on"), _opened(school, page)),
        Fact(say("survey.stands"), _state(school, survey, page.now)),
        Fact(say("survey.answers"), number(survey.published, survey.published.total) if survey.published else _too_few(survey)),
    ]
    parts: list[Part] = [Text(survey.type.title, Weight.HEADING), *_clauses(school, survey.type), Facts(tuple(facts))]
    if page.link:
        link = (Text(page.link), Text(say("survey.link_text"), Weight.MUTED), Link(say("survey.link_open"), page.link))
        parts.append(Section(say("survey.link"), link))
    if survey.published is None:
        parts.append(Banner(say("survey.hidden", base=survey.base), Tone.INFO))
    else:
        parts += _counted(school, page, survey.published)
    if survey.is_open(page.now):
        sure = Confirm(say("survey.sure_title"), say("survey.sure"), say("survey.close"), say("survey.back"))
        closes = Button(CLOSE_SURVEY, say("survey.close"), survey.id, ButtonStyle.DANGER, opens_form=True, confirm=sure)
        longer = Button(EXTEND_SURVEY, say("survey.extend"), survey.id, opens_form=True)
        parts.append(Buttons((longer, closes) if survey.closes_at < survey.longest else (closes,)))
    return Form(PAGE, say("survey.page"), tuple(parts))


def _opened(school: School, page: SurveyPage) -> str:
    day = _day(school, page.survey.opened_at)
    return say("survey.opened_by", day=day, who=page.opened_by) if page.opened_by else day


def _too_few(survey: Survey) -> str:
    return say("figures.few", base=survey.base)


def number(figures: SurveyFigures | None, count: int) -> str:
    """A number as it is told: what was brought down to none says that there may be some."""
    return str(count) if count or figures is None else say("figures.few", base=figures.base)


def _counted(school: School, page: SurveyPage, figures: SurveyFigures) -> list[Part]:
    survey = page.survey
    parts: list[Part] = [Text(line, Weight.MUTED) for line in about(survey, page.now)]
    for question in survey.type.questions:
        heads, rows = _rows(school, page, figures, question)
        parts += [Text(question.text, Weight.HEADING), Table(question.text, heads, rows, "")]
    return parts


def about(survey: Survey, now: datetime) -> tuple[str, ...]:
    """How the numbers are to be read."""
    told = say("survey.about", base=survey.base, off=survey.base - 1)
    return (
        told,
        say("survey.about_last" if survey.ended_at(now) else "survey.about_open", off=survey.base - 1, base=survey.base),
    )


def _rows(
    school: School, page: SurveyPage, figures: SurveyFigures, question: SurveyQuestion
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    before = page.before if same_question(question, page.before) else None
    heads = [say("survey.choice"), say("survey.count"), say("survey.share")]
    if before is not None:
        heads += [_day(school, before.opened_at), say("survey.share_before")]
    rows = []
    for value in question.values:
        row = [label(question, value), *_told(figures, question, value)]
        if before is not None and before.published is not None:
            row += _told(before.published, question, value)
        rows.append(tuple(row))
    return tuple(heads), tuple(rows)


def _told(figures: SurveyFigures, question: SurveyQuestion, value: str) -> list[str]:
    share = figures.share(question.id, value)
    told = say("survey.unknown") if share is None else say("survey.percent", share=share)
    return [number(figures, figures.counts.get(question.id, {}).get(value, 0)), told]


def csv_surveys(school: School, pages: Sequence[SurveyPage]) -> str:
    """What was counted of surveys, a line for each choice. It names nobody, and says of no one what they chose."""
    heads = [
        say(f"survey.csv_{name}") for name in ("survey", "opened", "over", "answers", "question", "choice", "count", "share")
    ]
    heads += [say(f"survey.csv_{name}") for name in ("before", "count_before", "share_before")]
    rows = []
    for page in pages:
        survey, figures = page.survey, page.survey.published
        if figures is None:
            continue
        ended = survey.ended_at(page.now)
        over = _day(school, ended) if ended is not None else ""
        first = (survey.type.title, _day(school, survey.opened_at), over, number(figures, figures.total))
        for question in survey.type.questions:
            before = page.before if same_question(question, page.before) else None
            for value in question.values:
                row = [*first, question.text, label(question, value), *_told(figures, question, value)]
                if before is not None and before.published is not None:
                    row += [_day(school, before.opened_at), *_told(before.published, question, value)]
                rows.append([*row, *[""] * (len(heads) - len(row))])
    return csv_of(heads, rows)
