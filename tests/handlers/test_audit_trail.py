"""Whatever changes a record, or shows a name or what somebody wrote, leaves an entry in the audit, in the same transaction."""

import ast
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from domain import measures as m
from domain.asking import Answered, Decision, RequestKind
from domain.case_changes import Result
from domain.casework import EntryQuestions, StepsPage
from domain.checklists import KIND, NO_KIND, OWN, TIMES, Checklist
from domain.chronology import ChildQuestions, Chronology
from domain.consents import ConsentFile
from domain.entries import Timeline
from domain.exports import PageKind
from domain.handovers import HandoverReady
from domain.incident import CaseFile, Incident
from domain.log_records import LogRecord
from domain.measures import BlockTask
from domain.people import Kind
from domain.queues import Wanted
from domain.register_terms import RegisterKind
from domain.registers import RecordFile
from domain.report_form import Filled
from domain.retention import Choice, EarlyReason
from domain.signings import AgreementPage
from domain.submissions import SubmissionFile
from domain.surveys import CLOSES, SKIP, Counted, SurveyExtension, SurveyOpening, SurveyPage, SurveySheet
from handlers import (
    agreements,
    ask,
    breaches,
    case_changes,
    casework,
    chronology,
    close,
    consents,
    details,
    digests,
    duties,
    exports,
    figures,
    gaps,
    hand_on,
    handovers,
    keeping,
    lists,
    log_form,
    opening,
    overview,
    readers_log,
    registers,
    report,
    requests,
    sending_back,
    signing,
    subject_access,
    submissions,
    surveys,
)
from handlers.acknowledge import NotForYou
from handlers.hand_on import HandOnQuestions
from handlers.listed import catch_up
from handlers.ports import Records
from handlers.requests import Sent
from handlers.set_right import give_duty, remind_again, set_right
from storage import tables as t
from tests.fakes.watched_store import ASKS, CHANGES, NO_RECORD, SHOWS, SHOWS_NOBODY, Watch
from tests.handlers.office import WHAT, Office

ROOT = Path(__file__).parents[2]
SILENT = "Can I fly a drone over the school field with pupils?"


def opening_transactions() -> set[tuple[str, str]]:
    """Every function of the handlers that opens a transaction, as the code has it."""
    found = set()
    for path in sorted((ROOT / "handlers").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.AsyncFunctionDef) and "store.transaction(" in ast.unparse(node):
                found.add((f"handlers.{path.stem}", node.name))
    return found


def test_every_method_of_the_records_is_judged() -> None:
    """A new one says whether it changes a record, or shows one."""
    methods = {name for name in vars(Records) if not name.startswith("_")}
    kinds = (CHANGES, SHOWS, NO_RECORD.keys(), ASKS)
    assert methods == set().union(*kinds)
    assert sum(map(len, kinds)) == len(methods)
    assert set(SHOWS_NOBODY) <= opening_transactions()


async def test_everything_anybody_does_is_watched(office: Office, watch: Watch) -> None:
    """One story with every handler in it; that each leaves its entry is looked at when it ends, as after every test here."""
    ports, school = office.ports, office.school
    teacher, dsl, deputy = (office.account(who) for who in ("teacher", "dsl", "deputy"))
    child = (await report.suggest(ports, school, office.account("teacher"), "alf"))[0]
    assert child.kind is Kind.PUPIL
    await _a_form_that_is_not_sent(office)

    incident = await office.reports(targets=(f"person:{child.id}", "Mr Novak"), where="the bus")
    alert = (await office.alerts(incident))[0]
    office.post.unknown.add(office.people["dsl"].id)
    await office.works()
    await office.later(hours=2)
    case = await details.read(ports, school, deputy, incident.id)
    assert isinstance(case, CaseFile)
    await details.settle(ports, school, deputy, incident.id, case.possible[0].person_id, same=False)
    await details.settle(ports, school, deputy, incident.id, case.possible[0].person_id, same=False)
    await readers_log.of_case(ports, school, deputy, incident.id)
    await readers_log.of_child(ports, school, deputy, incident.id, child.id)
    await office.acknowledge("deputy", alert)
    asked = await hand_on.ask(ports, school, deputy, alert.id)
    assert isinstance(asked, HandOnQuestions)
    await hand_on.hand_on(ports, school, deputy, alert.id, asked.recipients[0].key, "I am away")
    taker = next(who for who, p in office.people.items() if p.id == asked.recipients[0].person.id)
    await office.acknowledge(taker, await office.alert(incident))
    await office.later(days=3)
    await close.close(ports, school, office.account(taker), alert.id, "Spoken to both", Result.DEALT_WITH)
    await lists.mine(ports, school, teacher)
    await lists.queue(ports, school, dsl)

    private = await office.reports()
    alert = (await office.alerts(private))[0]
    async with office.database.begin() as connection:
        await connection.execute(t.timers.delete().where(t.timers.c.alert_id == alert.id))
    assert await set_right(ports, school, alert.id)
    alone = await office.reports()
    async with office.database.begin() as connection:
        await connection.execute(t.alerts.update().where(t.alerts.c.incident_id == alone.id).values(state="done"))
    assert await give_duty(ports, school, alone.id)
    await catch_up(ports, school)
    await opening.look_up(ports, school, office.account("headteacher"), private.reference)
    await opening.open_case(ports, school, office.account("headteacher"), private.id, "Nobody answers")

    await _a_case_is_worked(office, private.id)
    await _what_is_taken_and_blocked(office)
    await _the_log_form(office, private)
    await _looked_for(office, private.id, child.id)
    await _a_case_is_changed(office, child.id)
    await _a_subject_and_a_breach(office, child.id)
    await _keeping(office, incident.id)
    await _questions(office)
    await office.works()
    await _registers(office)
    await _requests(office)
    await _consents(office)
    await _a_survey(office)
    await _a_term_in_numbers(office)
    await _signed(office)
    assert opening_transactions() - watch.seen == set()


async def _a_case_is_worked(office: Office, incident_id: str) -> None:
    at = office.ports, office.school, office.account("dsl")
    await casework.begin(*at, incident_id)
    await casework.ask(*at, incident_id, "action")
    filled: Filled = {"entry_what": "Ring them", "entry_doer": (office.picked("dsl"),), "entry_status": "to_do"}
    page = await casework.add(*at, f"{incident_id}|action|f|", filled)
    assert isinstance(page, Timeline)
    entry = f"{incident_id}|{page.lines[0].id}"
    await casework.ask_correction(*at, entry)
    await casework.done(*at, entry)
    await casework.timeline(*at, incident_id)
    await casework.steps(*at, incident_id)
    await casework.ask_decision(*at, incident_id)
    await casework.choose(*at, incident_id, {KIND: NO_KIND, TIMES: "first"})
    await casework.decided(*at, f"{incident_id}|||g|", {OWN: "A talk"})
    await lists.to_do(*at)
    await lists.of_filters(*at, Wanted())
    async with office.database.begin() as connection:
        await connection.execute(t.timers.delete().where(t.timers.c.kind == "action"))
    office.clock.advance(minutes=1)
    later = (office.clock.now() + timedelta(days=1)).isoformat()
    left = await casework.add(*at, f"{incident_id}|action|late|", {**filled, "entry_due": later})
    assert isinstance(left, Timeline)
    async with office.database.begin() as connection:
        await connection.execute(t.timers.delete().where(t.timers.c.kind == "action"))
    assert await remind_again(office.ports, office.school, left.lines[-1].id)


async def _what_is_taken_and_blocked(office: Office) -> None:
    """A phone is taken and given back, an account is blocked, and what the policy says to do is done at a press."""
    incident = await office.reports(concern="filter_bypass", house="Brunel")
    await office.acknowledge("dsl", (await office.alerts(incident))[0])
    at = office.ports, office.school, office.account("dsl")
    assert isinstance(await casework.ask(*at, incident.id, "confiscation"), EntryQuestions)
    whom: Filled = {m.FROM: m.NOT_NAMED, m.FROM_WHO: "Cai Sample"}
    phone: Filled = {**whom, m.ITEM: "A phone", m.PLACE: "The safe", "entry_doer": (office.picked("dsl"),)}
    assert isinstance(await casework.add(*at, f"{incident.id}|confiscation|f", {}), EntryQuestions)
    page = await casework.add(*at, f"{incident.id}|confiscation|f", phone)
    assert isinstance(page, Timeline)
    taken = page.lines[-1].id
    assert isinstance(await casework.ask_correction(*at, f"{incident.id}|{taken}"), EntryQuestions)
    assert isinstance(await casework.ask_more(*at, f"{incident.id}|release|{taken}"), EntryQuestions)
    assert isinstance(await casework.add(*at, f"{incident.id}|release|g||{taken}", {m.TO: "His mother"}), Timeline)
    office.clock.advance(minutes=1)
    page = await casework.add(*at, f"{incident.id}|block|h", {**whom, m.BLOCKED: m.Blocked.ACCOUNT})
    assert isinstance(page, Timeline)
    block, it = f"{incident.id}|{page.lines[-1].id}", (office.ports, office.school, office.account("it"))
    assert isinstance(await casework.block_task(*it, block), BlockTask)
    for lifted in (False, True):
        assert isinstance(await casework.carried_out(*it, block, lifted=lifted), BlockTask)
    says = await casework.steps(*at, incident.id)
    assert isinstance(says, StepsPage)
    assert isinstance(says.suggestion, Checklist)
    step = says.suggestion.items[0].action.id
    assert isinstance(await casework.make_action(*at, f"{incident.id}|{step}"), Timeline)
    assert isinstance(await casework.ask_contact(*at, f"{incident.id}|parents"), EntryQuestions)


async def _the_log_form(office: Office, incident: Incident) -> None:
    """It is looked at, taken out, and fetched on the command line."""
    dsl = office.account("dsl")
    at = office.ports, office.school
    assert isinstance(await log_form.look(*at, dsl, incident.id), LogRecord)
    assert isinstance(await log_form.take_out(*at, dsl, incident.id), LogRecord)
    page = exports.new_page(office.ports, PageKind.SUBJECT, dsl.person_id, "log.html", "", (incident.id,))
    await exports.add(*at, dsl, page)
    assert await exports.before(*at, dsl, page.id) == page
    assert await log_form.pages_for(*at, office.people["dsl"].email, incident.reference) == (page,)
    assert await log_form.fetched(*at, page, "pdf", opened=True)


async def _looked_for(office: Office, incident_id: str, child: str) -> None:
    """A child's chronology: of a pupil on the list, of a name that was typed, and of one who is in a case."""
    at = office.ports, office.school, office.account("dsl")
    assert isinstance(await chronology.ask(*at), ChildQuestions)
    for whom in (f"person:{child}", "text:Mr Novak", "text:Nobody At All"):
        assert isinstance(await chronology.search(*at, (whom,)), Chronology)
    assert isinstance(await chronology.search(*at, ()), ChildQuestions)
    assert isinstance(await chronology.of_child(*at, f"|{child}"), Chronology)
    assert await chronology.of_child(*at, f"{incident_id}|{child}") == NotForYou()


async def _a_form_that_is_not_sent(office: Office) -> None:
    ports, school, teacher = office.ports, office.school, office.account("teacher")
    await report.begin(ports, school, teacher, link="https://chat.example/1")
    draft = await office.draft()
    await report.keep_typing(ports, school, teacher, draft, {"what": WHAT})
    await report.begin(ports, school, teacher)
    await report.resume(ports, school, teacher, draft)
    await report.discard(ports, school, teacher, draft)


async def _keeping(office: Office, closed: str) -> None:
    ports, school, dsl = office.ports, office.school, office.account("dsl")
    await keeping.decide(ports, school, dsl, closed, Choice.PROPOSE, EarlyReason.IN_ERROR, "")
    await keeping.look(ports, school, office.account("deputy"), closed)
    await keeping.decide(ports, school, dsl, closed, Choice.HOLD, "", "An inquiry")
    await keeping.decide(ports, school, dsl, closed, Choice.LIFT, "", "")
    office.clock.advance(days=76 * 366)
    assert await keeping.propose_ended(ports, school) == 1
    await keeping.to_decide(ports, school, dsl)
    await keeping.decide(ports, school, dsl, closed, Choice.ERASE, "", "")


async def _a_case_is_changed(office: Office, incident_id: str) -> None:
    """Its category, a link that is taken away again, and what is not to be signed."""
    at, why = (office.ports, office.school, office.account("dsl")), {"change_reason": "His brother says so"}
    await case_changes.begin(*at, incident_id)
    await case_changes.ask(*at, incident_id, "reclassify")
    values = {**why, "change_concern": "threat", "change_urgency": "low"}
    await case_changes.change(*at, f"{incident_id}|reclassify|f", values)
    await case_changes.history(*at, incident_id)
    await case_changes.ask_unlink(*at, f"{incident_id}|none")
    await case_changes.unlink(*at, f"{incident_id}|none|f", why)
    await signing.look(*at, incident_id)
    await signing.sign(*at, f"{incident_id}|none|f", "")
    await sending_back.ask(*at, incident_id)
    await sending_back.send_back(*at, f"{incident_id}|none|f", "Not yet")


async def _a_subject_and_a_breach(office: Office, child: str) -> None:
    ports, school, dsl = office.ports, office.school, office.account("dsl")
    await subject_access.ask(ports, school, dsl)
    await subject_access.gather(ports, school, dsl, (f"person:{child}",))
    await handovers.ask(ports, school, dsl)
    await office.reports(targets=(f"person:{child}",))
    ready = await handovers.prepare(ports, school, dsl, (f"person:{child}",), "Elsewhere School")
    assert isinstance(ready, HandoverReady)
    sent = await handovers.sent(ports, school, dsl, ready, "page.html", "CODE")
    await handovers.receive(ports, school, dsl, sent.id, "CODE")
    page = exports.new_page(ports, PageKind.HANDOVER, dsl.person_id, "page.html", "", ())
    await exports.add(ports, school, dsl, page)
    await exports.keep(ports, school, dsl, page.id)
    await exports.drop(ports, school, dsl, page.id)
    await exports.sweep(ports, school, {"other.html": (ports.clock.now(), "")})
    await breaches.ask(ports, school, dsl)
    what = {"kind": "lost", "what": "A laptop on the train"}
    await breaches.start(ports, school, dsl, "breach-1", what)
    await breaches.start(ports, school, dsl, "breach-1", what)
    await breaches.read(ports, school, dsl, "breach-1")
    office.clock.advance(hours=25)
    assert await breaches.remind(ports, school) == 1
    await breaches.change(ports, school, dsl, "breach-1", {"decision": "no_risk"})
    await breaches.change(ports, school, dsl, "breach-1", {"decision": "no_risk", "reason": "Sealed"})


async def _registers(office: Office) -> None:
    """A risk is written down, changed, due and closed; all of it is taken out."""
    at = office.ports, office.school, office.account("dsl")
    await registers.choose(*at)
    await overview.everything(*at)
    await registers.ask_new(*at, RegisterKind.RISK)
    review = (office.clock.now() + timedelta(hours=1)).isoformat()
    risk = {"reg_risk": "Laptops", "reg_likelihood": "3", "reg_impact": "3", "reg_mitigation": "A filter"}
    filled: Filled = {**risk, "reg_owner": (office.picked("it"),), "reg_review": review}
    made = await registers.save(*at, "risk|f||", filled)
    assert isinstance(made, RecordFile)
    line = made.record.id
    await registers.show(*at, RegisterKind.RISK)
    await registers.ask_change(*at, line)
    for state in (f"risk|g|{line}|7", f"risk|g|{line}|1", f"risk|g|{line}|1"):
        await registers.save(*at, state, filled)
    await registers.read(*at, line, 1)
    await registers.ask_decision(*at, line)
    await office.later(hours=2)
    assert await registers.remind(office.ports, office.school) == 1
    for note in ("", "It is over", "It is over"):
        await registers.decide(*at, f"{line}|2|h", {"reg_state": "closed", "reg_note": note})
    await registers.export(*at, RegisterKind.RISK)


async def _consents(office: Office) -> None:
    """What was said for a pupil is recorded, asked for, changed, withdrawn, and erased when they have left."""
    at = office.ports, office.school, office.account("dsl")
    teacher = office.ports, office.school, office.account("teacher")
    await consents.begin(*teacher)
    whose: Filled = {"consent_pupil": ("text:Bea Exemplar",)}
    for form, values in (("f", {}), ("f", {"consent_by": "parent", "consent_use_website": "yes"})):
        made = await consents.keep(*at, f"|{form}", {**whose, **values})
    assert isinstance(made, ConsentFile)
    entry = made.entry.consent.id
    for name in ("text:Bea Exemplar", "text:Nobody Known", "person:none"):
        await consents.ask(*teacher, {"consent_pupil": (name,), "consent_use": "all"})
    await consents.ask_keep(*at)
    await consents.ask_keep(*at, entry)
    for values in ({}, {"consent_by": "both", "consent_use_press": "no"}):
        await consents.keep(*at, f"{entry}|g", values)
    await consents.read(*at, entry)
    await consents.withdraw(*at, entry)
    await consents.withdraw(*at, entry)
    await consents.left(*at)
    await consents.erase(*at, entry)


async def _requests(office: Office) -> None:
    """A site is opened for a lesson: asked for, asked back, reworded, granted, carried out, over. Another is taken back."""
    office = office.with_holders(head_of_faculty=["brunel head"])
    ports, school = office.ports, office.school
    teacher, head, it = ((ports, school, office.account(who)) for who in ("teacher", "brunel head", "it"))
    await submissions.menu(*teacher)
    await submissions.ask_new(*teacher, "unblock-lesson")
    since, until = (office.clock.now() + timedelta(hours=h) for h in (1, 2))
    filled = {"req_site": "example.org", "req_why": "Maps", "req_since": since.isoformat(), "req_until": until.isoformat()}
    for values in ({}, filled, filled):
        made = await submissions.send(*teacher, "unblock-lesson|f||", values)
    assert isinstance(made, SubmissionFile)
    sent = made.submission.id
    await submissions.menu(*head)
    await submissions.show(*head, "unblock-lesson")
    await submissions.export(*head, "unblock-lesson")
    returned = {"submission_answer": "returned", "submission_note": "Which class?"}
    for answered in ({}, returned, returned):
        await submissions.answer(*head, f"{sent}|1|f", answered)
    await submissions.ask_reword(*teacher, sent)
    await submissions.send(*teacher, f"unblock-lesson|g|{sent}|2", filled)
    await submissions.answer(*head, f"{sent}|3|g", {"submission_answer": "granted"})
    await submissions.read(*it, sent)
    await submissions.do(*it, sent, "unblock")
    await submissions.do(*it, sent, "unblock")
    office.clock.advance(hours=3)
    assert await submissions.ring(ports, school) == 1
    later = {"req_since": office.clock.now().isoformat(), "req_until": (office.clock.now() + timedelta(hours=1)).isoformat()}
    other = await submissions.send(*teacher, "unblock-lesson|h||", {**filled, **later})
    assert isinstance(other, SubmissionFile)
    await submissions.withdraw(*teacher, other.submission.id)
    # The policy drops the type for a while: one waits for an answer, and one is still to be undone.
    await submissions.send(*teacher, "unblock-lesson|i||", {**filled, **later})
    office.clock.advance(days=3)
    assert await submissions.ring(ports, replace(school, policy=replace(school.policy, requests={}))) == 0
    assert await submissions.take_up(ports, school) == 2
    await submissions.end(*teacher, other.submission.id)
    await office.works()


async def _signed(office: Office) -> None:
    office = office.at(replace(office.school, signs=True))
    ports, school = office.ports, office.school
    teacher, lead = ((ports, school, office.account(who)) for who in ("teacher", "dsl"))
    assert await agreements.look(ports, school)
    office.clock.advance(days=4)
    assert await agreements.ring(ports, school)
    await agreements.menu(*teacher)
    page = await agreements.read(*teacher, "acceptable-use")
    assert isinstance(page, AgreementPage)
    for state in ("acceptable-use|another text|f", page.state, page.state):
        await agreements.sign(*teacher, state, {})
    await agreements.gaps(*lead, "training")
    await agreements.export(*lead, "training")
    await agreements.remind(*lead, "training")
    await agreements.ask_attended(*lead, "training")
    there: Filled = {
        "agreement_attended": (f"person:{office.people['teacher'].id}",),
        "agreement_done": office.clock.now().isoformat(),
    }
    nothing: Filled = {}
    for values in (nothing, there, there):
        await agreements.enter_attended(*lead, "training|f", values)
    await office.works()


async def _a_survey(office: Office) -> None:
    """Opened twice with the same form, answered, looked at, reported, extended and closed. Nobody's answer leaves an entry."""
    ports, school = office.ports, replace(office.school, survey_address="https://bot.example")
    lead = (ports, school, office.account("dsl"))
    await surveys.choose(*lead)
    asked = await surveys.ask_open(*lead, "pupils")
    assert isinstance(asked, SurveyOpening)
    assert asked.closes_at is not None
    for _ in range(2):
        opened = await surveys.open_survey(*lead, asked.state, {CLOSES: asked.closes_at.isoformat()})
    assert isinstance(opened, SurveyPage)
    token = opened.link.rpartition("/")[2]
    before = await office.rows(t.audit)
    for _ in range(5):
        assert await surveys.whose(ports, [school], token) is school
        sheet = await surveys.sheet(ports, school, token)
        assert isinstance(sheet, SurveySheet)
        chosen = {surveys.field_of(q.id): [SKIP] for q in sheet.type.questions}
        given = {**chosen, surveys.PAGE: [sheet.page]}
        assert isinstance(await surveys.answer(ports, school, token, given, from_here=True), Counted)
    assert len(await office.rows(t.audit)) == len(before)
    await surveys.look(*lead, opened.survey.id)
    assert len(await surveys.reported(ports, school)) == 1
    longer = {CLOSES: (asked.closes_at + timedelta(days=7)).isoformat()}
    assert isinstance(await surveys.ask_extend(*lead, opened.survey.id), SurveyExtension)
    for _ in range(2):
        assert isinstance(await surveys.extend(*lead, opened.survey.id, longer), SurveyPage)
    await surveys.close(*lead, opened.survey.id)
    noted = [e.action for e in await office.rows(t.audit) if e.action.startswith("survey")]
    opened_and_read = ["survey.opened", "survey.read", "survey.read", "surveys.reported"]
    assert noted == [*opened_and_read, "survey.extended", "survey.read", "survey.read", "survey.closed", "survey.read"]


async def _a_term_in_numbers(office: Office) -> None:
    ports, school, today = office.ports, office.school, office.clock.now().date()
    office.clock.advance(days=60)
    assert await figures.make_due(ports, school)
    await figures.look(ports, school, office.account("chair"))
    await digests.draft(ports, school, office.account("dsl"))
    # On the first school day of the spring term.
    office.clock.at = datetime(2027, 1, 11, 10, tzinfo=UTC)
    assert await duties.ring(ports, school)
    office.clock.advance(days=7)
    assert await duties.ring(ports, school)
    await duties.look(ports, school, office.account("teacher"))
    async with ports.store.transaction(school, write=False) as records:
        duty = (await records.duties(today))[0]
    await duties.finish(ports, school, office.account("dsl"), duty.id)
    await duties.finish(ports, school, office.account("headteacher"), duty.id)
    await figures.for_governors(ports, school, today - timedelta(days=365), today + timedelta(days=60))


async def _questions(office: Office) -> None:
    ports, school, teacher, dsl = office.ports, office.school, office.account("teacher"), office.account("dsl")
    await ask.keep(ports, school, teacher, SILENT)
    answered = await ask.ask(ports, school, teacher, SILENT)
    assert isinstance(answered, Answered)
    await ask.again(ports, school, teacher, answered.state)
    await ask.misread(ports, school, teacher, answered.state)
    await gaps.gaps(ports, school, dsl)
    await gaps.read(ports, school, dsl, "")
    await gaps.settle(ports, school, dsl, "")
    await requests.begin(ports, school, teacher, RequestKind.QUESTION, answered.state)
    sent = await requests.send(ports, school, teacher, RequestKind.QUESTION, answered.state, SILENT)
    assert isinstance(sent, Sent)
    await requests.read(ports, school, teacher, sent.request.id)
    await requests.read(ports, school, dsl, sent.request.id)
    await requests.decide(ports, school, dsl, sent.request.id, Decision.TOLD, "")
    await requests.decide(ports, school, dsl, sent.request.id, Decision.TOLD, "Not with pupils")
    await requests.decide(ports, school, dsl, sent.request.id, Decision.TOLD, "Not with pupils")
