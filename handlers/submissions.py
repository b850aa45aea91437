"""What staff ask for and declare under the request types of their policy: sent, answered in order, carried out, ended.

Each step is a version of its own, in the audit by a commitment in the same transaction. Where one stands decides who is told
what next; what is told carries a reference and the type's title, and none of its words. The right is checked on each request.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from domain.access import (
    answerers_of,
    doers_of,
    may_come_to,
    may_end,
    may_handle_breach,
    may_read_all,
    may_read_submission,
    may_send,
    may_use_record,
    submission_answers,
    submission_tasks,
    told_of_it,
)
from domain.breaches import BreachKind
from domain.deadlines import months_after
from domain.exports import MadeAlready, Page
from domain.incident import Delivery, MessageKind, Outgoing
from domain.messages import SubmissionMessage, SubmissionPart, WithdrawnMessage
from domain.people import Account, Person, School, Staff
from domain.register_terms import RegisterAct
from domain.report_form import LONGEST_TEXT, Fault, Filled
from domain.request_types import LONGEST, LONGEST_LINE, Item, ItemType, RequestType
from domain.submissions import (
    ANSWER_FIELD,
    NOTE_FIELD,
    Doing,
    Led,
    LedTo,
    Place,
    RequestMenu,
    Submission,
    SubmissionExport,
    SubmissionFile,
    SubmissionLine,
    SubmissionPage,
    SubmissionQuestions,
    SubmissionState,
    SubmissionVersion,
    Values,
    after,
    sent,
    standing,
    step_of,
    tasks_of,
)
from handlers import filled
from handlers.acknowledge import NotForYou
from handlers.alerting import on_platforms
from handlers.ask import own, same_id
from handlers.breaches import begin as begin_breach
from handlers.exports import made_with
from handlers.ports import Ports, Records
from handlers.registers import close_filter, log_filter
from handlers.rights import member, viewer
from handlers.working import AtTheDesk

PAGE_LINES = 8
MOST_LISTED = 8
"""So many of what is to answer, to do, or one's own are shown at once."""

_LONGEST_ID = 36
_MOST_RUNG = 50
_PAGE = 64
_MOST_TAKEN_UP = 500
_ENDED_BY_ITSELF = ""
_ANSWERING = frozenset({Doing.ADVISED, Doing.GRANTED, Doing.REFUSED, Doing.RETURNED})
_WITHOUT_A_NOTE = frozenset({Doing.GRANTED, Doing.DONE, Doing.WITHDRAWN, Doing.ENDED})

SendOutcome: TypeAlias = SubmissionQuestions | SubmissionFile | NotForYou
AnswerOutcome: TypeAlias = SubmissionFile | NotForYou


@dataclass(frozen=True, slots=True)
class _Desk(AtTheDesk):
    """Somebody who asks, answers or looks."""

    @property
    def staff(self) -> Staff:
        return self.looking.staff

    def kind(self, type_id: str) -> RequestType | None:
        return self.school.policy.requests.get(type_id)

    async def submission(self, submission_id: str) -> tuple[RequestType, Submission] | None:
        """One with its type, if they may read it. Of a type that the policy no longer has nothing can be said."""
        found = await self.records.submission(submission_id) if 0 < len(submission_id) <= _LONGEST_ID else None
        kind = self.kind(found.type) if found is not None else None
        if found is None or kind is None or not may_read_submission(self.looking, kind, found):
            return None
        return kind, found


async def _desk(ports: Ports, records: Records, school: School, account: Account) -> _Desk:
    return _Desk(ports, records, await viewer(records, school, account), ports.clock.now())


# To look at


async def menu(ports: Ports, school: School, account: Account) -> RequestMenu | NotForYou:
    """What somebody may ask for, and what there is of theirs: to answer, to do, and what they have asked for."""
    async with ports.store.transaction(school) as records:
        desk = await _desk(ports, records, school, account)
        if not desk.person or not school.policy.requests:
            return NotForYou()
        to_answer, to_do = await _waiting(desk)
        own = await records.submissions_by(desk.person, MOST_LISTED + 1)
        more = max(len(to_answer), len(to_do), len(own)) > MOST_LISTED
        to_answer, to_do, own = to_answer[:MOST_LISTED], to_do[:MOST_LISTED], own[:MOST_LISTED]
        lines = await _lines(desk, [*to_answer, *to_do, *own])
        if to_answer or to_do:
            await desk.note("submission.listed", answer=len(to_answer), do=len(to_do))
        by_group = [
            (group, tuple(k for k in school.policy.requests.values() if k.group == group and may_send(desk.looking, k)))
            for group in school.policy.request_groups
        ]
        return RequestMenu(
            tuple((group, kinds) for group, kinds in by_group if kinds),
            tuple(lines[s.id] for s in to_answer),
            tuple(lines[s.id] for s in to_do),
            tuple(lines[s.id] for s in own if s.id in lines),
            tuple(k for k in school.policy.requests.values() if may_read_all(desk.looking, k)),
            more,
        )


async def _waiting(desk: _Desk) -> tuple[list[Submission], list[Submission]]:
    """What somebody has to answer, and what to carry out: one more of each than is shown, if there are so many."""
    to_answer, to_do, after_key = list[Submission](), list[Submission](), None
    steps, types = may_come_to(desk.looking)
    while len(to_answer) <= MOST_LISTED and len(to_do) <= MOST_LISTED:
        page = await desk.records.unsettled_submissions(steps, types, after_key, _PAGE)
        for found in page:
            kind = desk.kind(found.type)
            if kind is not None and submission_answers(desk.looking, kind, found):
                to_answer.append(found)
            elif kind is not None and submission_tasks(desk.looking, kind, found):
                to_do.append(found)
        if len(page) < _PAGE:
            break
        after_key = page[-1].changed_at, page[-1].id
    return to_answer, to_do


async def show(
    ports: Ports, school: School, account: Account, type_id: str, *, live: bool = True, after_key: str = ""
) -> SubmissionPage | NotForYou:
    """A page of all requests of a type, for those who may read all of them. It is noted as read."""
    async with ports.store.transaction(school) as records:
        desk = await _desk(ports, records, school, account)
        kind = desk.kind(type_id)
        if kind is None or not may_read_all(desk.looking, kind):
            return NotForYou()
        key = _key(after_key)
        found = await records.submissions_of(kind.id, desk.person, live=live, after=key, most=PAGE_LINES + 1)
        page = found[:PAGE_LINES]
        lines = await _lines(desk, page)
        last = page[-1] if len(found) > PAGE_LINES else None
        await desk.note("submission.listed", type=kind.id)
        more = f"{last.sent_at.astimezone(UTC).isoformat()}|{last.id}" if last is not None else ""
        return SubmissionPage(kind, live, tuple(lines[s.id] for s in page if s.id in lines), more, begins=key is None)


async def export(
    ports: Ports, school: School, account: Account, type_id: str, page_id: str = ""
) -> SubmissionExport | MadeAlready | NotForYou:
    """All requests of a type with all that was done with them, for those who may read all of them. It is noted.

    `page_id`: of the page that is to be made. Where there is one, nothing is taken out a second time.
    """
    async with ports.store.transaction(school) as records:
        desk = await _desk(ports, records, school, account)
        kind = desk.kind(type_id)
        if kind is None or not may_read_all(desk.looking, kind):
            return NotForYou()
        made = await made_with(records, page_id, desk.now) if page_id else ""
        if isinstance(made, Page):
            return MadeAlready(made)
        found = list[SubmissionFile]()
        for submission in await records.submissions_of(kind.id, desk.person):
            versions = await records.submission_versions(submission.id)
            names = await _names_in(desk, kind, submission, versions)
            history = tuple((v, names.get(v.person_id, "")) for v in versions)
            found.append(SubmissionFile(kind, submission, names.get(submission.asker_id, ""), versions[-1], history, names))
        await desk.note("submission.exported", type=kind.id, lines=len(found))
        return SubmissionExport(kind, desk.now, tuple(found))


async def read(ports: Ports, school: School, account: Account, submission_id: str) -> SubmissionFile | NotForYou:
    """A request with all that was done with it, and what the reader may do. It is noted as read."""
    async with ports.store.transaction(school) as records:
        desk = await _desk(ports, records, school, account)
        found = await desk.submission(submission_id)
        return await _file(desk, *found) if found is not None else NotForYou()


# To ask for


async def ask_new(
    ports: Ports, school: School, account: Account, type_id: str, asked_id: str = ""
) -> SubmissionQuestions | NotForYou:
    """The form of a type. `asked_id`: a question of theirs that led there, whose words begin the first text."""
    async with ports.store.transaction(school, write=False) as records:
        desk = await _desk(ports, records, school, account)
        kind = desk.kind(type_id)
        if kind is None or not may_send(desk.looking, kind):
            return NotForYou()
        first = next((i for i in kind.items if i.type is ItemType.TEXT), None)
        asked = await own(ports, records, account, asked_id) if asked_id else None
        known: Filled = {first.field: asked.text[:LONGEST]} if first is not None and asked is not None else {}
        return SubmissionQuestions(kind, ports.new_id(), desk.now, known, waits_for=_first_asked(desk, kind))


async def ask_reword(ports: Ports, school: School, account: Account, submission_id: str) -> SubmissionQuestions | NotForYou:
    """The form of one that came back to whoever asked, as it was filled in."""
    async with ports.store.transaction(school, write=False) as records:
        desk = await _desk(ports, records, school, account)
        found = await desk.submission(submission_id)
        if found is None or found[1].asker_id != desk.person or found[1].place.state is not SubmissionState.RETURNED:
            return NotForYou()
        kind, submission = found
        newest = (await records.submission_versions(submission.id))[-1]
        before: dict[str, str | tuple[str, ...]] = {}
        for item in kind.items:
            value = newest.values.get(item.id, "")
            is_staff = item.type is ItemType.STAFF
            before[item.field] = (
                ((f"{filled.PERSON}{value}",) if desk.staff.get(value) is not None else ()) if is_staff else value
            )
        names = _names(desk, kind, before)
        return SubmissionQuestions(
            kind, ports.new_id(), desk.now, before, names=names, record=submission, asked_back=newest.note
        )


async def send(ports: Ports, school: School, account: Account, state: str, values: Filled) -> SendOutcome:
    """Keeps a request, or the new wording of one that came back. The same form sent again changes nothing."""
    type_id, form_id, submission_id, seen = (*state.split("|"), "", "", "", "")[:4]
    async with ports.store.transaction(school) as records:
        desk = await _desk(ports, records, school, account)
        kind = desk.kind(type_id)
        if kind is None or not form_id or not desk.person:
            return NotForYou()
        kept_as = same_id("submission", kind.id, submission_id, desk.person, form_id)
        if submission_id:
            outcome = await _reword(desk, kind, submission_id, seen, form_id, kept_as, values)
        else:
            outcome = await _begin(desk, kind, form_id, kept_as, values)
    ports.wake()
    return outcome


# To answer and to do


async def answer(ports: Ports, school: School, account: Account, state: str, values: Filled) -> AnswerOutcome:
    """Keeps an answer with what was said to it. The first one stands: who comes later is shown it.

    The same form sent again changes nothing.
    """
    submission_id, seen, form_id = (*state.split("|"), "", "", "")[:3]
    async with ports.store.transaction(school) as records:
        desk = await _desk(ports, records, school, account)
        found = await desk.submission(submission_id)
        if found is None or not form_id:
            return NotForYou()
        kind, submission = found
        kept_as = same_id("submission", submission_id, desk.person, form_id)
        if await records.has_submission_version(kept_as):
            return await _file(desk, kind, submission, saved=True)
        allowed = submission_answers(desk.looking, kind, submission)
        if not allowed:
            return await _file(desk, kind, submission)
        chosen, note = filled.text(values, ANSWER_FIELD), filled.text(values, NOTE_FIELD)
        doing = next((d for d in allowed if d == chosen), None)
        faults: dict[str, Fault] = {}
        if doing is None:
            faults[ANSWER_FIELD] = Fault.UNKNOWN_CHOICE if chosen else Fault.MISSING
        if len(note) > LONGEST or (not note and doing not in _WITHOUT_A_NOTE):
            faults[NOTE_FIELD] = Fault.TOO_LONG if note else Fault.WHY_NEEDED if doing is not None else Fault.MISSING
        stale = seen != str(submission.versions)
        if doing is None or faults or stale:
            said = {ANSWER_FIELD: chosen if doing is not None else "", NOTE_FIELD: note}
            file = await _file(desk, kind, submission)
            return replace(file, form_id=form_id, filled=said, faults=faults, stale=stale)
        newest = (await records.submission_versions(submission.id))[-1]
        until = _until(desk, kind, newest.values)
        return await _done(desk, kind, submission, newest, doing, kept_as, note=note, until=until)


async def do(ports: Ports, school: School, account: Account, submission_id: str, task_id: str) -> AnswerOutcome:
    """Says that a task is done. Pressed by two, the first one did it."""
    return await _simply(ports, school, account, submission_id, Doing.DONE, task_id)


async def withdraw(ports: Ports, school: School, account: Account, submission_id: str) -> AnswerOutcome:
    """Takes one's own request back, as long as nobody has answered it."""
    return await _simply(ports, school, account, submission_id, Doing.WITHDRAWN)


async def end(ports: Ports, school: School, account: Account, submission_id: str) -> AnswerOutcome:
    """Says that what was allowed or declared is over."""
    return await _simply(ports, school, account, submission_id, Doing.ENDED)


async def _simply(
    ports: Ports, school: School, account: Account, submission_id: str, doing: Doing, task_id: str = ""
) -> AnswerOutcome:
    async with ports.store.transaction(school) as records:
        desk = await _desk(ports, records, school, account)
        found = await desk.submission(submission_id)
        if found is None:
            return NotForYou()
        kind, submission = found
        match doing:
            case Doing.DONE:
                allowed = task_id in {t.id for t in submission_tasks(desk.looking, kind, submission)}
            case Doing.WITHDRAWN:
                allowed = submission.asker_id == desk.person
            case _:
                allowed = may_end(desk.looking, kind, submission)
        if not allowed or after(kind, submission.place, doing, task=task_id) is None:
            return await _file(desk, kind, submission)
        newest = (await records.submission_versions(submission.id))[-1]
        kept_as = same_id("submission", submission.id, doing, str(submission.versions), task_id)
        if doing is Doing.DONE:
            await _log_filter(desk, kind, submission, newest, task_id)
        outcome = await _done(desk, kind, submission, newest, doing, kept_as, task=task_id)
    ports.wake()
    return outcome


# What it leads to


def _breach_of(submission: Submission) -> str:
    """The id of the breach that one has opened: sent twice, it opens one."""
    return same_id("breach", submission.id)


def _line_of(submission: Submission) -> str:
    """The id of its line in the register of filter changes."""
    return same_id("filter", submission.id)


async def _open_breach(desk: _Desk, kind: RequestType, new: Submission, values: Values) -> None:
    """Starts the clock of a breach, from when whoever sent it became aware, where the type says so."""
    opens = kind.breach
    if opens is None:
        return
    besides = {opens.found, opens.kind, opens.caused}
    told = ((item, _in_words(item, values, desk.staff)) for item in kind.items if item.id not in besides)
    what = "\n".join([new.reference, *(f"{item.label} {words}" for item, words in told if words)])
    caused = frozenset({values[opens.caused]}) if values.get(opens.caused) else frozenset[str]()
    how = BreachKind(values[opens.kind].replace("-", "_"))
    found_at = datetime.fromisoformat(values[opens.found])
    await begin_breach(desk, _breach_of(new), how, found_at, what[:LONGEST_TEXT], caused, new.id)


async def _log_filter(desk: _Desk, kind: RequestType, submission: Submission, newest: SubmissionVersion, task: str) -> None:
    """Has the filter's register say what was done, or that it was undone, where the type says so."""
    log = kind.filter
    if log is None or task not in {log.done, log.closed}:
        return
    if task == log.closed:
        await close_filter(desk, _line_of(submission), submission.reference)
        return
    versions = await desk.records.submission_versions(submission.id)
    agreed = next((v.person_id for v in reversed(versions) if v.doing is Doing.GRANTED), "")
    until = submission.place.until
    values = {
        "change": log.change,
        "what": newest.values.get(log.what, ""),
        "why": newest.values.get(log.why, ""),
        "asked_by": submission.asker_id,
        "since": desk.now.isoformat(),
        **({"until": until.isoformat()} if until is not None else {}),
        "request": submission.reference,
    }
    await log_filter(desk, _line_of(submission), values, agreed)


async def _led_to(desk: _Desk, kind: RequestType, submission: Submission) -> tuple[LedTo, ...]:
    """What has come of one elsewhere, with the way there for those alone who may read it there."""
    found = list[LedTo]()
    if kind.breach is not None and (breach := await desk.records.breach_state(_breach_of(submission))) is not None:
        theirs = may_handle_breach(desk.looking, breach.caused_by)
        found.append(LedTo(Led.BREACH, breach.id, breach.reference) if theirs else LedTo(Led.BREACH))
    if kind.filter is not None and (line := await desk.records.register_record(_line_of(submission), hold=False)) is not None:
        theirs = may_use_record(desk.looking, RegisterAct.READ, line)
        found.append(LedTo(Led.FILTER, line.id, line.reference) if theirs else LedTo(Led.FILTER))
    return tuple(found)


# What comes by itself


async def ring(ports: Ports, school: School) -> int:
    """Looks at the requests of which it is time: ends what is over, reminds of what nobody answers or does; of how many."""
    now, count = ports.clock.now(), 0
    async with ports.store.transaction(school, write=False) as records:
        due = await records.submissions_due(now, _MOST_RUNG)
    for submission_id in due:
        async with ports.store.transaction(school) as records:
            submission = await records.submission(submission_id)
            kind = school.policy.requests.get(submission.type) if submission is not None else None
            if submission is None or kind is None:
                # The policy no longer has that type: nobody can be told what it is.
                await records.look_at_submission(submission_id, None, now)
                await records.note(now, "bot", "submission.left", submission=submission_id)
                continue
            if not await records.look_at_submission(
                submission_id, _next_at(school, kind, submission.place, now, again=True), now
            ):
                continue
            desk = _Desk(ports, records, member(school, await records.staff(), ""), now)
            if _is_over(submission.place, now):
                await _ended(desk, kind, submission)
            else:
                await _remind(desk, kind, submission)
            count += 1
    if count:
        ports.wake()
    return count


async def take_up(ports: Ports, school: School) -> int:
    """Has those looked at again whose type the policy did not have for a while, and has once more; of how many."""
    now, count = ports.clock.now(), 0
    async with ports.store.transaction(school, write=False) as records:
        left = await records.left_submissions(list(school.policy.requests), _MOST_TAKEN_UP)
    for submission_id in left:
        async with ports.store.transaction(school) as records:
            submission = await records.submission(submission_id)
            kind = school.policy.requests.get(submission.type) if submission is not None else None
            if submission is None or kind is None:
                continue
            over = _is_over(submission.place, now)
            at = now if over else _next_at(school, kind, submission.place, now, again=True)
            if at is not None and await records.take_up_submission(submission_id, at):
                await records.note(now, "bot", "submission.taken_up", submission=submission_id)
                count += 1
    return count


def _is_over(place: Place, now: datetime) -> bool:
    return place.state is SubmissionState.GRANTED and place.until is not None and place.until <= now


async def _ended(desk: _Desk, kind: RequestType, submission: Submission) -> None:
    newest = (await desk.records.submission_versions(submission.id))[-1]
    kept_as = same_id("submission", submission.id, Doing.ENDED, str(submission.versions))
    await _kept(desk, kind, submission, newest, Doing.ENDED, kept_as, by=_ENDED_BY_ITSELF)


async def _remind(desk: _Desk, kind: RequestType, submission: Submission) -> None:
    """Once more to those who have to answer or to do it, and to those who come after them; or to whoever asked that it ends."""
    at = f"again.{desk.now:%Y%m%d%H%M}"
    if step_of(kind, submission.place) is not None:
        people = answerers_of(desk.looking, kind, submission)
        await _send(desk, submission, f"{SubmissionPart.ANSWER}.{submission.place.step}.{submission.versions}.{at}", people)
    for task in tasks_of(kind, submission.place):
        step = f"{SubmissionPart.TASK}.{task.id}.{at}"
        await _send(desk, submission, step, doers_of(desk.looking, kind, submission, task.id))
    asker = desk.staff.get(submission.asker_id)
    if _warns(kind, submission.place, desk.now) and asker is not None:
        await _send(desk, submission, f"{SubmissionPart.ENDING}.{submission.versions}", (asker,))
    await desk.records.note(desk.now, "bot", "submission.reminded", submission=submission.id)


def _warns(kind: RequestType, place: Place, now: datetime) -> bool:
    if place.state is not SubmissionState.GRANTED or place.until is None or not kind.term.warn_days:
        return False
    return place.until - timedelta(days=kind.term.warn_days) <= now < place.until


def _next_at(school: School, kind: RequestType, place: Place, now: datetime, *, again: bool = False) -> datetime | None:
    """When one is to be looked at next: when an answer or a task is late, shortly before a yes ends, and when it does.

    `again`: what was late once is brought up on each school day.
    """
    moments = list[datetime]()
    step = step_of(kind, place)
    if step is not None:
        moments.append(school.calendar.morning(1 if again else step.days, now))
    moments += [school.calendar.morning(1 if again else task.days, now) for task in tasks_of(kind, place)]
    if place.state is SubmissionState.GRANTED and place.until is not None:
        moments.append(place.until)
        if kind.term.warn_days:
            moments.append(place.until - timedelta(days=kind.term.warn_days))
    return min((at for at in moments if at > now), default=None)


# What is told


async def of_submission(
    records: Records, school: School, delivery: Delivery, submission_id: str, now: datetime
) -> SubmissionMessage | WithdrawnMessage | None:
    """What a message about a request says now; None where nobody needs it any more. Whoever may not read it is told nothing."""
    submission = await records.submission(submission_id, hold=False)
    kind = school.policy.requests.get(submission.type) if submission is not None else None
    if submission is None or kind is None:
        return None
    reader, stands = member(school, await records.staff(), delivery.address.id), delivery.message_id is not None
    if not may_read_submission(reader, kind, submission):
        return WithdrawnMessage(submission.reference) if stands else None
    word, _, rest = delivery.step.rpartition(":")[2].partition(".")
    part, of = SubmissionPart(word), rest.partition(".")[0]
    place, task = submission.place, kind.task(of)
    match part:
        case SubmissionPart.ANSWER:
            mine = reader.person in {p.id for p in answerers_of(reader, kind, submission)}
            settled = step_of(kind, place) is None or of != str(place.step) or not mine
        case SubmissionPart.TASK:
            settled = task is None or task.id not in place.tasks
        case SubmissionPart.ENDING:
            settled = not _warns(kind, place, now)
        case SubmissionPart.ASKER | SubmissionPart.TOLD:
            settled = False
    if settled and not stands:
        return None
    return SubmissionMessage(
        submission.id,
        submission.reference,
        kind.title,
        part,
        place.state,
        task.id if task is not None else "",
        task.title if task is not None else "",
        place.until,
        late=".again." in delivery.step,
        settled=settled,
    )


async def _tell(desk: _Desk, kind: RequestType, before: Submission | None, now: Submission, doing: Doing) -> None:
    """Tells whoever has to do something with one next, and whoever waits for it."""
    place, asker = now.place, desk.staff.get(now.asker_id)
    if step_of(kind, place) is not None:
        people = answerers_of(desk.looking, kind, now, late=False)
        await _send(desk, now, f"{SubmissionPart.ANSWER}.{place.step}.{now.versions}", people)
    for task in tasks_of(kind, place):
        if before is None or task.id not in before.place.tasks:
            await _send(desk, now, f"{SubmissionPart.TASK}.{task.id}", doers_of(desk.looking, kind, now, task.id))
    first = before is None or before.place.state is not SubmissionState.GRANTED
    if place.state is SubmissionState.GRANTED and first:
        await _send(desk, now, SubmissionPart.TOLD.value, told_of_it(desk.looking, kind, now))
    by_themselves = doing in {Doing.SENT, Doing.REWORDED, Doing.WITHDRAWN} or (doing is Doing.DONE and place.tasks)
    if asker is not None and not by_themselves and desk.person != asker.id:
        await _send(desk, now, f"{SubmissionPart.ASKER}.{now.versions}", (asker,))


async def _send(desk: _Desk, submission: Submission, step: str, people: Iterable[Person]) -> None:
    deliveries = [
        Delivery(desk.ports.new_id(), None, None, MessageKind.SUBMISSION, place, submission_id=submission.id, step=step)
        for person in people
        for place in on_platforms(desk.ports.platforms, person)
    ]
    if deliveries:
        await desk.records.set_going(Outgoing(deliveries=deliveries), desk.now)


# What is kept


async def _begin(desk: _Desk, kind: RequestType, form_id: str, kept_as: str, values: Filled) -> SendOutcome:
    if not may_send(desk.looking, kind):
        return NotForYou()
    # A request and its first version have one id: the same form finds it again.
    before = await desk.records.submission(kept_as)
    if before is not None:
        return await _file(desk, kind, before, saved=True)
    kept, faults = _filled_in(desk, kind, values)
    if faults:
        names, first = _names(desk, kind, values), _first_asked(desk, kind)
        return SubmissionQuestions(kind, form_id, desk.now, values, faults, names, waits_for=first)
    year = desk.school.calendar.year(desk.now)
    reference = await desk.records.new_reference("submissions", f"{desk.school.prefix}-P", year)
    place = sent(kind, _until(desk, kind, kept), kind.whom(kept))
    version = SubmissionVersion(kept_as, kept_as, 1, desk.person, desk.now, Doing.SENT, place, kept)
    new = Submission(kept_as, kind.id, reference, desk.person, desk.now, desk.now, 1, place)
    next_at = _next_at(desk.school, kind, place, desk.now)
    committed = await desk.records.add_submission(new, version, next_at)
    await desk.note("submission.sent", **_said(new, version), committed=committed)
    await _open_breach(desk, kind, new, kept)
    await _tell(desk, kind, None, new, Doing.SENT)
    return await _file(desk, kind, new, saved=True)


async def _reword(
    desk: _Desk, kind: RequestType, submission_id: str, seen: str, form_id: str, kept_as: str, values: Filled
) -> SendOutcome:
    found = await desk.submission(submission_id)
    if found is None or found[0] is not kind or found[1].asker_id != desk.person:
        return NotForYou()
    submission = found[1]
    if await desk.records.has_submission_version(kept_as):
        return await _file(desk, kind, submission, saved=True)
    if submission.place.state is not SubmissionState.RETURNED:
        return await _file(desk, kind, submission)
    newest = (await desk.records.submission_versions(submission_id))[-1]
    stale = seen != str(submission.versions)
    kept, faults = _filled_in(desk, kind, values)
    if faults or stale:
        names = _names(desk, kind, values)
        return SubmissionQuestions(
            kind, form_id, desk.now, values, faults, names, record=submission, asked_back=newest.note, stale=stale
        )
    until = _until(desk, kind, kept)
    return await _done(desk, kind, submission, replace(newest, values=kept), Doing.REWORDED, kept_as, until=until)


async def _done(
    desk: _Desk,
    kind: RequestType,
    submission: Submission,
    newest: SubmissionVersion,
    doing: Doing,
    kept_as: str,
    *,
    note: str = "",
    task: str = "",
    until: datetime | None = None,
) -> SubmissionFile:
    now_stands = await _kept(desk, kind, submission, newest, doing, kept_as, note=note, task=task, until=until)
    desk.ports.wake()
    return await _file(desk, kind, now_stands, saved=True)


async def _kept(
    desk: _Desk,
    kind: RequestType,
    submission: Submission,
    newest: SubmissionVersion,
    doing: Doing,
    kept_as: str,
    *,
    note: str = "",
    task: str = "",
    until: datetime | None = None,
    by: str | None = None,
) -> Submission:
    ends = desk.now if doing is Doing.ENDED else until
    place = after(kind, submission.place, doing, until=ends, task=task)
    if place is None:
        raise AssertionError("what cannot be done with it was refused before")
    if doing is Doing.REWORDED:
        place = replace(place, about=kind.whom(newest.values))
    number = submission.versions + 1
    person = desk.person if by is None else by
    version = SubmissionVersion(kept_as, submission.id, number, person, desk.now, doing, place, newest.values, note, task)
    now_stands = standing(submission, version)
    next_at = _next_at(desk.school, kind, place, desk.now)
    committed = await desk.records.add_submission_version(now_stands, version, next_at)
    await desk.records.note(
        desk.now,
        desk.actor if by is None else "bot",
        "submission.changed",
        incident_id=None,
        **_said(now_stands, version),
        committed=committed,
    )
    await _tell(desk, kind, submission, now_stands, doing)
    return now_stands


def _said(submission: Submission, version: SubmissionVersion) -> dict[str, str | int]:
    """What the audit says of it beside the commitment: ids and closed words alone."""
    return {
        "submission": submission.id,
        "version": version.id,
        "number": version.number,
        "type": submission.type,
        "doing": version.doing,
        "state": version.place.state,
    }


def _until(desk: _Desk, kind: RequestType, values: Values) -> datetime | None:
    """How long a yes that is given now would hold."""
    if kind.term.field:
        said = values.get(kind.term.field, "")
        return datetime.fromisoformat(said) if said else None
    return months_after(desk.now, kind.term.months, desk.school.calendar.timezone) if kind.term.months else None


# What is shown


async def _file(desk: _Desk, kind: RequestType, submission: Submission, *, saved: bool = False) -> SubmissionFile:
    """A request as somebody with a right to it is shown it. That it was read is noted, unless by whoever asked."""
    versions = await desk.records.submission_versions(submission.id)
    newest = versions[-1]
    names = await _names_in(desk, kind, submission, versions)
    if desk.person != submission.asker_id:
        await desk.note("submission.read", submission=submission.id)
    own = submission.asker_id == desk.person
    state = submission.place.state
    return SubmissionFile(
        kind,
        submission,
        names.get(submission.asker_id, ""),
        newest,
        tuple((v, names.get(v.person_id, "")) for v in versions),
        names,
        tuple(p.name for p in answerers_of(desk.looking, kind, submission, late=False)),
        submission_answers(desk.looking, kind, submission),
        submission_tasks(desk.looking, kind, submission),
        tasks_of(kind, submission.place),
        may_reword=own and state is SubmissionState.RETURNED,
        may_withdraw=own and state in {SubmissionState.WAITING, SubmissionState.RETURNED},
        may_end=may_end(desk.looking, kind, submission),
        led_to=await _led_to(desk, kind, submission),
        form_id=desk.ports.new_id(),
        saved=saved,
    )


async def _names_in(
    desk: _Desk, kind: RequestType, submission: Submission, versions: Iterable[SubmissionVersion]
) -> Mapping[str, str]:
    """Of all who stand in a request, by id: who asked, who did something with it, whom its fields name."""
    staff = [item.id for item in kind.items if item.type is ItemType.STAFF]
    ids = {submission.asker_id, *(x for v in versions for x in (v.person_id, *(v.values.get(i, "") for i in staff)))}
    return await desk.records.names_of_staff(ids - {""})


async def _lines(desk: _Desk, found: Collection[Submission]) -> dict[str, SubmissionLine]:
    worded = await desk.records.submission_wordings([s.id for s in found])
    names = await desk.records.names_of_staff({s.asker_id for s in found})
    lines = {}
    for s in found:
        kind = desk.kind(s.type)
        if kind is not None:
            headline = _headline(kind, worded[s.id].values, desk.staff)
            lines[s.id] = SubmissionLine(s, kind.title, headline, names.get(s.asker_id, ""))
        elif s.asker_id == desk.person:
            # That there is one is all that can be said of a type that the policy no longer has.
            lines[s.id] = SubmissionLine(s)
    return lines


def _headline(kind: RequestType, values: Values, staff: Staff) -> str:
    """What stands for a request in a list: the first line of its form, in words."""
    return _in_words(kind.headline, values, staff)


def _in_words(item: Item, values: Values, staff: Staff) -> str:
    """A field as people read it; a moment is none of these."""
    value = values.get(item.id, "")
    match item.type:
        case ItemType.CHOICE:
            return (item.options or {}).get(value, "")
        case ItemType.STAFF:
            person = staff.get(value)
            return person.name if person is not None else ""
        case ItemType.MOMENT:
            return ""
        case ItemType.TEXT | ItemType.LINE:
            return value


def _first_asked(desk: _Desk, kind: RequestType) -> tuple[str, ...]:
    """Who would be asked first, were it sent now."""
    place = sent(kind, None)
    new = Submission("", kind.id, "", desk.person, desk.now, desk.now, 1, place)
    return tuple(p.name for p in answerers_of(desk.looking, kind, new, late=False))


# What is filled in


def _filled_in(desk: _Desk, kind: RequestType, values: Filled) -> tuple[dict[str, str], dict[str, Fault]]:
    """What was filled in as it is kept, and what is wrong with it, by the field of the form."""
    kept, faults = dict[str, str](), dict[str, Fault]()
    for item in kind.items:
        value = _value(desk, item, values)
        if isinstance(value, Fault):
            faults[item.field] = value
        elif value:
            kept[item.id] = value
        elif item.required:
            faults[item.field] = Fault.MISSING
    found = kind.item(kind.breach.found) if kind.breach is not None else None
    if found is not None and found.id in kept and datetime.fromisoformat(kept[found.id]) > desk.now + filled.CLOCK_DRIFT:
        faults[found.field] = Fault.IN_FUTURE
    ends = kind.item(kind.term.field) if kind.term.field else None
    if ends is not None and (until := kept.get(ends.id)):
        since = kept.get(kind.since, "")
        if datetime.fromisoformat(until) <= desk.now:
            faults[ends.field] = Fault.IN_PAST
        elif since and datetime.fromisoformat(until) <= datetime.fromisoformat(since):
            faults[ends.field] = Fault.BEFORE_ITS_START
    return kept, faults


def _value(desk: _Desk, item: Item, values: Filled) -> str | Fault:
    typed = filled.text(values, item.field)
    match item.type:
        case ItemType.TEXT:
            return typed if len(typed) <= LONGEST else Fault.TOO_LONG
        case ItemType.LINE:
            line = " ".join(typed.split())
            return line if len(line) <= LONGEST_LINE else Fault.TOO_LONG
        case ItemType.CHOICE:
            return typed if not typed or typed in (item.options or {}) else Fault.UNKNOWN_CHOICE
        case ItemType.STAFF:
            person = filled.of_staff(desk.staff, values, item.field)
            return person.id if person is not None else Fault.NOT_STAFF if filled.picked(values, item.field) else ""
        case ItemType.MOMENT:
            faults = dict[str, Fault]()
            at = filled.moment(desk.school, values, item.field, faults)
            return faults.get(item.field) or (at.isoformat() if at is not None else "")


def _names(desk: _Desk, kind: RequestType, values: Filled) -> Mapping[str, str]:
    """The labels of people who are picked in a form."""
    fields = [item.field for item in kind.items if item.type is ItemType.STAFF]
    return {field: filled.label(desk.staff, values, field) for field in fields if filled.picked(values, field)}


def _key(text: str) -> tuple[datetime, str] | None:
    at, _, last = text.partition("|")
    try:
        moment = datetime.fromisoformat(at)
    except (ValueError, OverflowError):
        return None
    return (moment, last[:_LONGEST_ID]) if moment.tzinfo is not None else None
