"""What the policy says to a question: verdict first, then the reason, where it stands, what to do next, other readings."""

from collections.abc import Iterable, Mapping

from cards.clauses import points
from cards.consents import ASK_CONSENT
from cards.model import Banner, Button, Buttons, ButtonStyle, Card, Fact, Facts, Leaf, Link, Part, Section, Text, Tone, Weight
from cards.pages import REPORT, SHOW_TOPICS
from cards.submissions import NEW_REQUEST, SHOW_REQUESTS, leave_parts
from cards.texts import day_of, listed, quoted_command, say
from domain.answers import Case, Catalogue, Decision, Form, ReportHint, Verdict
from domain.asking import ELSEWHERE, SILENT_ROLE, Answered, Kept, carried, replay
from domain.people import Platform, School
from domain.understanding import Choice, Understood
from domain.words import Role

AGAIN, MISREAD, SHARE, REPORT_AS = "ask_again", "ask_misread", "ask_share", "report_as"
ASK_PERMISSION, ASK_PERSON = "ask_permission", "ask_person"

_MOST_OFFERED = 3
"""Requests of which each has a button: more of them hide what else there is to do."""
_FAR = 3.0
"""Readings so much less likely than the best only distract."""
_TONES: Mapping[Verdict, Tone] = {
    Verdict.YES: Tone.SUCCESS,
    Verdict.NO: Tone.DANGER,
    Verdict.ASK_FIRST: Tone.WARNING,
    Verdict.AVOID: Tone.WARNING,
    Verdict.MUST: Tone.WARNING,
    Verdict.DEPENDS: Tone.INFO,
    Verdict.INFO: Tone.INFO,
    Verdict.NOT_COVERED: Tone.INFO,
}


def answer_card(school: School, catalogue: Catalogue, answered: Answered, *, shared: bool) -> Card:
    """An answer for whoever asked. `shared`: it was asked where others read, and can be shown to them."""
    found = answered.understood
    if not found.sure:
        return _unsure(school, answered)
    if found.best.question.topic == ELSEWHERE and not found.tell:
        return _elsewhere(answered)
    return Card(
        _verdict_words(found.best.decision),
        say("answer.summary"),
        (
            *_verdict(school, found.best.decision, answered.holders),
            *_missing(catalogue, answered),
            *_alarm(school, answered),
            Text(_read_as(catalogue, found), Weight.MUTED),
            *_stands_on(school, found.best.decision, answered.holders, found.turn_to),
            *leave_parts(school, answered.leaves),
            *_overdue(answered),
            *_next(school, answered, shared=shared),
            *_others(answered.state, found),
        ),
    )


def shared_card(school: School, catalogue: Catalogue, choice: Choice, facts: Mapping[str, str]) -> Card:
    """A rule as it is shown to others: without what was typed, and without buttons."""
    decision = choice.decision
    verdict = _verdict_words(decision)
    parts: list[Part] = []
    if decision.missing and decision.answer is not None:
        parts += [Text(line) for line in _cases(catalogue, decision.answer.cases)]
    else:
        parts += _verdict(school, decision, {}, kept=False)
    if known := _facts(catalogue, choice, facts):
        parts.append(Text(known, Weight.MUTED))
    parts += _stands_on(school, decision, {})
    return Card(say("answer.shared_title", verdict=verdict, title=choice.question.title), say("answer.shared_by"), tuple(parts))


def misread_card(school: School, kept: Kept) -> Card:
    """None of the readings was meant."""
    who = _who(school, SILENT_ROLE, kept.holders)
    buttons = (
        Button(ASK_PERSON, _ask_label(school), kept.state, ButtonStyle.PRIMARY, opens_form=True),
        Button(REPORT, say("help.report"), opens_form=True),
        Button(SHOW_TOPICS, say("answer.browse")),
    )
    # No banner: a banner alone is a line in Teams, where the buttons would be lost.
    parts = (Text(say("answer.none_text", who=who)), Buttons(buttons))
    return Card(say("answer.none_title"), say("answer.summary"), parts)


def nothing_asked_card(platform: Platform) -> Card:
    """How to ask."""
    text = say("answer.nothing", ask=quoted_command(platform, "ask"))
    return Card(say("answer.nothing_title"), say("answer.summary"), (Text(text), _ways_on()))


def too_long_card(most: int) -> Card:
    """The question is longer than is read: often it tells of something that has happened, and the way to report it is here."""
    return Card(say("answer.too_long_title"), say("answer.summary"), (Text(say("answer.too_long", most=most)), _ways_on()))


def busy_card() -> Card:
    """More is being asked than can be answered: what must not wait does not."""
    return Card(say("answer.busy_title"), say("answer.summary"), (Text(say("answer.busy")), _ways_on()))


def _ways_on() -> Buttons:
    return Buttons((Button(REPORT, say("help.report"), opens_form=True), Button(SHOW_TOPICS, say("answer.browse"))))


def _verdict_words(decision: Decision) -> str:
    """The verdict in words that cannot be taken for their opposite."""
    verdict: str = decision.verdict
    if decision.form is Form.REVERSED:
        verdict = {Verdict.YES: "allowed", Verdict.NO: "forbidden"}.get(decision.verdict, verdict)
    return say(f"verdict.{verdict}")


def _verdict(
    school: School, decision: Decision, holders: Mapping[Role, tuple[str, ...]], *, kept: bool = True
) -> tuple[Part, ...]:
    tone = _TONES[decision.verdict]
    if decision.case is not None:
        words = say("answer.refused", text=decision.case.say) if decision.refused else decision.case.say
        # A yes is nothing that was done.
        parts: list[Part] = [Banner(words, tone, _verdict_words(decision) if tone is Tone.SUCCESS else "")]
        if (but := decision.case.but) is not None:
            who = _who(school, SILENT_ROLE, holders)
            text = say("answer.contrary", text=but.say.rstrip("."), points="; ".join(points(school, but.cites)), who=who)
            parts.append(Banner(text, Tone.WARNING))
        if decision.verdict is Verdict.NOT_COVERED:
            parts.append(Text(_silent(school, holders, kept=kept)))
        return tuple(parts)
    if decision.missing and decision.answer is not None:
        return (Banner(decision.answer.depends or say("verdict.depends"), tone),)
    return (Banner(_silent(school, holders, kept=kept), tone),)


def _silent(school: School, holders: Mapping[Role, tuple[str, ...]], *, kept: bool) -> str:
    """`kept`: the question is kept for the policy's review, which a rule shown to others says nothing of."""
    return say("answer.silent_kept" if kept else "answer.silent", who=_who(school, SILENT_ROLE, holders))


def _missing(catalogue: Catalogue, answered: Answered) -> tuple[Part, ...]:
    """The one fact that decides, with a button for each thing it can be."""
    decision = answered.understood.best.decision
    fact = catalogue.facts.get(decision.missing)
    if fact is None:
        return ()
    asked_id, chosen, known = replay(answered.state)
    buttons = [Button(AGAIN, o.label, carried(asked_id, chosen, {**known, fact.id: o.value})) for o in fact.options]
    return (Text(fact.ask, Weight.HEADING), Buttons(tuple(buttons)))


def _alarm(school: School, answered: Answered) -> tuple[Part, ...]:
    found = answered.understood
    if not found.tell:
        return ()
    who = listed(_who(school, role, answered.holders) for role in found.tell)
    parts: list[Part] = [Banner(say("answer.tell", who=who), Tone.DANGER)]
    if found.images:
        parts.append(Banner(say("answer.images"), Tone.WARNING))
    return tuple(parts)


def _read_as(catalogue: Catalogue, found: Understood) -> str:
    return say("answer.read_as", title=found.best.question.title) + _facts(catalogue, found.best, found.facts)


def _facts(catalogue: Catalogue, choice: Choice, facts: Mapping[str, str]) -> str:
    """What was understood of the facts that this question turns on, at this school."""
    answer = choice.decision.answer
    used = answer.turns_on if answer is not None else frozenset()
    known = (fact.label(facts[f]) for f, fact in catalogue.facts.items() if f in facts and f in used)
    return "".join(say("answer.fact", fact=label) for label in known)


def _stands_on(
    school: School, decision: Decision, holders: Mapping[Role, tuple[str, ...]], turn_to: Iterable[Role] = ()
) -> tuple[Part, ...]:
    if not decision.cites:
        return ()
    policy = school.policy
    facts = [Fact(say("answer.stands_on"), "; ".join(points(school, decision.cites)))]
    if roles := decision.roles or tuple(turn_to):
        people = (_person(school, role, holders) for role in roles)
        facts.append(Fact(say("answer.people"), "; ".join(people)))
    source = Text(say("answer.policy", title=policy.title, approved=policy.approved), Weight.MUTED)
    link: tuple[Part, ...] = (Link(policy.title, policy.url),) if policy.url else ()
    return (Facts(tuple(facts)), source, *link)


def _overdue(answered: Answered) -> tuple[Part, ...]:
    if answered.overdue is None:
        return ()
    cites, day = answered.understood.best.decision.cites, day_of(answered.overdue)
    return (Text(say("answer.overdue" if cites else "answer.overdue_silent", day=day), Weight.MUTED),)


def _next(school: School, answered: Answered, *, shared: bool) -> tuple[Part, ...]:
    """What to do next, what is most pressing first."""
    found, buttons = answered.understood, []
    decision = found.best.decision
    hint = found.report or (decision.case.report if decision.case is not None else None)
    if hint is not None:
        buttons.append(_report_as(hint))
    for offered in answered.offers[:_MOST_OFFERED]:
        style = ButtonStyle.NORMAL if buttons else ButtonStyle.PRIMARY
        buttons.append(Button(NEW_REQUEST, offered.title, f"{offered.id}|{answered.asked_id}", style, opens_form=True))
    if len(answered.offers) > _MOST_OFFERED:
        buttons.append(Button(SHOW_REQUESTS, say("answer.more_requests"), opens_form=True))
    if answered.asks is not None and not answered.offers:
        style = ButtonStyle.NORMAL if buttons else ButtonStyle.PRIMARY
        buttons.append(Button(ASK_PERMISSION, say("answer.permission"), answered.state, style, opens_form=True))
    if answered.asks_consent:
        style = ButtonStyle.NORMAL if buttons else ButtonStyle.PRIMARY
        buttons.append(Button(ASK_CONSENT, say("consent.open"), style=style, opens_form=True))
    if decision.verdict is Verdict.NOT_COVERED:
        style = ButtonStyle.NORMAL if buttons else ButtonStyle.PRIMARY
        buttons.append(Button(ASK_PERSON, _ask_label(school), answered.state, style, opens_form=True))
    if shared and not decision.missing:
        buttons.append(Button(SHARE, say("answer.share"), answered.state))
    return (Buttons(tuple(buttons)),) if buttons else ()


def _others(state: str, found: Understood) -> tuple[Part, ...]:
    # A reading that was chosen has no likelihood of its own.
    likeliest = min(found.best.score, max((c.score for c in found.alternatives), default=0.0) + _FAR / 2)
    near = [c for c in found.alternatives if c.score >= likeliest - _FAR]
    buttons = [*_readings(state, near), Button(MISREAD, say("answer.not_mine"), state)]
    parts: tuple[Leaf, ...] = (Buttons(tuple(buttons)),)
    return (Section(say("answer.others"), parts),)


def _elsewhere(answered: Answered) -> Card:
    """Small talk, and what no online-safety policy is about."""
    return Card(
        say("answer.nothing_title"),
        say("answer.summary"),
        (Text(say("answer.elsewhere")), _ways_on(), *_others(answered.state, answered.understood)),
    )


def _unsure(school: School, answered: Answered) -> Card:
    """Readings to choose from. What may have happened is not left waiting for the choice."""
    found = answered.understood
    readings = _readings(answered.state, (found.best, *found.alternatives))
    buttons = (*readings, Button(MISREAD, say("answer.none"), answered.state))
    report = _report_as(found.report) if found.report is not None else Button(REPORT, say("help.report"), opens_form=True)
    return Card(
        say("answer.unsure_title"),
        say("answer.summary"),
        (*_alarm(school, answered), Text(say("answer.unsure")), Buttons(buttons), Buttons((report,))),
    )


def _report_as(hint: ReportHint) -> Button:
    value = f"{hint.concern}|{hint.about or ''}"
    return Button(REPORT_AS, say("answer.report"), value, ButtonStyle.PRIMARY, opens_form=True)


def _readings(state: str, choices: Iterable[Choice]) -> list[Button]:
    asked_id, _, facts = replay(state)
    return [Button(AGAIN, _label(c.question.title), carried(asked_id, c.question.id, facts)) for c in choices]


def _label(title: str) -> str:
    return title[:1].upper() + title[1:]


def _cases(catalogue: Catalogue, cases: Iterable[Case]) -> list[str]:
    lines = []
    for case in cases:
        values = [listed(catalogue.facts[f].label(v) for v in sorted(said)) for f, said in case.when.items()]
        when = ", ".join(values) or say("answer.otherwise")
        lines.append(say("answer.case", when=when, verdict=say(f"verdict.{case.verdict}"), text=case.say))
    return lines


def _ask_label(school: School) -> str:
    return say("answer.person_answers", role=school.policy.role_title(SILENT_ROLE))


def _who(school: School, role: Role, holders: Mapping[Role, tuple[str, ...]]) -> str:
    title, names = school.policy.role_title(role), holders.get(role, ())
    if not names:
        return say("answer.role", role=title)
    # Brackets of a title's own, as in "Safeguarding Lead (DSL)", do not stand in brackets.
    return say("answer.role_named", role=title.replace(" (", ", ").replace(")", ""), names=", ".join(names))


def _person(school: School, role: Role, holders: Mapping[Role, tuple[str, ...]]) -> str:
    title, names = school.policy.role_title(role), holders.get(role, ())
    return say("answer.person", role=title, names=", ".join(names)) if names else title
