"""Who may do what: the one place that decides. Whatever nothing here allows is refused, and being named refuses all else.

A right comes from a need: to answer for a case, to have been asked to, to lead safeguarding at the school, or to have reported
it. A right to configure or to run the bot is none. People with a technical role are told what to do, and not about whom.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import assert_never

from domain.agreements import Agreement, concerns
from domain.asking import Request
from domain.audience import spoken_of
from domain.incident import Alert, AlertState, Incident, Summons
from domain.people import GROUP_OF, Account, Group, Holders, Person, School, Staff, Standing
from domain.register_terms import Move, RegisterAct, RegisterKind
from domain.registers import Record
from domain.request_types import RequestTask, RequestType
from domain.submissions import Doing, Submission, SubmissionState, answers, step_of, tasks_of
from domain.surveys import Survey
from domain.words import IncidentState, Role

LEADS = frozenset({Role.DSL, Role.DEPUTY_DSL})
"""They lead safeguarding: every case of the school is theirs to see, but for private ones and those that exclude them."""

TECHNICAL = frozenset({Role.IT_SUPPORT, Role.IT_STRATEGY_GROUP})
"""They carry out technical actions: they are shown the action, and never the child."""

OPENERS = frozenset({Role.HEADTEACHER, Role.SENIOR_LEADERSHIP})
"""They may open a case in an emergency when those who lead cannot be reached."""

KEEPERS = LEADS | {Role.HEADTEACHER, Role.CHAIR_OF_GOVERNORS}
"""They answer for the records, and may see who has read them."""

SURVEY_RUNNERS = LEADS | {Role.HEADTEACHER, Role.SENIOR_LEADERSHIP}
"""They may ask pupils and parents, and see what was counted."""

FIGURE_READERS = KEEPERS | {Role.GOVERNORS}
"""They may see figures. A case that shuts one of them out is in no figure, since they all see the same."""

REVIEWERS = LEADS | {Role.HEADTEACHER}
"""They review the policy, and may read what was asked that it does not answer."""

_SECONDS = frozenset({Role.HEADTEACHER, Role.CHAIR_OF_GOVERNORS})
"""They may agree to have a case erased that they may not read: they are told its reference, its kind and why."""

_AFTER_KEEPERS = ((Role.GOVERNORS,), (Role.SENIOR_LEADERSHIP,))
"""Who deals with a breach when everybody who answers for the records is named as having caused it."""

_AFTER_REVIEWERS = ((Role.CHAIR_OF_GOVERNORS,), *_AFTER_KEEPERS)
"""Who reads a question that may speak of everybody who reviews the policy."""

_COUNTS_ONLY = frozenset({Role.GOVERNORS})
"""Governors see figures. One of them who is asked by name to answer for a case sees that case."""


_OF_PUPILS = frozenset(role for role, group in GROUP_OF.items() if group is not Group.STAFF)


class Act(StrEnum):
    """What somebody may want to do with a case."""

    SEE_STATE = "see_state"
    """That it is known, where it stands, and who has it."""
    LIST = "list"
    """See its line in a queue: the reference, the kind, the urgency and the deadline."""
    READ_TASK = "read_task"
    """What is to be done. No name of a child, and nothing that was written."""
    READ = "read"
    """The names, what was written, the notes and the history."""
    ANSWER = "answer"
    """Acknowledge an alert of it, hand it on, close one's part."""
    SETTLE = "settle"
    """Say whether a name that was typed is a member of staff."""
    WORK = "work"
    """Read its timeline, write in it, decide on the policy's steps: for its owner and those who lead safeguarding."""
    FILE = "file"
    """Take it out as the policy's log form, with everything that was written in it: for who works it."""
    CARRY_OUT = "carry_out"
    """Read what is to be blocked and from when, never for whom, and say that it is done: for IT support."""
    READ_READERS = "read_readers"
    """Who has read it."""
    KEEP = "keep"
    """Say that it must be kept, have it erased when its time is over, propose that before."""
    EXPORT = "export"
    """Take what is held about one person out of it, to hand it out once it is reviewed."""
    AGREE = "agree"
    """Agree that it is erased before its time, which somebody else has proposed."""
    SIGN = "sign"
    """Sign it off, for whoever is asked to: what they see of it for that names nobody."""
    OPEN = "open"
    """Open it in an emergency, with a reason, and tell those who lead."""


class Ground(StrEnum):
    """Why somebody may."""

    REPORTED = "reported"
    OWNS = "owns"
    ASKED = "asked"
    HOLDS = "holds"
    LEADS = "leads"
    OPENED = "opened"
    SIGNS = "signs"


class Refused(StrEnum):
    """Why somebody may not. A person is never told which: that alone would say something."""

    ELSEWHERE = "elsewhere"
    """It is another school's."""
    NOT_ADMITTED = "not_admitted"
    NOT_STAFF = "not_staff"
    EXCLUDED = "excluded"
    """They are named in it, or may be."""
    NO_NEED = "no_need"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who wants something, at a school, as its staff list has them now."""

    school: School
    staff: Staff
    account: Account
    # Found out once, with the rest: a list asks for both a thousand times.
    person: str | None = field(init=False, repr=False, compare=False)
    """Who of the staff list they are; None for somebody not on it, or of whom nobody is sure."""
    roles: frozenset[Role] = field(init=False, repr=False, compare=False)
    """Every role they hold here."""

    def __post_init__(self) -> None:
        sure = self.account.standing is not Standing.UNKNOWN and admitted(self.school, self.account)
        found = self.staff.get(self.account.person_id) if sure else None
        object.__setattr__(self, "person", found.id if found is not None else None)
        object.__setattr__(self, "roles", self.staff.roles_of(self.school, found.id) if found is not None else frozenset())

    def holds(self, role: Role, group: str) -> bool:
        """Whether they hold a role for a house, a form or a line manager's people."""
        return any(p.id == self.person for p in self.staff.holders(self.school, role, group))


@dataclass(frozen=True, slots=True)
class Subject:
    """A case as far as rights to it go. `opened_by`: who has opened it in an emergency that is not over.

    `signers`: who is asked to sign it off and has not, each in the role in which they are; `reading_signers`: those of them who
    sign what they have read, as the policy has it. `instead`: of a private duplicate, the duties of the case that goes on in
    its place. Nobody has any in the duplicate itself, so that whoever has a right to the one has it to the other.
    """

    incident: Incident
    duties: tuple[tuple[Alert, tuple[Summons, ...]], ...] = ()
    excluded: frozenset[str] = frozenset()
    opened_by: frozenset[str] = frozenset()
    signers: frozenset[tuple[str, Role]] = frozenset()
    reading_signers: frozenset[tuple[str, Role]] = frozenset()
    instead: tuple[tuple[Alert, tuple[Summons, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Reach:
    """Where to look for what somebody may answer or work: at times more than is theirs, which only `decide` can say.

    `leads`: every case but private ones. `holds`: roles, each for these houses, forms or line managers; None: for all.
    """

    person: str
    leads: bool
    holds: tuple[tuple[Role, frozenset[str] | None], ...]


_ON_ANY_GROUND = frozenset({Act.LIST, Act.READ_TASK, Act.ANSWER})


def admitted(school: School, account: Account) -> bool:
    """Whether a school lets an account in at all.

    Its members, a guest whom the school file names, and one of whom the platform has not said who it is: they may report, and
    nobody knows of anything that they could be shown.
    """
    match account.standing:
        case Standing.MEMBER | Standing.UNKNOWN:
            return True
        case Standing.GUEST:
            return (account.platform, account.user_id) in school.guests
        case Standing.STRANGER | Standing.BOT | Standing.GONE:
            return False
        case never:
            assert_never(never)


def in_doubt(account: Account) -> bool:
    """Whether nobody can tell who somebody is: the chat does not say so just now, or has no address for the account."""
    return account.standing is Standing.UNKNOWN or not (account.person_id or account.email)


def decide(viewer: Viewer, act: Act, subject: Subject) -> Ground | Refused:
    """Whether somebody may do something with a case, and on what ground."""
    incident = subject.incident
    if incident.school != viewer.school.id:
        return Refused.ELSEWHERE
    if not admitted(viewer.school, viewer.account):
        return Refused.NOT_ADMITTED
    if act is Act.SEE_STATE and _reported(viewer.account, incident):
        return Ground.REPORTED
    if viewer.person is None:
        return Refused.NOT_STAFF
    if viewer.person in subject.excluded:
        return Refused.EXCLUDED
    found = _ground(viewer, subject)
    match act:
        case Act.OPEN:
            # A task shows nobody's name: whoever has no more than that may need to open the case all the same.
            reads = (found is not None and not found[1]) or _reads_to_sign(viewer, subject)
            needed = not reads and not incident.private and viewer.roles & OPENERS
            return Ground.HOLDS if needed else Refused.NO_NEED
        case Act.READ_READERS | Act.KEEP | Act.EXPORT | Act.AGREE if not viewer.roles & KEEPERS:
            return Refused.NO_NEED
        case Act.KEEP | Act.EXPORT if found is not None and found[0] is Ground.OPENED:
            return Refused.NO_NEED
        case Act.AGREE if incident.is_open:
            return Refused.NO_NEED
        case Act.AGREE if viewer.roles & _SECONDS:
            return Ground.HOLDS
        case Act.WORK | Act.FILE:
            return _works(viewer, subject)
        case Act.CARRY_OUT:
            # Whoever carries it out knows of the case by that, so that a private one has nobody but those who have it.
            shown = not incident.private and not incident.erased
            return Ground.HOLDS if shown and Role.IT_SUPPORT in viewer.roles else Refused.NO_NEED
        case Act.SIGN:
            return Ground.SIGNS if _signs(viewer, subject, subject.signers) else Refused.NO_NEED
        case Act.READ if (found is None or found[1]) and _reads_to_sign(viewer, subject):
            return Ground.SIGNS
    if found is None:
        return Refused.NO_NEED
    ground, technical = found
    if incident.erased and incident.private and ground is not Ground.OWNS:
        # Nobody knows any more who was kept out of it: what is left is for who dealt with it.
        return Refused.NO_NEED
    return Refused.NO_NEED if technical and act not in (*_ON_ANY_GROUND, Act.SEE_STATE) else ground


def may(viewer: Viewer, act: Act, subject: Subject) -> bool:
    """Whether somebody may."""
    return isinstance(decide(viewer, act, subject), Ground)


def leads(viewer: Viewer, incident: Incident) -> bool:
    """Whether somebody leads safeguarding in a case: what they may do in it turns on no alert of it, nor on who was asked."""
    return not incident.private and bool(viewer.roles & LEADS)


def answerable(viewer: Viewer, subject: Subject) -> tuple[Alert, ...]:
    """The alerts of a case that somebody may answer, their own first, then those that nobody has."""
    if not may(viewer, Act.ANSWER, subject):
        return ()
    everywhere = _leads(viewer, subject) or _opened(viewer, subject)
    mine = [a for a, summoned in subject.duties if everywhere or _ground_of(viewer, a, summoned, subject)]
    return tuple(sorted(mine, key=lambda a: (a.owner_id != viewer.person, a.state is not AlertState.OPEN)))


def reach(viewer: Viewer) -> Reach | None:
    """Where to look for somebody's cases, so that a list need not decide about every case of the school; None: nowhere."""
    person = viewer.staff.get(viewer.person)
    if person is None:
        return None
    found: list[tuple[Role, frozenset[str] | None]] = []
    # Somebody is a line manager by their own address, whether anybody is still theirs or not.
    for role in sorted((viewer.roles | {Role.LINE_MANAGER}) - _COUNTS_ONLY):
        holders = viewer.school.holders.get(role, Holders())
        if person.email in map(str.lower, holders.everywhere):
            found.append((role, None))
            continue
        groups = {group for group, emails in holders.by_group.items() if person.email in map(str.lower, emails)}
        found.append((role, frozenset(groups | ({person.email} if role is Role.LINE_MANAGER else set()))))
    return Reach(person.id, bool(viewer.roles & LEADS), tuple(found))


def may_agree(viewer: Viewer, subject: Subject, proposed_by: str | None) -> bool:
    """Whether somebody may agree to erase a case before its time: never whoever proposed it."""
    return viewer.person != proposed_by and may(viewer, Act.AGREE, subject)


def breach_handlers(school: School, staff: Staff, caused_by: frozenset[str]) -> tuple[Person, ...]:
    """Who deals with a breach of personal data: those who answer for the records, but for whoever is named as having caused it.

    Where nobody of them is left, governors, and then senior leaders.
    """
    for roles in (sorted(KEEPERS), *_AFTER_KEEPERS):
        found = {p.id: p for role in roles for p in staff.holders(school, role) if p.id not in caused_by}
        if found:
            return tuple(found.values())
    return ()


def may_handle_breach(viewer: Viewer, caused_by: frozenset[str] = frozenset()) -> bool:
    """Whether somebody deals with a breach that these people are named as having caused."""
    return any(p.id == viewer.person for p in breach_handlers(viewer.school, viewer.staff, caused_by))


def may_see_figures(viewer: Viewer) -> bool:
    """Whether somebody may see the figures of the terms that are over."""
    return bool(viewer.roles & FIGURE_READERS)


def may_see_running_figures(viewer: Viewer) -> bool:
    """Whether somebody may see those of the term that runs: they change with every report, which says more than a term does."""
    return bool(viewer.roles & (LEADS | {Role.HEADTEACHER}))


def may_see_dates(viewer: Viewer) -> bool:
    """Whether somebody may see what comes in the school's calendar: everybody of the staff."""
    return viewer.person is not None


def dated_people(school: School, staff: Staff, roles: Iterable[Role]) -> tuple[Person, ...]:
    """Whose a date of the calendar is: who holds one of its roles; where nobody does, who leads safeguarding, or the head."""
    for wanted in (roles, sorted(LEADS), (Role.HEADTEACHER,)):
        if found := {p.id: p for role in wanted for p in staff.holders(school, role)}:
            return tuple(found.values())
    return ()


def may_finish_duty(viewer: Viewer, roles: Iterable[Role]) -> bool:
    """Whether somebody may say that it is done, and see it where it is a lesson: whose it is, and who reviews the policy."""
    if viewer.person is None:
        return False
    return bool(viewer.roles & REVIEWERS) or viewer.person in {p.id for p in dated_people(viewer.school, viewer.staff, roles)}


def may_draft_digest(viewer: Viewer) -> bool:
    """Whether somebody may have a draft for parents made of figures: the leads and the head, who answer for what is sent."""
    return bool(viewer.roles & REVIEWERS)


def may_run_surveys(viewer: Viewer) -> bool:
    """Whether somebody may open and close surveys, and see what was counted."""
    return viewer.person is not None and bool(viewer.roles & SURVEY_RUNNERS)


def may_see_survey_link(viewer: Viewer, survey: Survey) -> bool:
    """Whether somebody is shown the link of a survey: whoever opened it sends it on, and nobody else."""
    return may_run_surveys(viewer) and viewer.person == survey.opened_by


def may_use_register(viewer: Viewer, act: RegisterAct, kind: RegisterKind) -> bool:
    """Whether somebody may do something with a whole register: by the roles that the policy gives it, and nothing else."""
    return viewer.person is not None and bool(viewer.roles & viewer.school.policy.registers[kind].roles(act))


def may_use_record(viewer: Viewer, act: RegisterAct, record: Record) -> bool:
    """The same with one line of it. Whoever owns it may read it and write in it too, and not approve it for that."""
    owns = viewer.person is not None and record.owner_id == viewer.person
    return (owns and act is not RegisterAct.APPROVE) or may_use_register(viewer, act, record.kind)


def register_moves(viewer: Viewer, record: Record) -> tuple[Move, ...]:
    """What somebody may make of a line of a register. What needs another is not for whoever wrote its newest wording."""
    return tuple(
        move
        for move in record.definition.moves.get(record.state, ())
        if may_use_record(viewer, move.act, record) and not (move.another and viewer.person == record.written_by)
    )


def register_approvers(school: School, staff: Staff, record: Record) -> tuple[Person, ...]:
    """Who may approve what waits for another than whoever wrote it."""
    roles = sorted(school.policy.registers[record.kind].approve)
    found = {p.id: p for role in roles for p in staff.holders(school, role) if p.id != record.written_by}
    return tuple(found.values())


def has_to_sign(viewer: Viewer, agreement: Agreement) -> bool:
    """Whether somebody is of those who sign it."""
    return viewer.person is not None and concerns(agreement, viewer.roles)


def may_read_gaps(viewer: Viewer, agreement: Agreement) -> bool:
    """Whether somebody may see who has not signed it, and remind them; of a training, enter who was there."""
    return viewer.person is not None and bool(viewer.roles & agreement.reads)


def signers_of(school: School, staff: Staff, agreement: Agreement) -> tuple[Person, ...]:
    """Everybody of the staff who signs it."""
    return tuple(p for p in staff if concerns(agreement, staff.roles_of(school, p.id)))


def may_send(viewer: Viewer, kind: RequestType) -> bool:
    """Whether somebody may ask for that, or declare it: everybody of the staff, unless the type names roles."""
    return viewer.person is not None and (not kind.asks or bool(viewer.roles & kind.asks))


def may_read_all(viewer: Viewer, kind: RequestType) -> bool:
    """Whether somebody may read every request of a type: those who answer, who carry out, who are told, and whom it names."""
    return viewer.person is not None and bool(viewer.roles & kind.readers)


def may_read_submission(viewer: Viewer, kind: RequestType, submission: Submission) -> bool:
    """Whether somebody may read one: it is their own, they may read all of its type, or they have to answer or to do it.

    Whoever it is about reads it only if they have sent it themselves.
    """
    if viewer.person is None:
        return False
    if viewer.person == submission.asker_id:
        return True
    if viewer.person in submission.place.about:
        return False
    if may_read_all(viewer, kind):
        return True
    return viewer.person in {p.id for p in (*answerers_of(viewer, kind, submission), *doers_of(viewer, kind, submission))}


def answerers_of(viewer: Viewer, kind: RequestType, submission: Submission, *, late: bool = True) -> tuple[Person, ...]:
    """Who may take the step for which one waits: never whoever asked, nor whom it is about.

    With `late` those too who are asked when nobody answers.

    Where nobody else holds a role of it, those of the first role after it are asked: nothing waits for nobody.
    """
    step = step_of(kind, submission.place)
    if step is None:
        return ()
    asked = _holders(viewer, step.roles, submission)
    after = _holders(viewer, step.then, submission) if late else ()
    return tuple({p.id: p for p in (*asked, *after)}.values())


def doers_of(viewer: Viewer, kind: RequestType, submission: Submission, task_id: str = "") -> tuple[Person, ...]:
    """Who may carry out what is to be done for one, or one task of it. It may be whoever asked, not whom it is about."""
    roles = [role for task in tasks_of(kind, submission.place) if task_id in {"", task.id} for role in task.roles]
    return _holders(viewer, roles, submission, may_be_them=True) if roles else ()


def submission_answers(viewer: Viewer, kind: RequestType, submission: Submission) -> tuple[Doing, ...]:
    """What somebody may answer to one now."""
    asked = viewer.person in {p.id for p in answerers_of(viewer, kind, submission)}
    return answers(kind, submission.place) if asked else ()


def submission_tasks(viewer: Viewer, kind: RequestType, submission: Submission) -> tuple[RequestTask, ...]:
    """What somebody may say is done for one."""
    return tuple(
        task
        for task in tasks_of(kind, submission.place)
        if viewer.person in {p.id for p in doers_of(viewer, kind, submission, task.id)}
    )


def may_end(viewer: Viewer, kind: RequestType, submission: Submission) -> bool:
    """Whether somebody may say that what was allowed or declared is over: whoever asked, and whoever answers for it."""
    if submission.place.state is not SubmissionState.GRANTED or viewer.person is None:
        return False
    if kind.is_handed_over:
        # It is over when it is carried out, and not before.
        return False
    if viewer.person == submission.asker_id:
        return True
    return viewer.person not in submission.place.about and bool(viewer.roles & (kind.answering or kind.readers))


def may_come_to(viewer: Viewer) -> tuple[frozenset[tuple[str, int]], frozenset[str]]:
    """Where something may wait for somebody: steps, by type and number, and types with tasks. More than what does.

    They hold a role of it, or one that is asked where nobody holds that.
    """
    ladder = viewer.school.policy.ladder

    def theirs(roles: Iterable[Role]) -> bool:
        asked = tuple(roles)
        return not viewer.roles.isdisjoint({*asked, *(ladder(asked[0]) if asked else ())})

    kinds = viewer.school.policy.requests.values()
    steps = frozenset((k.id, n) for k in kinds for n, step in enumerate(k.steps) if theirs((*step.roles, *step.then)))
    return steps, frozenset(k.id for k in kinds if any(theirs(task.roles) for task in k.tasks))


def told_of_it(viewer: Viewer, kind: RequestType, submission: Submission) -> tuple[Person, ...]:
    """Who is told that it holds, besides whoever asked."""
    return tuple({p.id: p for role in kind.tells for p in _holders(viewer, (role,), submission)}.values())


def _holders(viewer: Viewer, roles: Iterable[Role], submission: Submission, *, may_be_them: bool = False) -> tuple[Person, ...]:
    """Who holds these roles, for the group of whoever asked where one is held by group.

    Nobody whom it is about, and not whoever asked, unless they may.
    """
    school, staff, asker = viewer.school, viewer.staff, viewer.staff.get(submission.asker_id)
    but = {*submission.place.about, *(() if may_be_them else (submission.asker_id,))}
    found: dict[str, Person] = {}
    wanted = list(roles)
    for role in wanted:
        group = asker.group(GROUP_OF[role]) if asker is not None and role in GROUP_OF else ""
        found |= {p.id: p for p in staff.holders(school, role, group) if p.id not in but}
    if not found and wanted:
        after = (staff.holders(school, rung) for rung in school.policy.ladder(wanted[0]))
        found = next((f for people in after if (f := {p.id: p for p in people if p.id not in but})), {})
    return tuple(found.values())


def may_keep_consent(viewer: Viewer) -> bool:
    """Whether somebody keeps the register of consent: by the roles that the policy names, and nothing else."""
    terms = viewer.school.policy.consent
    return terms is not None and viewer.person is not None and bool(viewer.roles & terms.keeps)


def may_ask_consent(viewer: Viewer) -> bool:
    """Whether somebody may ask if a pupil may be shown: everybody of the staff, unless the policy names roles."""
    terms = viewer.school.policy.consent
    if terms is None or viewer.person is None:
        return False
    return not terms.asks or bool(viewer.roles & terms.asks) or may_keep_consent(viewer)


def may_look_up_children(viewer: Viewer) -> bool:
    """Whether somebody may begin a chronology with a name: those who lead safeguarding. Others come to it from a case.

    What it shows is decided case by case.
    """
    return bool(viewer.roles & LEADS)


def may_review_questions(viewer: Viewer) -> bool:
    """Whether somebody reviews what staff asked and the policy does not say. What they may read of it, `may_read_gap` says."""
    return viewer.person is not None and bool(viewer.roles & REVIEWERS)


def stands_in_for_reviewers(viewer: Viewer) -> bool:
    """Whether somebody may come to read a question because it may speak of everybody who reviews them."""
    return viewer.person is not None and any(viewer.roles & set(roles) for roles in _AFTER_REVIEWERS)


def may_read_gap(viewer: Viewer, text: str) -> bool:
    """Whether somebody may read a question that the policy does not answer, and say that it is seen to.

    Whoever it may speak of may not. Where that is everybody who reviews them, the chair of governors, then governors, then
    senior leaders.
    """
    for roles in (sorted(REVIEWERS), *_AFTER_REVIEWERS):
        holders = {p.id: p for role in roles for p in viewer.staff.holders(viewer.school, role)}
        if left := holders.keys() - spoken_of(viewer.school, viewer.staff, text, holders.values()):
            return viewer.person in left
    return False


def may_decide_request(viewer: Viewer, request: Request) -> bool:
    """Whether somebody may answer a request: it was sent to them, or they hold the role, and it is not their own."""
    if viewer.person is None or asked_it(viewer.account, request):
        return False
    return viewer.person in request.asked or request.role in viewer.roles


def may_read_request(viewer: Viewer, request: Request) -> bool:
    """Whether somebody may read a request: they wrote it, or may decide it."""
    return asked_it(viewer.account, request) or may_decide_request(viewer, request)


def asked_it(account: Account, request: Request) -> bool:
    """Whether somebody wrote a request, in this chat or in another."""
    return _same(account, request.asker)


def _signs(viewer: Viewer, subject: Subject, asked: frozenset[tuple[str, Role]]) -> bool:
    """As long as the case is closed and waits for their signature, and they hold the role in which they were asked."""
    waits = subject.incident.state is IncidentState.CLOSED and not subject.incident.erased
    return waits and any((viewer.person, role) in asked for role in viewer.roles)


def _reads_to_sign(viewer: Viewer, subject: Subject) -> bool:
    """Whether they sign what they have read: in a role that the policy says so of, whatever the records say of who is asked."""
    roles = {line.role for line in viewer.school.policy.sign_off if line.reads}
    return _signs(viewer, subject, frozenset((who, role) for who, role in subject.reading_signers if role in roles))


def _works(viewer: Viewer, subject: Subject) -> Ground | Refused:
    """To have been asked, or to hold the role, is not enough: who works a case has answered for it."""
    if subject.incident.erased:
        return Refused.NO_NEED
    if _leads(viewer, subject):
        return Ground.LEADS
    return Ground.OWNS if (Ground.OWNS, False) in _grounds(viewer, subject) else Refused.NO_NEED


def _ground(viewer: Viewer, subject: Subject) -> tuple[Ground, bool] | None:
    """The best ground there is, and whether it is a technical one only."""
    if _leads(viewer, subject):
        return Ground.LEADS, False
    if _opened(viewer, subject):
        return Ground.OPENED, False
    return min(_grounds(viewer, subject), key=lambda g: g[1], default=None)


def _grounds(viewer: Viewer, subject: Subject) -> list[tuple[Ground, bool]]:
    duties = (*subject.duties, *subject.instead)
    return [g for a, summoned in duties if (g := _ground_of(viewer, a, summoned, subject)) is not None]


def _leads(viewer: Viewer, subject: Subject) -> bool:
    return leads(viewer, subject.incident)


def _opened(viewer: Viewer, subject: Subject) -> bool:
    return not subject.incident.private and viewer.person in subject.opened_by and bool(viewer.roles & OPENERS)


def _ground_of(viewer: Viewer, alert: Alert, summoned: Iterable[Summons], subject: Subject) -> tuple[Ground, bool] | None:
    if alert.state is AlertState.DONE and alert.owner_id is None:
        # It ended without anybody's doing, when the case turned into a matter of others.
        return None
    is_open = subject.incident.is_open
    # A house's or a form's cases are for those who have it while the case is open: not for whoever gets it next. And one that
    # turned private has alerts of before, which are for those who were asked then.
    without = _COUNTS_ONLY | (_OF_PUPILS if subject.incident.private or not is_open else frozenset())
    roles = {r for r in alert.roles if r not in without and viewer.holds(r, alert.group)}
    in_roles = {s.role for s in summoned if s.person_id == viewer.person} & viewer.roles
    owns = alert.owner_id == viewer.person and (is_open or bool((in_roles | set(alert.roles)) & viewer.roles))
    # Somebody who was asked, did not take it on and holds no role in it needs nothing of it once it is closed, or once it is
    # done in a private case: it may have been asked of them before that turned private.
    ended = not is_open or (subject.incident.private and alert.state is AlertState.DONE)
    counts = in_roles if owns or not ended else frozenset()
    if not roles and not counts and not owns:
        return None
    # An owner who holds the role no more stands where its alert stood.
    technical = (roles | counts or set(alert.roles)) <= TECHNICAL
    return Ground.OWNS if owns else Ground.HOLDS if roles else Ground.ASKED, technical


def _reported(account: Account, incident: Incident) -> bool:
    return _same(account, incident.reporter)


def _same(one: Account, other: Account) -> bool:
    """Whether somebody is who sent something. An account that has passed to another is not: what was sent stays its sender's.

    Where nobody knew who of the staff the sender was, there is nothing but the account to go by.
    """
    if other.person_id is not None:
        return one.person_id == other.person_id
    return (one.platform, one.user_id) == (other.platform, other.user_id)
