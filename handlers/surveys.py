"""Surveys: run by those who lead, from the opening to the end; answered by whoever has the link, of whom nothing is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import TypeAlias

from domain.access import Viewer, may_run_surveys, may_see_survey_link
from domain.people import Account, School
from domain.report_form import Fault, Filled
from domain.surveys import (
    CLOSES,
    LONGEST_OPEN,
    USUALLY_OPEN,
    Counted,
    Survey,
    SurveyExtension,
    SurveyMenu,
    SurveyOpening,
    SurveyPage,
    SurveySheet,
    SurveyType,
    publication,
)
from handlers import filled as f
from handlers.acknowledge import NotForYou
from handlers.ask import same_id
from handlers.ports import Ports, Records, actor
from handlers.rights import viewer

PAGE = "page"
"""The field in which a page of the public form hands back what it was shown with."""
MOST_LISTED = 12
_MOST_REPORTED = 200
_CLOSES_AT = time(18, 0)
_USUALLY_LONGER = timedelta(days=7)
_MOST_BEFORE = 5

OpenOutcome: TypeAlias = SurveyPage | SurveyOpening | NotForYou
ExtendOutcome: TypeAlias = SurveyPage | SurveyExtension | NotForYou


async def choose(ports: Ports, school: School, account: Account) -> SurveyMenu | NotForYou:
    """What may be opened, and what was."""
    async with ports.store.transaction(school, write=False) as records:
        if not may_run_surveys(await viewer(records, school, account)):
            return NotForYou()
        known = await records.surveys(most=MOST_LISTED)
    return SurveyMenu(tuple(school.policy.surveys.values()), tuple(known), school.survey_address, ports.clock.now())


async def ask_open(ports: Ports, school: School, account: Account, type_id: str) -> SurveyOpening | NotForYou:
    """The form that opens one: its questions, and until when."""
    async with ports.store.transaction(school, write=False) as records:
        looking = await viewer(records, school, account)
    kind = _may_open(looking, type_id)
    if kind is None:
        return NotForYou()
    last = (ports.clock.now() + USUALLY_OPEN).astimezone(school.calendar.timezone).date()
    closes = datetime.combine(last, _CLOSES_AT, school.calendar.timezone)
    return SurveyOpening(kind, f"{kind.id}|{ports.new_id()}", closes, {})


def _may_open(looking: Viewer, type_id: str) -> SurveyType | None:
    may = may_run_surveys(looking) and bool(looking.school.survey_address)
    return looking.school.policy.surveys.get(type_id) if may else None


async def open_survey(ports: Ports, school: School, account: Account, state: str, values: Filled) -> OpenOutcome:
    """Opens one. The same form sent again opens no other, and shows the same link."""
    type_id, _, form_id = state.partition("|")
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        looking = await viewer(records, school, account)
        kind = _may_open(looking, type_id)
        if kind is None or not form_id or looking.person is None:
            return NotForYou()
        faults: dict[str, Fault] = {}
        closes = f.moment(school, values, CLOSES, faults)
        if closes is None:
            faults.setdefault(CLOSES, Fault.MISSING)
        elif closes <= now:
            faults[CLOSES] = Fault.IN_PAST
        elif closes > now + LONGEST_OPEN:
            faults[CLOSES] = Fault.TOO_FAR
        if closes is None or faults:
            return SurveyOpening(kind, state, closes, faults)
        survey_id = same_id("survey", kind.id, looking.person, form_id)
        known = await records.survey(survey_id)
        if known is None:
            known = Survey(survey_id, kind, looking.person, now, closes, school.figures_base)
            await records.add_survey(known)
            until = closes.isoformat(timespec="minutes")
            await records.note(now, actor(account), "survey.opened", survey=survey_id, type=kind.id, until=until)
        else:
            await records.note(now, actor(account), "survey.read", survey=survey_id)
        return await _page(ports, records, looking, known, now)


async def look(ports: Ports, school: School, account: Account, survey_id: str) -> SurveyPage | NotForYou:
    """What was counted, as far as it may be shown. That it was looked at is noted."""
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        run = await _run_by(records, school, account, survey_id)
        if run is None:
            return NotForYou()
        looking, survey = run
        return await _shown(ports, records, looking, account, survey, now)


async def ask_extend(ports: Ports, school: School, account: Account, survey_id: str) -> ExtendOutcome:
    """The form that lets one run longer. One that is over stays over, and its page says so."""
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        run = await _run_by(records, school, account, survey_id)
        if run is None:
            return NotForYou()
        looking, survey = run
        if not survey.is_open(now):
            return await _shown(ports, records, looking, account, survey, now)
        return SurveyExtension(survey, min(survey.closes_at + _USUALLY_LONGER, survey.longest), {})


async def extend(ports: Ports, school: School, account: Account, survey_id: str, values: Filled) -> ExtendOutcome:
    """Moves the end of one that takes answers to a later day. Whoever may open one may extend any of the school's.

    The same form sent again changes nothing.
    """
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        run = await _run_by(records, school, account, survey_id)
        if run is None:
            return NotForYou()
        looking, survey = run
        if not survey.is_open(now):
            return await _shown(ports, records, looking, account, survey, now)
        faults: dict[str, Fault] = {}
        closes = f.moment(school, values, CLOSES, faults)
        if closes is None:
            faults.setdefault(CLOSES, Fault.MISSING)
        elif closes < survey.closes_at:
            faults[CLOSES] = Fault.NOT_LATER
        elif closes > survey.longest:
            faults[CLOSES] = Fault.TOO_FAR
        if closes is None or faults:
            return SurveyExtension(survey, closes, faults)
        if closes != survey.closes_at:
            await records.extend_survey(survey.id, closes)
            until = closes.isoformat(timespec="minutes")
            await records.note(now, actor(account), "survey.extended", survey=survey.id, until=until)
            survey = replace(survey, closes_at=closes)
        return await _shown(ports, records, looking, account, survey, now)


async def close(ports: Ports, school: School, account: Account, survey_id: str) -> SurveyPage | NotForYou:
    """Takes no more answers. Whoever may open one may close any of the school's."""
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        run = await _run_by(records, school, account, survey_id)
        if run is None:
            return NotForYou()
        looking, survey = run
        if survey.is_open(now):
            await records.close_survey(survey.id, now)
            await records.note(now, actor(account), "survey.closed", survey=survey.id)
            survey = replace(survey, closed_at=now)
        return await _shown(ports, records, looking, account, survey, now)


async def _run_by(records: Records, school: School, account: Account, survey_id: str) -> tuple[Viewer, Survey] | None:
    """Who looks and the survey, held; None where there is none, or where they may not run surveys: nobody is told which."""
    looking = await viewer(records, school, account)
    survey = await records.survey(survey_id) if may_run_surveys(looking) else None
    return None if survey is None else (looking, survey)


async def _shown(
    ports: Ports, records: Records, looking: Viewer, account: Account, survey: Survey, now: datetime
) -> SurveyPage:
    """Its page, with what may be shown by now. That somebody looks is noted."""
    survey = await _published(ports, records, survey)
    await records.note(now, actor(account), "survey.read", survey=survey.id)
    return await _page(ports, records, looking, survey, now)


async def _published(ports: Ports, records: Records, survey: Survey) -> Survey:
    """The same with what may be shown by now. The survey is held, so that of two who look at once both see the same."""
    total, counts = await records.survey_counts(survey.id)
    made = publication(survey, total, counts, ports.new_id())
    if made is None:
        return survey
    await records.publish_survey(survey.id, made)
    return replace(survey, seen=made.seen, lot=made.lot, published=made.figures)


async def _page(ports: Ports, records: Records, looking: Viewer, survey: Survey, now: datetime) -> SurveyPage:
    shown = survey.is_open(now) and looking.school.survey_address and may_see_survey_link(looking, survey)
    link = link_of(looking.school, await records.survey_token(survey.id)) if shown else ""
    before = await _before(ports, records, survey)
    opener = looking.staff.get(survey.opened_by)
    return SurveyPage(survey, now, link, before, opener.name if opener is not None else "")


async def _before(ports: Ports, records: Records, survey: Survey) -> Survey | None:
    """The last one of the same kind of which something may be shown, whether or not somebody has looked at it yet."""
    for one in await records.surveys(survey.type.id, before=survey.opened_at, most=_MOST_BEFORE):
        held = await records.survey(one.id)
        found = await _published(ports, records, held) if held is not None else one
        if found.published is not None:
            return found
    return None


def link_of(school: School, token: str) -> str:
    """The address of the public page."""
    return f"{school.survey_address}/survey/{token}"


async def reported(ports: Ports, school: School) -> tuple[SurveyPage, ...]:
    """Every survey of which anything was published, the newest first, each with the one before it. That it was asked is noted.

    For the command line: it is given what somebody has looked at in the chat and makes nothing, so that whoever runs it learns
    nothing more.
    """
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        found = [survey for survey in await records.surveys(most=_MOST_REPORTED) if survey.published is not None]
        await records.note(now, "command", "surveys.reported", surveys=len(found))
    return tuple(
        SurveyPage(one, now, before=next((b for b in found[n + 1 :] if b.type.id == one.type.id), None))
        for n, one in enumerate(found)
    )


# Whoever has the link


async def whose(ports: Ports, schools: Sequence[School], token: str) -> School | None:
    """Which of these schools has the survey behind a link, open or not. It is asked once, however many schools there are."""
    if not schools:
        return None
    async with ports.store.transaction(schools[0], write=False) as records:
        school_id = await records.school_of_survey(token)
    return next((school for school in schools if school.id == school_id), None)


async def sheet(ports: Ports, school: School, token: str) -> SurveySheet | None:
    """The form behind a link; None where there is no such survey, or where it is over: nobody is told which."""
    now = ports.clock.now()
    async with ports.store.transaction(school, write=False) as records:
        survey = await records.survey_of_token(token, hold=False)
        if survey is None or not survey.is_open(now):
            return None
        return await _sheet(records, survey, {}, {})


async def answer(
    ports: Ports, school: School, token: str, given: Mapping[str, Sequence[str]], *, from_here: bool
) -> Counted | SurveySheet | None:
    """Counts the answers of somebody who has the link. `given`: each field's values; `from_here`: sent by our own page.

    Nothing is noted of it: an entry would say when somebody answered.
    """
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        survey = await records.survey_of_token(token)
        if survey is None or not survey.is_open(now):
            return None
        chosen, faults = _read(survey, given)
        (page,) = given.get(PAGE, ()) if len(given.get(PAGE, ())) == 1 else ("",)
        stale = not from_here or not await records.is_survey_page(survey.id, page)
        if faults or stale:
            return await _sheet(records, survey, chosen, faults, stale=stale)
        await records.count_answer(survey, page, chosen)
    return Counted(survey.type.title)


def field_of(question_id: str) -> str:
    """What a question's field is called in the public form."""
    return f"q-{question_id}"


def _read(survey: Survey, given: Mapping[str, Sequence[str]]) -> tuple[dict[str, str], dict[str, Fault]]:
    chosen: dict[str, str] = {}
    faults: dict[str, Fault] = {}
    for question in survey.type.questions:
        values = given.get(field_of(question.id), ())
        if len(values) == 1 and values[0] in question.values:
            chosen[question.id] = values[0]
        else:
            faults[question.id] = Fault.UNKNOWN_CHOICE if any(values) else Fault.MISSING
    return chosen, faults


async def _sheet(
    records: Records, survey: Survey, chosen: Mapping[str, str], faults: Mapping[str, Fault], *, stale: bool = False
) -> SurveySheet:
    page = await records.new_survey_page(survey.id)
    return SurveySheet(survey.type, page, survey.closes_at, chosen, faults, stale)
