"""Two schools of one trust, in which every kind of case of the table that a school can have exists once."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml

from bot.running import Bot
from bot.settings import DEMO_SCHOOLS
from domain.access import Act
from domain.asking import Answered, RequestKind
from domain.breaches import BreachFile
from domain.case_changes import Result
from domain.consents import ConsentFile
from domain.duties import Duty, DutyKind
from domain.exports import PageKind
from domain.handovers import HandoverReady
from domain.incident import Incident
from domain.people import Account, Kind, Platform, Standing
from domain.registers import RecordFile
from domain.report_form import DetailQuestions
from domain.retention import Choice, EarlyReason
from domain.submissions import SubmissionFile
from domain.surveys import CLOSES, SurveyPage
from handlers import (
    acknowledge,
    agreements,
    ask,
    breaches,
    close,
    consents,
    exports,
    handovers,
    keeping,
    registers,
    report,
    requests,
    submissions,
    surveys,
)
from handlers.acknowledge import Acknowledged
from handlers.breaches import FormValues
from handlers.close import Closed
from handlers.duties import ring
from handlers.report import Reported
from handlers.requests import Sent
from storage.people_files import carry_out, plan_import, read_people
from storage.policy_files import POLICY_FOLDER
from storage.store import Store
from tests.access.table import Cell, Table

SODBURY, YATE = "sodbury", "yate"


@dataclass(frozen=True, slots=True)
class Somebody:
    """Somebody at the schools: their standing in the table, and for how they are let in what the chat says of the account."""

    name: str
    row: str
    at: str = SODBURY
    email: str = ""
    account: str = "member"


def _staff(name: str, row: str, at: str = SODBURY) -> Somebody:
    return Somebody(name, row, at, f"{name.split(maxsplit=1)[0].lower()}@{at}.example")


PEOPLE: Mapping[str, Somebody] = {
    "dsl": _staff("Dana Okafor", "dsl"),
    "deputy": _staff("Maja Lindqvist", "deputy"),
    "head": _staff("Helen Pemberton", "head"),
    "senior": _staff("Solomon Prentice", "senior"),
    "chair": _staff("Chidi Adeyemi", "chair"),
    "governor": _staff("Gus Ferrar", "governor"),
    "brunel": _staff("Bryn Marsh", "brunel"),
    "cabot": _staff("Kit Devlin", "cabot"),
    "it": _staff("Iga Nowak", "it"),
    "reporter": _staff("Tess Whitlock", "teacher.reported"),
    "colleague": _staff("Petra Quennell", "teacher"),
    "accused": _staff("Norris Umbridge", "teacher"),
    "supply": Somebody("Sam Temple", "supply", SODBURY, "sam@agency.example"),
    "otherdsl": _staff("Yves Lebrun", "otherdsl", YATE),
    "otherhead": _staff("Hana Yeo", "otherhead", YATE),
    "otherteacher": _staff("Yara Tutor", "otherteacher", YATE),
    "otherreporter": _staff("Yannis Crane", "", YATE),
    "guest": Somebody("Dana Okafor", "dsl.guest", SODBURY, "dana@sodbury.example", "guest"),
    "stranger": Somebody("Dana Okafor", "dsl.stranger", SODBURY, "dana@sodbury.example", "stranger"),
    "bot": Somebody("Dana Okafor", "dsl.bot", SODBURY, "dana@sodbury.example", "bot"),
    "gone": Somebody("Dana Okafor", "dsl.gone", SODBURY, "dana@sodbury.example", "gone"),
}
PLAYERS = tuple(who for who, somebody in PEOPLE.items() if somebody.row)
_HELD = {
    SODBURY: {
        "dsl": "dsl",
        "deputy_dsl": "deputy",
        "headteacher": "head",
        "senior_leadership": "senior",
        "chair_of_governors": "chair",
        "governors": "governor",
        "it_support": "it",
    },
    YATE: {"dsl": "otherdsl", "headteacher": "otherhead"},
}
_PUPILS = {
    SODBURY: ("P1,Alfie Demosson,Brunel,8C", "P2,Bea Exemplar,Brunel,8C", "P3,Cai Placeholder,Cabot,10B"),
    YATE: ("P1,Zeb Farthing,Brunel,8C",),
}
PLANTED = (
    *("Alfie", "Demosson", "Bea Exemplar", "Cai Placeholder", "Zeb", "Farthing", "Umbridge", "Lindquist", "Wanda Witness"),
    *("velociraptor", "zanzibar"),
)
"""Names and words of the cases and of what was asked: none of them may come back to somebody who is refused."""
DOOR = "http://127.0.0.1:3978"
"""Where the schools' surveys are answered."""
QUESTION = "Can I run a lunchtime club over video for zanzibar pupils?"


@dataclass(frozen=True, slots=True)
class Kept:
    """A case of the schools: its kind in the table, whom it names, its ids, and its alerts by the table's names."""

    kind: str
    names: frozenset[str]
    school: str
    id: str
    reference: str
    alerts: Mapping[str, str]
    pupil: str
    told: str
    closed: bool
    by: str
    child: str = ""

    def column(self, who: str) -> str:
        """The kind of case that it is for somebody who asks at the door of the school that it is of."""
        if who in self.names:
            return "namedstaff" if self.kind in ("staff", "lowlevel") else "named"
        return "otherdoor" if self.school == YATE else self.kind

    def cell(self, table: Table, who: str) -> Cell:
        """What somebody may do with it."""
        row = PEOPLE[who].row
        if row == "teacher.reported" and self.by != who:
            row = "teacher"
        return table.cells[row, self.column(who)]


@dataclass(slots=True)
class Town:
    """What has been reported and asked, and who everybody is.

    `proposed`: a case, in none of the lists here, that the lead wants erased early. By their ids: `page`, `breach`,
    `handover`, `survey` and `line`, a change of the filter; `of_dsl`: a request about the lead.
    """

    bot: Bot
    platform: Platform
    users: Mapping[str, str]
    persons: dict[str, str] = field(default_factory=dict)
    pupils: dict[str, str] = field(default_factory=dict)
    cases: list[Kept] = field(default_factory=list)
    request: str = ""
    sent: str = ""
    duty: str = ""
    of_dsl: str = ""
    proposed: Kept | None = None
    page: str = ""
    breach: str = ""
    survey: str = ""
    handover: str = ""
    line: str = ""
    consent: str = ""

    def account(self, who: str) -> Account:
        """Their account on this chat."""
        somebody = PEOPLE[who]
        user = self.users.get(who) or self.persons[who]
        return Account(self.platform, user, somebody.email, somebody.name, self.persons[who], Standing.MEMBER)


@dataclass(frozen=True, slots=True)
class _Plan:
    kind: str
    concern: str
    about: str
    target: str = ""
    perpetrator: str = ""
    names: tuple[str, ...] = ()
    school: str = SODBURY
    by: str = "reporter"
    closed_by: tuple[tuple[str, str], ...] = ()


_PLANS = (
    _Plan("pupil", "cyberbullying", "pupil", "Bea Exemplar", "Alfie Demosson"),
    _Plan("otherhouse", "account_misuse", "pupil", "", "Cai Placeholder"),
    _Plan("child", "grooming", "pupil", "Bea Exemplar"),
    _Plan("data", "data_loss", "external"),
    _Plan("tech", "harmful_content", "unknown", "Bea Exemplar"),
    _Plan("staff", "staff_conduct", "staff", "", "Norris Umbridge", ("accused",)),
    _Plan("lowlevel", "low_level_concern", "staff", "", "Norris Umbridge", ("accused",)),
    _Plan("thehead", "staff_conduct", "headteacher", "", "Helen Pemberton"),
    _Plan(
        "closed", "cyberbullying", "pupil", "Bea Exemplar", "Alfie Demosson", closed_by=(("house", "deputy"), ("dsl", "dsl"))
    ),
    # A head of house whom it names as its target, and a deputy whom a name that was typed with a slip may mean.
    _Plan("pupil", "cyberbullying", "pupil", "Bryn Marsh", "Alfie Demosson", ("brunel",)),
    _Plan("child", "grooming", "pupil", "Maja Lindquist", "Alfie Demosson", ("deputy",)),
    _Plan("otherdoor", "cyberbullying", "pupil", "", "Zeb Farthing", (), YATE, "otherreporter"),
)

_PROPOSED = _Plan(
    "closed",
    "cyberbullying",
    "pupil",
    "Chidi Adeyemi",
    "Alfie Demosson",
    ("chair",),
    closed_by=(("house", "deputy"), ("dsl", "dsl")),
)
RECEIPT = "ABCD-EFGH-JKMN-PQRS-TVWX"
"""The code that stands in the page for the next school."""
OF_A_COLLEAGUE = """
  - id: of-a-colleague
    group: accounts
    title: What a colleague does with an account
    about: It goes to those who lead.
    form:
      - {id: what, type: line, label: What is it about?}
      - {id: who, type: staff, label: Which colleague?}
    answers: [{who: [dsl]}]
    reads: [dsl, deputy_dsl, senior_leadership, it_support]
    cites: [all-staff.1]
"""
"""A type whose form names a colleague: no policy has one so far."""
UNBLOCKED = {"reg_change": "unblocked", "reg_what": "zanzibar.example", "reg_why": "For a lesson"}
"""A change of the filter, as it is filled in."""


CONSENTED = {"consent_by": "parent", "consent_use_website": "yes"}
"""What was said for a pupil, as it is filled in."""


def write_files(folder: Path, teams: Mapping[str, str] | None = None) -> Path:
    """The files of both schools, and their lists. `teams`: the Slack workspace of each."""
    folder.mkdir()
    pack = folder.parent / "packs" / "chipping-sodbury"
    shutil.copytree(POLICY_FOLDER / "chipping-sodbury", pack)
    file = pack / "requests.yaml"
    file.write_text(file.read_text(encoding="utf-8").rstrip() + OF_A_COLLEAGUE, encoding="utf-8")
    demo = yaml.safe_load((DEMO_SCHOOLS / "chipping-sodbury.yaml").read_text())
    for school, prefix in ((SODBURY, "SOD"), (YATE, "YTE")):
        roles: dict[str, Any] = {role: [PEOPLE[who].email] for role, who in _HELD[school].items()}
        if school == SODBURY:
            roles["head_of_house"] = {"Brunel": [PEOPLE["brunel"].email], "Cabot": [PEOPLE["cabot"].email]}
        else:
            roles["head_of_house"] = {"Brunel": [PEOPLE["otherdsl"].email]}
        more = {
            "name": f"{school.title()} School",
            "prefix": prefix,
            "roles": roles,
            "channels": {},
            "surveys": {"address": DOOR},
            "policy": str(pack),
        }
        if teams:
            more["slack_team"] = teams[school]
        (folder / f"{school}.yaml").write_text(yaml.safe_dump({**demo, **more}))
        staff = [
            f"{p.name},{p.email}," for p in PEOPLE.values() if p.at == school and p.account == "member" and p.row != "supply"
        ]
        (folder / f"{school}.csv").write_text("\n".join(["name,email,line_manager", *staff]))
        (folder / f"{school}-pupils.csv").write_text("\n".join(["id,name,house,form", *_PUPILS[school]]))
    return folder


async def settle_in(bot: Bot, platform: Platform, folder: Path, users: Mapping[str, str], now: Any) -> Town:
    """Takes the lists over. `users`: everybody's id on this chat; without one it is the person's own, as in the console."""
    town = Town(bot, platform, users)
    for school in bot.schools.values():
        async with Store(bot.database).transaction(school) as records:
            for kind, file in ((Kind.STAFF, f"{school.id}.csv"), (Kind.PUPIL, f"{school.id}-pupils.csv")):
                await carry_out(records, await plan_import(records, kind, read_people(folder / file, kind)), now)
        async with Store(bot.database).transaction(school, write=False) as records:
            staff = await records.staff()
            for line in _PUPILS[school.id]:
                name = line.split(",")[1]
                (town.pupils[name],) = (p.id for p in await records.search_people(name, 5) if p.name == name)
        for who, somebody in PEOPLE.items():
            person = staff.by_email(somebody.email)
            if person is not None and somebody.account == "member":
                town.persons[who] = person.id
    return town


async def report_everything(town: Town, table: Table) -> None:
    """Reports a case of every kind, closes two of them, and asks what the policy does not say."""
    for number, plan in enumerate((*_PLANS, _PROPOSED)):
        incident = await _report(town, plan, f"velociraptor{number}")
        alerts = await _alerts(town, plan, incident, table)
        for key, who in plan.closed_by:
            ports, school = _of(town, plan.school)
            taken = await acknowledge.acknowledge(ports, school, town.account(who), alerts[key])
            assert isinstance(taken, Acknowledged)
            assert isinstance(
                await close.close(ports, school, town.account(who), alerts[key], "velociraptor end", Result.DEALT_WITH), Closed
            )
        pupil = next((town.pupils[n] for n in (plan.target, plan.perpetrator) if n in town.pupils), "")
        kept = Kept(
            plan.kind,
            frozenset(plan.names),
            plan.school,
            incident.id,
            incident.reference,
            alerts,
            pupil,
            f"velociraptor{number} did",
            bool(plan.closed_by),
            plan.by,
            await _part_of(town, plan, incident, pupil),
        )
        if plan is _PROPOSED:
            town.proposed = kept
        else:
            town.cases.append(kept)
    await _keep_records(town)
    ports, school = _of(town, SODBURY)
    account = town.account("reporter")
    answered = await ask.ask(ports, school, account, QUESTION)
    assert isinstance(answered, Answered)
    sent = await requests.send(ports, school, account, RequestKind.QUESTION, answered.state, QUESTION)
    assert isinstance(sent, Sent)
    assert sent.request.asked == (town.persons["dsl"],)
    town.request = sent.request.id
    asked = await submissions.send(ports, school, account, f"unblock-lesson|{uuid4()}||", for_a_lesson(ports.clock.now()))
    assert isinstance(asked, SubmissionFile)
    town.sent = asked.submission.id
    town.duty = await _reminded(town)
    whose: FormValues = {"consent_pupil": (f"person:{town.pupils['Bea Exemplar']}",), "consent_note": "zanzibar slip"}
    said = await consents.keep(ports, school, town.account("dsl"), f"|{uuid4()}", {**whose, **CONSENTED})
    assert isinstance(said, ConsentFile)
    town.consent = said.entry.consent.id
    of_dsl: FormValues = {"req_what": "zanzibar", "req_staff_who": (f"person:{town.persons['dsl']}",)}
    asked = await submissions.send(ports, school, account, f"of-a-colleague|{uuid4()}||", of_dsl)
    assert isinstance(asked, SubmissionFile)
    town.of_dsl = asked.submission.id
    await ask.misread(ports, school, account, answered.state)


async def _reminded(town: Town) -> str:
    """Whoever is to be reminded of the calendar, or asked to sign, is, so that none of it comes in between.

    The id of the review whose day is past.
    """
    for name in (YATE, SODBURY):
        ports, school = _of(town, name)
        await ring(ports, school)
        await agreements.look(ports, school)
        async with ports.store.transaction(school) as records:
            for signer_id in await records.signers_due(ports.clock.now(), 1000):
                signer = await records.signer(signer_id)
                assert signer is not None
                await records.save_signer(replace(signer, next_at=None))
    async with ports.store.transaction(school, write=False) as records:
        found: list[Duty] = await records.duties(ports.clock.now().date())
    return next(duty.id for duty in found if duty.occasion.kind is DutyKind.REVIEW)


def for_a_lesson(now: datetime) -> FormValues:
    """What is filled in to have a site unblocked for a week."""
    said = {"site": "zanzibar.example", "why": "Maps", "since": now.isoformat(), "until": (now + timedelta(days=7)).isoformat()}
    return {f"req_{name}": value for name, value in said.items()}


async def _keep_records(town: Town) -> None:
    """Proposes to erase a case early, makes a page, hands a pupil over, finds a breach that the head has caused.

    And IT writes down a change of the filter, to which another must agree, and the lead asks parents.
    """
    ports, school = _of(town, SODBURY)
    lead, deputy = town.account("dsl"), town.account("deputy")
    assert town.proposed is not None
    erasing = Choice.PROPOSE, EarlyReason.IN_ERROR, ""
    assert isinstance(await keeping.decide(ports, school, lead, town.proposed.id, *erasing), keeping.KeepingDecided)
    page = exports.new_page(ports, PageKind.SUBJECT, lead.person_id, "SOD-2026-11-24-00000000.html", "0" * 64, ())
    await exports.add(ports, school, lead, page)
    bea = (f"person:{town.pupils['Bea Exemplar']}",)
    ready = await handovers.prepare(ports, school, lead, bea, "zanzibar Academy")
    assert isinstance(ready, HandoverReady)
    sent = await handovers.sent(ports, school, lead, ready, "SOD-2026-11-24-00000001.html", RECEIPT)
    found: FormValues = {"kind": "lost", "what": "A list of zanzibar pupils", "caused": (f"person:{town.persons['head']}",)}
    assert isinstance(await breaches.start(ports, school, deputy, str(uuid4()), found), BreachFile)
    async with Store(town.bot.database).transaction(school, write=False) as records:
        (breach,) = await records.unfinished_breaches()
    town.page, town.handover, town.breach = page.id, sent.id, breach.id
    line = await registers.save(ports, school, town.account("it"), f"filtering|{uuid4()}||", UNBLOCKED)
    assert isinstance(line, RecordFile)
    town.line = line.record.id
    until = {CLOSES: (ports.clock.now() + timedelta(days=7)).isoformat()}
    asked = await surveys.open_survey(ports, school, lead, f"parents|{uuid4()}", until)
    assert isinstance(asked, SurveyPage)
    town.survey = asked.survey.id


def _of(town: Town, school: str) -> Any:
    desk = town.bot.desks[school]
    return desk.ports, desk.school


async def _report(town: Town, plan: _Plan, planted: str) -> Incident:
    ports, school = _of(town, plan.school)
    account, draft = town.account(plan.by), str(uuid4())
    kind = {"concern": plan.concern, "about": plan.about, "danger": "no"}
    assert isinstance(await report.choose_kind(ports, school, account, draft, kind), DetailQuestions)
    details: dict[str, str | tuple[str, ...]] = {"what": f"{planted} did it", "repeat": "no", "illegal": "no"}
    for part, name in (("targets", plan.target), ("perpetrators", plan.perpetrator)):
        if name:
            details[part] = (_choice(town, name),)
    details["witnesses"] = ("text:Wanda Witness",)
    outcome = await report.submit(ports, school, account, draft, details)
    assert isinstance(outcome, Reported), outcome
    return outcome.incident


def _choice(town: Town, name: str) -> str:
    listed = {PEOPLE[who].name: person for who, person in town.persons.items()} | town.pupils
    return f"person:{listed[name]}" if name in listed else f"text:{name}"


async def _part_of(town: Town, plan: _Plan, incident: Incident, pupil: str) -> str:
    """By which id a pupil stands in a case."""
    _, school = _of(town, plan.school)
    async with Store(town.bot.database).transaction(school, write=False) as records:
        return next((p.id for p in await records.participants(incident.id) if pupil and p.person_id == pupil), "")


async def _alerts(town: Town, plan: _Plan, incident: Incident, table: Table) -> dict[str, str]:
    """The alerts by the table's names for them: the case must be of the kind that the table says it is."""
    _, school = _of(town, plan.school)
    async with Store(town.bot.database).transaction(school, write=False) as records:
        found = {(tuple(map(str, a.roles)), a.group): a.id for a in await records.alerts_of(incident.id)}
    column = table.columns[plan.kind]
    if plan.school == SODBURY:
        assert set(found) == set(column.alerts.values()), f"{plan.kind}: {sorted(found)}"
        assert incident.private == column.private
        return {key: found[wanted] for key, wanted in column.alerts.items()}
    return {"-".join(roles): alert for (roles, _), alert in found.items()}


def queue_of(table: Table, town: Town, who: str) -> set[str]:
    """The references in somebody's queue at their own school: of what is open."""
    found = [c for c in town.cases if c.school == PEOPLE[who].at and not c.closed]
    return {c.reference for c in found if Act.LIST in c.cell(table, who).acts}


def own_reports(town: Town, who: str) -> set[str]:
    """The references of what somebody has reported."""
    return {c.reference for c in town.cases if c.by == who}
