"""Which question of the catalogue somebody asks, and what they said of the facts that decide it.

What ranks the questions and what notices the facts is learnt from examples (storage.learning) and is a sum of weights: the same
text always gives the same reading, and nothing is made up. Neither decides a verdict: they choose among rules that somebody
wrote, say what was chosen, and offer the others.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from domain.alarms import Alarm, Alarms
from domain.answers import (
    CONSENT,
    GIVEN,
    HOPING,
    NOT_GIVEN,
    PERMISSION,
    STRICTNESS,
    Answer,
    Catalogue,
    Decision,
    Form,
    Frame,
    Question,
    ReportHint,
    Sheet,
    Verdict,
    decide,
)
from domain.forms import form_of
from domain.language import Reader, Reading, features
from domain.layered import Layered
from domain.linear import Numbers
from domain.linears import Linears
from domain.words import EXTERNAL_ROLES, Role

_ALTERNATIVES, _LIKELY = 3, 12
_AGE = re.compile(
    r"\b(?:is|are|isn't|aren't|aged?|turn|turns|turned|turning|now|he's|she's|they're|hes|shes|be|was|nearly|almost|under|over|until|"
    r"till|not|only|just)\s+(?:only |just |now |about |nearly |almost |not |yet |quite |under |over |still |even )*"
    r"(?P<age>\d{1,2})(?!\s*(?:minutes|hours|days|weeks|months|of\b|%|\d))\b"
    r"|\b(?P<years>\d{1,2})[- ]?(?:years?[- ]old|yr old|yo\b)"
)
_NOT_YET = re.compile(
    r"\b(?:nearly|almost|not|isn't|aren't|won't be|wont be|until|till|under|below|before|turning|coming up to|about to|"
    r"approaching)(?: \w+){0,2} $"
)
_SOON = re.compile(
    r" ?(?:years old )?(?:tomorrow|next|soon|shortly|yet|before long|later|"
    r"in (?:a|an|one|two|three|a few|\d+|the|january|february|march|april|may|june|july|august|september|october|"
    r"november|december)|"
    r"on (?:mon|tues|wednes|thurs|fri|satur|sun)day|"
    r"this (?:week|month|term|year|spring|summer|autumn|winter|mon|tues|wednes|thurs|fri|satur|sun))\b"
)
"""What makes an age one that somebody has yet to reach."""
_AFTER_THESE = (
    "a about all an and any are as ask at between by can could deputy do does for from has have her his if in inform is let "
    "may must my of on or other our should tell than that the to what when where which who will with would your"
)
_NOT_WITHIN = "".join(rf"(?<!\b{word})" for word in _AFTER_THESE.split())
_BEGINS = (
    "It Its He Hes She Shes They You Im Ive Id We Weve The This That There Theres My His Her Our Their No Not None "
    "Nobody Noone Somebody Someone Everyone Everybody Both Some Only Just Actually Sorry Turns But And So Also "
    "Already If When Because Cos At After Before During In On By Slt Smt Senior Management"
)
_AGREE = (
    "Head Deputy Mum Dad Staff Parent Parents Governor Governors Pupil Pupils Student Students Teacher Teachers Kids Children "
    "Lads Girls Boys Permission Consent All"
)
_RUN_ON = re.compile(
    rf"^([^A-Z.?!]*[^A-Z.?!\s]){_NOT_WITHIN} +(?=(?:{_BEGINS.replace(' ', '|')})\b|"
    rf"(?:{_AGREE.replace(' ', '|')}) (?:\w+ )?"
    r"(?:has|hav|have|had|said|sed|says|is|are|was|were|agreed|signed|gave|won|don)\b)"
    rf"|^((?=[^A-Z]*\b(?:i|im|ive|id)\b)[^A-Z.?!]*[^A-Z.?!\s]){_NOT_WITHIN} +(?=I(?:'?m|'?ve|'?d)?\b)"
)
"""Where somebody who types neither capitals nor stops goes on with a sentence that was begun properly."""
_EITHER_WAY = re.compile(
    r",?\s+(?:(?:yes|yay|yea) or (?:no|nay)|or (?:not|no|nah|nope|what|wot))(?=\s*(?:[?.!,]|$))", re.IGNORECASE
)
"""What asks for the one or the other, and says neither."""
_SENTENCE = re.compile(r"(?<=[.?!;])\s+|\n+")
_SUBJECT = "i|we|he|she|they|it|there|nobody|everyone|everybody"
_CLAUSE = re.compile(
    rf",? (?:and|but) (?=(?:{_SUBJECT})(?:'\w+)?\b)"
    r"|, (?:and|but) (?=(?:the|all|his|her|their|my|our|mum|dad|parents|slt|no)\b)",
    re.IGNORECASE,
)
"""Where a sentence goes on with another of its own."""
_SAYS_NOTHING = re.compile(
    r"\b(?:a|about|an|and|any|can|do|does|for|get|give|hello|help|hi|how|i|if|in|info|information|it|me|more|my|of|on|or|our|please|"
    r"policy|questions?|rules?|says?|some|stuff|tell|thanks|that|the|there|things?|this|to|us|we|what)\b"
)
_MEANING = re.compile(r"\b(?:what(?:'s| is| are|s)|define|meaning|mean)\b")
_AGE_FACT, _ADULT = "age", 18
AGREEMENT = "agreement"
"""The lexicon's concept of the words in which people tell that somebody agreed."""
_SPEAK_FOR: Mapping[str, frozenset[Role]] = {
    "headteacher": frozenset({Role.HEADTEACHER, Role.SENIOR_LEADERSHIP}),
    "senior_leader": frozenset({Role.SENIOR_LEADERSHIP}),
    "middle_leader": frozenset({Role.HEAD_OF_HOUSE, Role.HEAD_OF_FACULTY, Role.LINE_MANAGER}),
    "governor": frozenset({Role.GOVERNORS, Role.CHAIR_OF_GOVERNORS}),
    "dsl": frozenset({Role.DSL, Role.DEPUTY_DSL}),
    "esafety_officer": frozenset({Role.ESAFETY_OFFICER}),
    "computing_lead": frozenset({Role.COMPUTING_COORDINATOR}),
    "technician": frozenset({Role.IT_SUPPORT}),
    "strategy_group": frozenset({Role.IT_STRATEGY_GROUP}),
    "teaching_staff": frozenset({Role.CLASS_TEACHER}),
    "colleague": frozenset({Role.CLASS_TEACHER}),
    "parent": frozenset({Role.PARENTS}),
    **dict.fromkeys(
        (
            "family_member",
            "former_pupil",
            "leaver",
            "local_authority",
            "new_staff",
            "outside_agency",
            "police",
            "pupil",
            "supply_trainee",
            "support_staff",
            "visitor",
            "volunteer",
        ),
        frozenset[Role](),
    ),
}
"""Whose word a permission is, by the lexicon's concepts of people."""
_NOBODY_NAMED = re.compile(
    r"^(?:(?:yes|yep|yeah|ok|okay|and|but|so|well|actually|now|also|already|good news)[,:]? +)*"
    r"(?:i|we|i'?ve|we'?ve|it|it'?s|that|that'?s|this|there|all|everything|got|been|has been|have|cleared|approved|"
    r"agreed|signed|authorised|okayed|(?:the |a |full |written |verbal |their |formal |prior )*"
    r"(?:permission|consent|approval|agreement|leave|authorisation|clearance|ok|go[- ]ahead|nod|green light)(?:'s)?|"
    r"(?:the|our|its) (?:\w+ ){1,3}(?:(?:has|have) (?:\w+ )?been|is|was|were) (?:already |now |all |since )?"
    r"(?:agreed|approved|okayed|authorised|cleared|sanctioned|signed off))\b"
)
_ONES_OWN_WORD = re.compile(
    r"\b(?:i|we)(?:'d|'ve| have| had)?(?: \w+ly| also| already)? "
    r"(?:agree|approve|ok|okay|allow|permit|authorise|let|giv|gave|grant|clear|said|told)"
)
"""Whoever asks has agreed themselves, which is nobody's leave."""
_NEAR = (
    "pa|personal assistant|secretary|assistant|receptionist|clerk|wife|husband|partner|son|daughter|brother|sister|friend|mate|"
    "neighbour|office"
)
_SOMEBODYS = re.compile(rf"\b\w+'?s (?:own )?(?:{_NEAR})\b|\b(?:{_NEAR}) (?:to|of) \w+")
_SOMEBODYS_PARENT = re.compile(r"\b\w+'?s (?:own )?(?:mum|dad|mother|father)\b")
"""Somebody who is near the person that is named, and is not that person."""
_NOT_ALL = re.compile(
    r"n't\b|'ll\b|\b(?:not|no|nobody|none|never|but|though|although|except|apart|only|without|yet|still|will|would|should|might|may|"
    r"if|once|unless|until|ask|asking|tell|tomorrow|later|waiting|hope|hoping|refused|objects?|said no)\b"
)
"""What a sentence says of one who has not agreed, beside another who has."""
_REFUSED = re.compile(
    r"\b(?:said|says?|saying|told (?:me|us|him|her|them)|answer (?:is|was)|answered|it's|was) "
    r"(?:a (?:firm |clear |flat )?)?(?:no|not to)\b(?! (?:problem|longer))|"
    r"\b(?:refus|declin|forbid|forbad|veto|object|withdr[ae]w)\w*|\b(?:turned|knocked) (?:\w+ ){1,3}down\b|\bopted out\b|"
    r"\b(?:won't|will not|wouldn't|doesn't|don't|didn't|does not|do not|did not) (?:want|allow|agree to|let|permit|like it)\b|"
    r"\b(?:am|is|are|was|were|dead|totally) against (?:it|that|this)\b|"
    r"\b(?:no|none of the|not one) (?:\w+ ){1,4}(?:has|have|had) "
    r"(?:said|agreed|allowed|let|given|sanctioned|approved|authorised|permitted|okayed|signed|cleared)\b|"
    r"\b(?:said|sed|says|told (?:me|us|him|her|them)) (?:\w+ ){1,3}"
    r"(?:can't|cannot|couldn't|may not|mustn't|cant|cudnt|couldnt)\b(?! (?:wait|get enough|go wrong|care|thank))|"
    r"\b(?:banned|blocked|overruled|vetoed|denied|revoked)\b|\bknocked (?:\w+ )?back\b|\bput \w+ foot down\b|\btold not to\b|"
    r"\btook (?:it|that) back\b"
)
"""In what words it is told that somebody was asked and said no, or that nobody who may has agreed."""
_PUPILS = "(?:(?:both|all|the|our|those|every) ){0,2}(?:pupils?|students?|children|kids|child|girls?|boys?)"
_BESIDE = re.compile(
    rf"\b(?:no|without(?: any)?) (?:pupils?|students?|children|child|kids?)\b|"
    rf"\b{_PUPILS}(?:, (?=\w)| and (?=\w))(?!i\b|we\b)|(?:,| and) {_PUPILS}\b",
    re.IGNORECASE,
)
"""Pupils who agreed too, or of whom nobody is there: they are named beside whoever has given leave, and give none."""
_REASON = re.compile(
    r" (?:as|because|since|cos|seeing that) (?=(?:my|his|her|our|their|i|we|he|she|it|they|there)\b).*$", re.IGNORECASE
)
"""Why they agreed, which may speak of others: "she okayed it, as my son's in hospital"."""
_FROM_SOMEBODY = re.compile(
    r"\b(?:from|by|of|with|says?|said|told|asked)\b(?! (?:it|this|that|us|me|writing|now|then|email|letter)\b)"
)
ASKER = "asker"
"""The fact who it is that would do it: told after a question about a teacher, it may be a pupil."""
UNSAID = "unsaid"
"""The label of a text that leaves a fact open."""

FIRST_CONTACT = "report-incident"
"""The catalogue's question whom to tell of an incident in general."""

PENALTIES = "sanctions"
"""The topic of what follows upon a breach."""

FORBIDS = frozenset({Verdict.NO, Verdict.ASK_FIRST, Verdict.AVOID, Verdict.MUST})


@dataclass(frozen=True, slots=True)
class Tuning:
    """What was settled by measurement (docs/adr/0014). All but `stated` are in units of the ranking's spread.

    `covered` prefers what the school answers at all, `silent` what it answers by saying that the policy does not say; `penalty`
    sets back what follows upon a breach where it is asked whether something may be done. Below
    `unsure` between the best two the person chooses. A yes gives way to a stricter reading below `permit_margin`, below
    `leading_margin` where the question hoped for it, and below `told_margin` where it rests on facts that were told.
    `stated`: how sure it must be that a fact was stated; `stated_otherwise`: where something else is assumed of it;
    `stated_to_permit`: where it makes a yes; `asked_to_permit`: the same, within the question; `leave`: that leave was given,
    where none of the words for it is there. Below `duty_margin` an answer that names nobody names whom a duty names that may be
    meant instead.
    """

    covered: float = 0.9
    silent: float = 0.3
    penalty: float = 0.6
    unsure: float = 0.15
    permit_margin: float = 1.3
    leading_margin: float = 2.5
    told_margin: float = 1.0
    stated: float = 0.1
    stated_otherwise: float = 0.5
    stated_to_permit: float = 1.0
    asked_to_permit: float = 1.15
    leave: float = 1.5
    duty_margin: float = 1.5


TUNING = Tuning()


@dataclass(frozen=True, slots=True)
class Choice:
    """A question that may have been meant, with what the school answers to it."""

    question: Question
    decision: Decision
    score: float


@dataclass(frozen=True, slots=True)
class Understood:
    """What was understood of a text. `sure` is False where the readings are so close that the person should choose.

    `tell` are the people to tell at once where something grave seems to have happened, with `report` to fill into the form;
    `images`: it is about an image that nobody should look at. `turn_to`: whom to turn to where the rule names nobody, and
    somebody asks what to do, or a near reading is a duty to tell somebody.
    """

    text: str
    best: Choice
    alternatives: tuple[Choice, ...]
    facts: Mapping[str, str]
    sure: bool
    tell: tuple[Role, ...] = ()
    report: ReportHint | None = None
    images: bool = False
    turn_to: tuple[Role, ...] = ()

    @property
    def roles(self) -> tuple[Role, ...]:
        """Everybody to ask or tell: those whom the rule names, whom an alarm tells, or else whom to turn to."""
        named = tuple(dict.fromkeys([*self.best.decision.roles, *self.tell]))
        return named or self.turn_to


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """What all schools share: the catalogue, how texts are read, and what was learnt from the examples."""

    catalogue: Catalogue
    reader: Reader
    ranking: Layered
    facts: Linears
    alarms: Alarms = field(default_factory=Alarms)


@dataclass(frozen=True, slots=True)
class _Stated:
    """What a text says of a fact, '' for nothing, how sure that is, and how sure something else speaks against it.

    `told`: in a sentence of its own, and not as part of the question.
    """

    value: str
    margin: float
    doubt: float = 0.0
    told: bool = True


_CERTAIN = 10.0
_TOO_SHORT = 5
_NOT_STATED = _Stated("", 0.0)


def _known(said: Mapping[str, _Stated]) -> dict[str, str]:
    return {fact: stated.value for fact, stated in said.items() if stated.value}


def _certain(said: Mapping[str, _Stated], least: float, in_question: float = 0.0) -> dict[str, str]:
    return {
        fact: stated.value
        for fact, stated in said.items()
        if stated.value and stated.margin - stated.doubt >= max(least, 0.0 if stated.told else in_question)
    }


def counted(reading: Reading) -> dict[str, int]:
    """The features of a text, each with how often it is there."""
    return Counter(features(reading))


class _Heard:
    """A text that is being understood, with what is known beside it. It is read once, whatever it is then asked for."""

    def __init__(self, text: str, reader: Reader, given: Mapping[str, str], day: date) -> None:
        self.typed = text
        self.text = _EITHER_WAY.sub("", _RUN_ON.sub(lambda begun: f"{begun[1] or begun[2]}? ", text))
        self.given = given
        self.day = day
        self.form = form_of(self.text)
        self.said: dict[str, _Stated] = {}
        self._reader = reader
        self._readings: dict[str, Reading] = {}
        self._features: dict[str, dict[str, int]] = {}
        self._facts: dict[str, Numbers] = {}

    def reading(self, piece: str) -> Reading:
        """What the text, or a piece of it, says."""
        if piece not in self._readings:
            self._readings[piece] = self._reader.read(piece)
        return self._readings[piece]

    def features(self, piece: str) -> dict[str, int]:
        """What the text, or a piece of it, is told apart by."""
        if piece not in self._features:
            self._features[piece] = counted(self.reading(piece))
        return self._features[piece]

    def facts(self, piece: str, learnt: Linears) -> Numbers:
        """How well each value of each fact fits the text, or a piece of it."""
        if piece not in self._facts:
            self._facts[piece] = learnt.scores(self.features(piece))
        return self._facts[piece]

    def known(self, least: float | None = None, in_question: float = 0.0) -> dict[str, str]:
        """The facts as far as they are known; with `least`, only what was stated as surely as that.

        Within the question it must be as sure as `in_question`.
        """
        said = _known(self.said) if least is None else _certain(self.said, least, in_question)
        return {**said, **self.given}

    def otherwise(self, assumed: Mapping[str, str], least: float) -> dict[str, str]:
        """What something is said of that is not as it is assumed, however much else may speak against it."""
        return {
            fact: self.said[fact].value
            for fact, value in assumed.items()
            if fact not in self.given
            and fact in self.said
            and self.said[fact].value not in {"", value}
            and self.said[fact].margin >= least
        }


class Engine:
    """Answers for one school. `told`: the roles that its routes alert to what an alarm is about."""

    def __init__(
        self, learnt: Learnt, sheet: Sheet, told: Mapping[ReportHint, tuple[Role, ...]], tuning: Tuning = TUNING
    ) -> None:
        self.catalogue = learnt.catalogue
        self.sheet = sheet
        self._reader = learnt.reader
        self._ranking = learnt.ranking
        self._facts = learnt.facts
        self._alarms = learnt.alarms
        self._told = told
        self._tuning = tuning
        self._questions = [learnt.catalogue.questions[i] for i in learnt.ranking.labels]
        self._places = {q.id: n for n, q in enumerate(self._questions)}
        self._prior = np.array([self._liking(sheet.on(date.max, q.id)) for q in self._questions], dtype=np.float32)
        penalties = [tuning.penalty * (q.topic == PENALTIES) for q in self._questions]
        self._penalties = np.array(penalties, dtype=np.float32)
        general = sheet.on(date.max, FIRST_CONTACT)
        named = general.cases[0].roles if general is not None else ()
        self._first_contact = tuple(r for r in named if r not in EXTERNAL_ROLES) or (Role.DSL,)

    def understand(
        self, text: str, *, chosen: str = "", facts: Mapping[str, str] | None = None, day: date = date.max
    ) -> Understood:
        """What a text asks on a day.

        With `chosen` the person has said which question they meant, with `facts` how things stand: both by pressing a button,
        since an earlier answer.
        """
        heard = _Heard(text, self._reader, facts or {}, day)
        reading = heard.reading(heard.text)
        asked = self._without_facts(heard)
        choices = self._choices(asked, heard)
        alarm = self._alarms.of(reading.typed)
        if alarm is None and reading.whole != reading.typed:
            alarm = self._alarms.of(reading.whole)
        if chosen:
            mine = self._choice(self.catalogue.questions[chosen], float("inf"), heard)
            others = [c for c in choices if c.question.id != chosen]
            return self._understood(heard, mine, others, alarm, sure=True)
        best = self._safest(choices, heard.form, reading)
        if best.decision.verdict is Verdict.YES and asked != heard.text and not best.decision.on_facts:
            # The rule does not turn on what was left out as a mere fact, so that may make it a question of another rule.
            whole = self._choices(heard.text, heard)
            if (stricter := self._safest(whole, heard.form, reading)).decision.verdict in FORBIDS:
                choices, best = whole, stricter
        best = self._unless_refused(self._of_another(best, choices, heard), choices, heard)
        others = [c for c in choices if c.question.id != best.question.id]
        answer = _answer_of(best)
        rivals = [c.score for c in others if _answer_of(c) != answer]
        vague = alarm is None and _is_a_mere_subject(text)
        sure = not vague and (not rivals or best.score - max(rivals) >= self._tuning.unsure)
        return self._understood(heard, best, others, alarm, sure=sure)

    def _understood(
        self, heard: _Heard, best: Choice, others: Sequence[Choice], alarm: Alarm | None, *, sure: bool
    ) -> Understood:
        text, facts = heard.typed, heard.known()
        turn_to = () if best.decision.roles else self._to_turn_to(best, others, heard.form)
        others = _offered(best, others)
        if alarm is None:
            return Understood(text, best, others, facts, sure, turn_to=turn_to)
        return Understood(text, best, others, facts, sure, self._told[alarm.report], alarm.report, alarm.images, turn_to)

    def _to_turn_to(self, best: Choice, others: Iterable[Choice], form: Form | None) -> tuple[Role, ...]:
        """Whom a duty names that may be meant instead, or else whom to tell in general.

        That is where it is asked what to do, or where something is told and nothing asked. Who asks for leave, or for an
        amount or a name, asks after no duty; and nobody is sent out of the school by what may have been meant.
        """
        if form not in {Form.MAY, Form.FACT, Form.REVERSED} and best.decision.verdict is not Verdict.NOT_COVERED:
            near = [c.decision for c in others if best.score - c.score < self._tuning.duty_margin]
            inside = (tuple(r for r in d.roles if r not in EXTERNAL_ROLES) for d in near if d.verdict is Verdict.MUST)
            if named := next(filter(None, inside), ()):
                return named
        return self._first_contact if form in {Form.MUST, Form.TELL, Form.IS, None} else ()

    def _choices(self, asked: str, heard: _Heard) -> list[Choice]:
        """The likeliest readings of what is asked, the best first."""
        scores = self._scores(heard.features(asked))
        if heard.form is Form.MAY:
            scores -= self._penalties
        return [self._choice(self._questions[n], float(scores[n]), heard) for n in _best(scores, _LIKELY)]

    def _scores(self, found: Mapping[str, int]) -> Numbers:
        """How likely each question is, in standard deviations."""
        raw = self._ranking.scores(found)
        scores: Numbers = (raw - raw.mean()) / (raw.std() or 1.0) + self._prior
        return scores

    def _liking(self, answer: Answer | None) -> float:
        if answer is None:
            return 0.0
        silent = all(case.verdict is Verdict.NOT_COVERED for case in answer.usual)
        return self._tuning.silent if silent else self._tuning.covered

    def _choice(self, question: Question, score: float, heard: _Heard) -> Choice:
        answer = self.sheet.on(heard.day, question.id)
        for fact in answer.turns_on if answer is not None else ():
            if fact not in heard.said:
                heard.said[fact] = self._stated(fact, heard.text, heard)
        known, assumed = heard.known(), answer.assume if answer is not None else {}
        if assumed:
            surely = heard.known(self._tuning.stated_otherwise)
            known = {fact: value for fact, value in known.items() if fact in surely or fact not in assumed}
        refused = self._refused(heard)
        decision = decide(question, answer, known, heard.form, refused)
        if assumed and (doubtful := assumed.keys() & known.keys() - heard.known(self._tuning.stated_to_permit).keys()):
            # What is taken for granted gives way to something laxer only where that was said beyond doubt.
            as_assumed = decide(question, answer, {f: v for f, v in known.items() if f not in doubtful}, heard.form, refused)
            decision = max(decision, as_assumed, key=lambda d: STRICTNESS[d.verdict])
        if decision.permits:
            decision = self._beyond_doubt(question, answer, decision, heard, refused)
        return Choice(question, decision, score)

    def _beyond_doubt(
        self, question: Question, answer: Answer | None, permitted: Decision, heard: _Heard, refused: frozenset[str]
    ) -> Decision:
        """What is decided of a yes by what was said beyond doubt, which alone makes one."""
        least = self._tuning.stated_to_permit if heard.form not in HOPING else 2 * self._tuning.stated_to_permit
        known = heard.known(least, self._tuning.asked_to_permit)
        if permitted.by_leave and PERMISSION not in heard.given and not self._may_agree(permitted, heard):
            known.pop(PERMISSION, None)
        decision = decide(question, answer, known, heard.form, refused)
        assumed = answer.assume if answer is not None else {}
        if decision.permits and (against := heard.otherwise(assumed, self._tuning.stated_otherwise)):
            # A yes that takes something for granted does not stand where that is in doubt.
            other = decide(question, answer, {**known, **against}, heard.form, refused)
            decision = decision if other.permits else other
        return decision

    def _refused(self, heard: _Heard) -> frozenset[str]:
        """Of what it is told that it was refused. Who has not asked yet, or waits for an answer, was not refused."""
        known = heard.known()
        facts = [fact for fact in (PERMISSION, CONSENT) if known.get(fact) == NOT_GIVEN]
        told = [p for p in _sentences(heard.text) if not p.endswith("?")] if facts else []
        refusing = [p for p in told if _refuses(p)]
        # Somebody who does not want something else has refused nothing.
        return frozenset(f for f in facts if any(self._stated(f, p, heard).value == NOT_GIVEN for p in refusing))

    def _may_agree(self, decision: Decision, heard: _Heard) -> bool:
        """Whether it is told, not only asked, that somebody agreed, and nobody is named with it but those to be asked.

        Where each of these must agree, each has to be named with it.
        """
        asked = frozenset(decision.roles_asked)
        if not decision.agreed and (not asked or Role.CLASS_TEACHER in asked):
            # The policy leaves open who it is that has to agree, or it may be any member of staff, whoever asks among them.
            return True
        told = [p for p in _sentences(heard.text) if not p.endswith("?") and self._gives_leave(p, heard)]
        if decision.by_all and (
            any(map(_NOT_ALL.search, map(str.casefold, told))) or not asked <= self._who_agreed(told, heard)
        ):
            return False
        return bool(told) and all(self._may_be_its_word(piece, asked, heard) for piece in told)

    def _gives_leave(self, told: str, heard: _Heard) -> bool:
        """Whether a sentence tells that somebody agreed, in one of the words for it or unmistakably in others."""
        stated = self._stated(PERMISSION, told, heard)
        certain = stated.margin - stated.doubt >= self._tuning.leave
        return stated.value == GIVEN and (certain or AGREEMENT in heard.reading(told).concepts)

    def _who_agreed(self, told: Iterable[str], heard: _Heard) -> frozenset[Role]:
        """Whoever is named as having agreed. Of parents it is also told in other words: that they signed, say."""
        people = {c for piece in told for c in heard.reading(piece).concepts if c in _SPEAK_FOR}
        consent = self._stated(CONSENT, heard.text, heard)
        signed = consent.value == GIVEN and consent.margin - consent.doubt >= self._tuning.stated_to_permit
        return frozenset(role for c in people for role in _SPEAK_FOR[c]) | (
            frozenset({Role.PARENTS}) if signed else frozenset()
        )

    def _may_be_its_word(self, told: str, asked: frozenset[Role], heard: _Heard) -> bool:
        """Whether all who are named may agree, or nobody is. Somebody whom the lexicon does not know may not."""
        told = _REASON.sub("", told)
        words = told.casefold().replace("\u2019", "'")
        if _SOMEBODYS.search(words) or (Role.PARENTS not in asked and _SOMEBODYS_PARENT.search(words)):
            return False
        people = {c for c in heard.reading(_BESIDE.sub(" ", told)).concepts if c in _SPEAK_FOR}
        if people:
            return all(not _SPEAK_FOR[c].isdisjoint(asked) for c in people)
        return bool(_NOBODY_NAMED.match(words)) and not _FROM_SOMEBODY.search(words) and not _ONES_OWN_WORD.search(words)

    def _stated(self, fact: str, text: str, heard: _Heard) -> _Stated:
        """What a text says of a fact: the last sentence that states it counts, or else the text as a whole.

        What is told after a question is doubted for what else is told then, and not for what came before, as in "without
        asking? They said yes."
        """
        if fact == _AGE_FACT and (ages := _ages(text)):
            return _Stated("adult" if ages[-1] >= _ADULT else "under_18", _CERTAIN)
        if fact not in self._facts.labels:
            return _NOT_STATED
        sentences = _sentences(text)
        questions = [n for n, piece in enumerate(sentences) if piece.endswith("?")]
        told = frozenset(sentences[questions[-1] + 1 :] if questions else sentences)
        found: list[tuple[_Stated, bool]] = []
        for piece in (*([text] if len(sentences) > 1 else []), *sentences):
            if piece.rstrip().endswith("?") and len(piece.split()) <= _TOO_SHORT:
                # "Is that allowed?" states nothing.
                continue
            by_itself = len(sentences) > 1 and piece in sentences and not piece.endswith("?")
            read = self._read(fact, piece, heard)
            if by_itself and read.value and fact != PERMISSION:
                # "There won't be any names, and the parents have signed": what is denied in the one is not in the other.
                # Of leave the whole is heard: "the head said yes, but she took it back".
                halves = (self._read(fact, half, heard) for half in _CLAUSE.split(piece))
                read = max([read, *(h for h in halves if h.value not in {"", read.value})], key=lambda one: one.margin)
            if read.value:
                found.append((replace(read, told=by_itself), piece in told))
        if not found:
            return _NOT_STATED
        last, is_told = found[-1]
        if not last.told and (others := [one for one in found if one[0].told and one[0].margin > last.margin]):
            # What somebody tells of themselves says more of it than how they go on to ask.
            last, is_told = others[-1]
        against = (one.margin for one, is_one in found if one.value != last.value and (is_one or not is_told))
        return replace(last, doubt=max([last.doubt, *against]))

    def _read(self, fact: str, piece: str, heard: _Heard) -> _Stated:
        """What a piece of a text says of a fact, for itself."""
        labels, scores = self._facts.labels[fact], self._facts.of(fact, heard.facts(piece, self._facts))
        unsaid, label = labels.index(UNSAID), int(scores.argmax())
        margin = float(scores[label] - scores[unsaid])
        if label == unsaid or margin <= self._tuning.stated:
            return _NOT_STATED
        rival = max(float(other) for n, other in enumerate(scores) if n not in {label, unsaid})
        return _Stated(labels[label], margin, max(0.0, rival - float(scores[unsaid])))

    def _without_facts(self, heard: _Heard) -> str:
        """The text without what was added to the question to state a fact: that tells which case it is, not which question."""
        asked, mark, added = heard.text.rpartition("?")
        if not mark or not added.strip():
            return heard.text
        if all(self._states_a_fact(sentence, heard) for sentence in _sentences(added)):
            return f"{asked}?"
        return heard.text

    def _states_a_fact(self, sentence: str, heard: _Heard) -> bool:
        return any(self._stated(fact, sentence, heard).margin > self._tuning.stated_to_permit for fact in self._facts.labels)

    def _of_another(self, best: Choice, choices: Sequence[Choice], heard: _Heard) -> Choice:
        """The reading, or where somebody else than it is about is told to do it ("it's a pupil who asks"), the one about them.

        Without one a yes does not stand: it was given to others.
        """
        _, mark, added = heard.text.rpartition("?")
        pieces = [half for piece in _sentences(added) for half in {piece, *_CLAUSE.split(piece)}] if mark else []
        stated = max((self._read(ASKER, piece, heard) for piece in pieces), key=lambda one: one.margin, default=_NOT_STATED)
        actor, permitted = best.question.frame.get(Frame.ACTOR), best.decision.verdict is Verdict.YES
        turns_on = best.decision.answer.turns_on if best.decision.answer is not None else ()
        least = self._tuning.stated_otherwise if permitted else self._tuning.stated_to_permit
        if stated.margin < least or actor == stated.value or not (actor or permitted) or ASKER in turns_on:
            return best
        scores = self._scores(heard.features(heard.text))
        near = {id_ for id_ in best.question.near if id_ in self._places}
        near |= {c.question.id for c in choices} | {q.id for q in self._questions if best.question.id in q.near}
        theirs = [id_ for id_ in near if self.catalogue.questions[id_].frame.get(Frame.ACTOR) == stated.value]
        if theirs:
            place = max((self._places[id_] for id_ in theirs), key=lambda n: (float(scores[n]), -n))
            theirs_is = self._choice(self._questions[place], best.score, heard)
            laxer = STRICTNESS[theirs_is.decision.verdict] < STRICTNESS[best.decision.verdict]
            return best if laxer else theirs_is
        if not permitted or actor is None:
            return best
        return next((c for c in choices if c.decision.verdict is not Verdict.YES), best)

    def _unless_refused(self, best: Choice, choices: Sequence[Choice], heard: _Heard) -> Choice:
        """The reading, or where it permits what is told to have been refused, the best one that does not."""
        if best.decision.verdict is not Verdict.YES or PERMISSION in heard.given:
            return best
        told = [half for piece in _sentences(heard.text) if not piece.endswith("?") for half in _CLAUSE.split(piece)]
        stating = (half for half in reversed(told) if self._read(PERMISSION, half, heard).value)
        last = next(stating, "")
        if not last or not _refuses(last) or self._read(PERMISSION, last, heard).value != NOT_GIVEN:
            return best
        return next((c for c in choices if c.decision.verdict is not Verdict.YES), best)

    def _safest(self, choices: Sequence[Choice], form: Form | None, reading: Reading) -> Choice:
        """The best reading, unless it permits something that a near one does not: then the near one leads.

        What is about other people or other people's things than the text speaks of is not near; nor, where leave was told, what
        follows upon a breach.
        """
        best = choices[0]
        if best.decision.verdict is not Verdict.YES:
            return best
        margin = self._tuning.leading_margin if form in HOPING else self._tuning.permit_margin
        if best.decision.on_facts and form not in HOPING:
            # Who tells how things stand is understood the better for it, and hopes for nothing.
            margin = self._tuning.told_margin
        rivals = [c for c in choices[1:] if not (best.decision.by_leave and c.question.topic == PENALTIES)]
        near = [c for c in rivals if best.score - c.score < margin and not _clashes(c.question, reading)]
        return next((c for c in near if c.decision.verdict in FORBIDS), best)


def _best(scores: Numbers, most: int) -> list[int]:
    """The places of the highest scores, the best first, and of equal ones the first: without sorting all the others."""
    near = np.flatnonzero(scores >= np.partition(scores, -most)[-most]) if len(scores) > most else np.arange(len(scores))
    return [int(n) for n in near[np.argsort(-scores[near], kind="stable")][:most]]


def _is_a_mere_subject(text: str) -> bool:
    """Whether it says what it is about and nothing else ("what about photos?"): that may mean anything."""
    words = text.casefold().replace("\u2019", "'")
    return not _MEANING.search(words) and len(re.findall(r"[a-z']+", _SAYS_NOTHING.sub(" ", words))) <= 1


def _ages(text: str) -> list[int]:
    """Every age that a text gives, in years that somebody has lived: who is nearly 18 is 17."""
    words = text.casefold().replace("\u2019", "'")
    found = []
    for match in _AGE.finditer(words):
        number = "age" if match["age"] else "years"
        begins, ends = match.span(number)
        soon = not match[0].startswith("turned") and _SOON.match(words[ends:])
        yet_to_be = soon or _NOT_YET.search(words[:begins])
        found.append(int(match[number]) - bool(yet_to_be))
    return found


def _refuses(told: str) -> bool:
    return _REFUSED.search(told.casefold().replace("\u2019", "'")) is not None


def _sentences(text: str) -> list[str]:
    return [piece.strip() for piece in _SENTENCE.split(text) if piece.strip()]


def _clashes(question: Question, reading: Reading) -> bool:
    return any(value not in reading.frames.get(str(frame), {value}) for frame, value in question.frame.items())


def _offered(best: Choice, others: Iterable[Choice]) -> tuple[Choice, ...]:
    """Other readings to choose from, the likeliest first; one of the same answer, or of none, only where there are no better.

    The last stands for all that are left: of a clause on which most of these stand, by how likely they are.
    """
    new: list[Choice] = []
    rest: list[Choice] = []
    seen = {_words_of(best)}
    for choice in sorted(others, key=lambda c: not c.decision.cites):
        words = _words_of(choice)
        (rest if words in seen else new).append(choice)
        seen.add(words)
    found, left = new[: _ALTERNATIVES - 1], [c for c in new[_ALTERNATIVES - 1 :] if c.decision.cites]
    if left:
        unmet = [c for c in left if not any(_share_a_clause(c, one) for one in found)] or left
        middle = max(left, key=lambda c: sum(math.exp(o.score) for o in unmet if _share_a_clause(c, o)))
        found.append(next(c for c in left if _share_a_clause(c, middle)))
    return tuple([*found, *(c for c in (*new, *rest) if not any(c is one for one in found))][:_ALTERNATIVES])


def _words_of(choice: Choice) -> object:
    return (choice.decision.verdict, choice.decision.cites) if choice.decision.cites else choice.question.id


def _share_a_clause(one: Choice, other: Choice) -> bool:
    return not set(one.decision.cites).isdisjoint(other.decision.cites)


def _answer_of(choice: Choice) -> object:
    decision = choice.decision
    return (decision.verdict, decision.cites[:1]) if decision.cites else choice.question.id
