"""The part of the desk that answers questions about the policy: in every chat alike."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

from bot.metrics import Metrics
from bot.replies import Post, Reply, ShowForm, Tell, WrongForm
from bot.turns import TooManyWaitingError, Turns
from cards import answer, pages, policy_pages, requests
from cards.model import Card, FormValues, Tone
from cards.texts import quoted_command, say
from domain.answers import Catalogue
from domain.asking import DECISION, REASON, TEXT, Answered, GapFile, Kept, RequestFile, RequestKind, RequestQuestions
from domain.people import Account, Platform, School
from domain.understanding import Choice
from handlers import ask, gaps
from handlers import requests as asking
from handlers.gaps import GapList, NotAReviewer
from handlers.ports import Ports

_ROLES_TOPIC = "roles"
_PAGE = re.compile(r"[0-9]{1,4}")


@dataclass(frozen=True, slots=True, eq=False)
class PolicyDesk:
    """Answers for one school."""

    ports: Ports
    school: School
    metrics: Metrics = field(default_factory=Metrics)
    turns: Turns = field(default_factory=Turns)

    async def ask(self, account: Account, text: str, *, shared: bool, chosen: str = "") -> Tell:
        """Answers a question in somebody's own words, or one of the catalogue."""
        try:
            async with self.turns.turn():
                return await self._read(account, text, shared=shared, chosen=chosen)
        except TooManyWaitingError:
            self.metrics.answered("put_off")
            return Tell(answer.busy_card())

    async def _read(self, account: Account, text: str, *, shared: bool, chosen: str) -> Tell:
        match await ask.ask(self.ports, self.school, account, text, chosen=chosen):
            case Answered() as answered:
                return await self._answered(answered, shared=shared)
            case ask.NothingAsked():
                return Tell(answer.nothing_asked_card(account.platform))
            case ask.TooLong(most=most):
                return Tell(answer.too_long_card(most))
            case never:
                assert_never(never)

    async def keep(self, account: Account, text: str) -> str:
        """Keeps a question until it is known which school it is for; gives what a button carries to go on with it."""
        return await ask.keep(self.ports, self.school, account, text)

    async def preview(self, text: str) -> list[Card]:
        """The likeliest answers to a question while it is being typed, as they would be shown to others."""
        found = await ask.preview(self.ports, self.school, text)
        if found is None:
            return []
        catalogue = await self._catalogue()
        return [self._shared(catalogue, c, found.facts) for c in (found.best, *found.alternatives)]

    async def topics(self, typed: str = "") -> Tell:
        """The subjects of the policy, or one of them if it was named."""
        engine = await self.ports.answers.engine(self.school.policy)
        day = ask.today(self.ports, self.school)
        answered = [q for q in engine.catalogue.questions.values() if engine.sheet.on(day, q.id) is not None]
        words = typed.casefold().split()
        for topic, title in engine.catalogue.topics.items():
            if words and all(word in f"{topic} {title}".casefold() for word in words):
                return Tell(policy_pages.topic_card(engine.catalogue, topic, [q for q in answered if q.topic == topic], 0))
        counts = {t: sum(q.topic == t for q in answered) for t in engine.catalogue.topics}
        return Tell(policy_pages.topics_card(engine.catalogue, counts))

    async def who(self) -> Tell:
        """Who holds each role of the policy."""
        async with self.ports.store.transaction(self.school, write=False) as records:
            staff = await records.staff()
        rows = []
        for role in self.school.policy.titles:
            if role not in self.school.holders:
                continue
            found = [(p.name, "") for p in staff.holders(self.school, role)]
            for group in self.school.holders[role].by_group:
                held = [p.name for e in self.school.holders[role].by_group[group] if (p := staff.by_email(e)) is not None]
                found += [(name, group) for name in held]
            names = [say("who.by_group", names=name, group=group) if group else name for name, group in found]
            rows.append((role, ", ".join(names)))
        return Tell(policy_pages.who_card(self.school, rows, _ROLES_TOPIC))

    async def gaps(self, account: Account) -> Tell:
        """What the policy does not say, for those who review it."""
        return self._gaps(await gaps.gaps(self.ports, self.school, account))

    async def press(self, account: Account, action: str, value: str, *, shared: bool) -> Reply | None:
        """A button of one of these cards; None for any other."""
        match action:
            case answer.AGAIN:
                return await self._again(account, value, shared=shared)
            case answer.SHARE:
                return await self._share(account, value)
            case answer.MISREAD:
                match await ask.misread(self.ports, self.school, account, value):
                    case Kept() as kept:
                        return Tell(answer.misread_card(self.school, kept))
                    case ask.AskedGone():
                        return _gone(account.platform)
            case answer.ASK_PERMISSION:
                return self._asked(account, await self._begin(account, RequestKind.PERMISSION, value))
            case answer.ASK_PERSON:
                return self._asked(account, await self._begin(account, RequestKind.QUESTION, value))
            case requests.READ_REQUEST:
                return self._file(await asking.read(self.ports, self.school, account, value))
            case pages.SHOW_TOPICS:
                return await self.topics()
            case pages.SHOW_WHO:
                return await self.who()
            case pages.SHOW_GAPS:
                return await self.gaps(account)
            case policy_pages.TOPIC:
                topic, _, page = value.partition("|")
                return await self._topic(topic, int(page) if _PAGE.fullmatch(page) else 0)
            case policy_pages.ASK_KNOWN:
                return await self.ask(account, "", shared=shared, chosen=value)
            case policy_pages.READ_GAPS:
                match await gaps.read(self.ports, self.school, account, value):
                    case GapFile() as file:
                        return ShowForm(policy_pages.gap_form(self.school, file))
                    case NotAReviewer():
                        return _refused(say("gaps.not_you_title"), say("gaps.not_you"))
            case policy_pages.SETTLE_GAPS:
                return self._gaps(await gaps.settle(self.ports, self.school, account, value))
        return None

    async def submit(self, account: Account, form_id: str, state: str, values: FormValues) -> Reply | None:
        """A form of one of these cards; None for any other."""
        match form_id:
            case requests.PERMISSION_FORM | requests.QUESTION_FORM:
                kind = RequestKind.PERMISSION if form_id == requests.PERMISSION_FORM else RequestKind.QUESTION
                return self._asked(
                    account, await asking.send(self.ports, self.school, account, kind, state, _text(values, TEXT))
                )
            case requests.DECIDE_FORM:
                decision, reason = _text(values, DECISION), _text(values, REASON)
                match await asking.decide(self.ports, self.school, account, state, decision, reason):
                    case asking.Decided(request=request):
                        done = say("request.decided", reference=request.reference)
                        return ShowForm(pages.as_form(pages.notice(say("request.decided_title"), done, Tone.SUCCESS)))
                    case outcome:
                        return self._file(outcome)
        return None

    async def _again(self, account: Account, state: str, *, shared: bool) -> Reply:
        match await ask.again(self.ports, self.school, account, state):
            case Answered() as answered:
                return await self._answered(answered, shared=shared)
            case ask.AskedGone():
                return _gone(account.platform)
            case never:
                assert_never(never)

    async def _answered(self, answered: Answered, *, shared: bool) -> Tell:
        self.metrics.answered(answered.understood.best.decision.verdict.value)
        return Tell(answer.answer_card(self.school, await self._catalogue(), answered, shared=shared))

    async def _share(self, account: Account, state: str) -> Reply:
        match await ask.again(self.ports, self.school, account, state):
            case Answered(understood=found):
                return Post(self._shared(await self._catalogue(), found.best, found.facts))
            case ask.AskedGone():
                return _gone(account.platform)
            case never:
                assert_never(never)

    async def _topic(self, topic: str, page: int) -> Tell:
        engine = await self.ports.answers.engine(self.school.policy)
        if topic not in engine.catalogue.topics:
            return await self.topics()
        day = ask.today(self.ports, self.school)
        known = engine.catalogue.questions.values()
        questions = [q for q in known if q.topic == topic and engine.sheet.on(day, q.id) is not None]
        return Tell(policy_pages.topic_card(engine.catalogue, topic, questions, page))

    async def _begin(self, account: Account, kind: RequestKind, state: str) -> asking.BeginOutcome:
        return await asking.begin(self.ports, self.school, account, kind, state)

    def _asked(self, account: Account, outcome: asking.SendOutcome) -> Reply:
        match outcome:
            case RequestQuestions():
                form = requests.request_form(self.school, outcome)
                return WrongForm(form, grown=False) if outcome.faults else ShowForm(form)
            case asking.Sent():
                return ShowForm(pages.as_form(requests.sent_card(outcome.request, outcome.names)))
            case asking.NobodyToAsk():
                return _told(say("request.nobody_title"), say("request.nobody"), Tone.WARNING)
            case ask.AskedGone():
                return _gone(account.platform)
            case _:
                assert_never(outcome)

    def _file(self, outcome: RequestFile | asking.NotYours) -> Reply:
        match outcome:
            case RequestFile():
                form = requests.request_file_form(self.school, outcome)
                return WrongForm(form, grown=False) if outcome.faults else ShowForm(form)
            case asking.NotYours():
                return _refused(say("request.not_you_title"), say("request.not_you"))
            case _:
                assert_never(outcome)

    def _gaps(self, outcome: GapList | NotAReviewer) -> Tell:
        match outcome:
            case GapList(lines=lines):
                return Tell(policy_pages.gaps_card(self.school, lines))
            case NotAReviewer():
                return _refused(say("gaps.not_you_title"), say("gaps.not_you"))
            case _:
                assert_never(outcome)

    def _shared(self, catalogue: Catalogue, choice: Choice, facts: Mapping[str, str]) -> Card:
        return answer.shared_card(self.school, catalogue, choice, facts)

    async def _catalogue(self) -> Catalogue:
        return (await self.ports.answers.engine(self.school.policy)).catalogue


def _gone(platform: Platform) -> Tell:
    return _told(say("answer.gone_title"), say("answer.gone", ask=quoted_command(platform, "ask")), Tone.WARNING)


def _refused(title: str, text: str) -> Tell:
    return Tell(pages.notice(title, text, Tone.WARNING), refused=True)


def _told(title: str, text: str, tone: Tone = Tone.INFO) -> Tell:
    return Tell(pages.notice(title, text, tone))


def _text(values: FormValues, field: str) -> str:
    value = values.get(field, "")
    return value if isinstance(value, str) else ""
