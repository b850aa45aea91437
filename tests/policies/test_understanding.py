"""What must hold of every answer, however the question is put."""

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
import yaml

from domain.answers import Verdict
from domain.asking import ELSEWHERE
from domain.words import Role
from storage.policy_files import policy_ids
from tests.policies.loaded import catalogue, engine, examples

HERE = Path(__file__).parent
POLITE = (
    "Please, {}",
    "Hi, sorry to bother you, {}",
    "{} Thanks so much!",
    "quick one: {}",
    "Hello there. {} Many thanks in advance.",
)
CHECKED = json.loads((HERE / "floor.json").read_text())


def checked_questions(school: str) -> list[dict[str, object]]:
    """Questions with their answers, written by people who had seen neither rules nor lexicon. Nothing is learnt from them."""
    text = (HERE / "questions" / f"{school}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def slips(text: str) -> Iterator[str]:
    """The text with one slip of the keys in a longer word: two letters swapped, one left out, one twice."""
    words = text.split()
    for place in sorted((n for n, w in enumerate(words) if len(w) > 5 and w.isalpha()), key=lambda n: -len(words[n]))[:3]:
        word = words[place]
        middle = len(word) // 2
        for wrong in (
            word[: middle - 1] + word[middle] + word[middle - 1] + word[middle + 1 :],
            word[:middle] + word[middle + 1 :],
            word[:middle] + word[middle] + word[middle:],
        ):
            yield " ".join([*words[:place], wrong, *words[place + 1 :]])


@pytest.mark.parametrize("school", policy_ids())
def test_no_politeness_slip_or_case_turns_a_no_into_a_yes(school: str) -> None:
    """Whoever is told no is told no however kindly, hastily or loudly they ask."""
    for asked in checked_questions(school):
        text = str(asked["q"])
        if engine(school).understand(text).best.decision.verdict is not Verdict.NO:
            continue
        put = [form.format(text) for form in POLITE] + [text.upper(), text.lower(), text.rstrip("?"), *slips(text)]
        permitted = [n for n, other in enumerate(put) if engine(school).understand(other).best.decision.verdict is Verdict.YES]
        # By number: whoever mends what fails must not have read what it is measured by.
        assert not permitted, (school, asked["id"], permitted)


@pytest.mark.parametrize("school", policy_ids())
def test_the_same_text_gets_the_same_answer(school: str) -> None:
    """Nothing is drawn by lot, and nothing is remembered."""
    asked = [str(q["q"]) for q in checked_questions(school)[:20]]
    once = [engine(school).understand(text) for text in asked]
    again = [engine(school).understand(text) for text in reversed(asked)]
    same = once == again[::-1]
    assert same


@pytest.mark.parametrize("school", policy_ids())
def test_every_case_of_every_answer_is_reached_by_a_question(school: str) -> None:
    """No rule that nobody can find: some way of asking it leads there, with the facts that the case turns on."""
    found = engine(school)
    asks = {q.id: list(q.asks) for q in catalogue().questions.values()}
    for text, question in examples():
        asks.setdefault(question, []).append(text)
    missed = []
    for answer in found.sheet:
        options = {f: [o.value for o in catalogue().facts[f].options] for case in answer.cases for f in case.when}
        wanted = set(range(len(answer.cases)))
        for text in asks[answer.to]:
            for values in product(*options.values()) if wanted else ():
                best = found.understand(text, facts=dict(zip(options, values, strict=True))).best
                if best.question.id == answer.to and best.decision.case is not None:
                    wanted.discard(best.decision.number)
            if not wanted:
                break
        missed += [f"{answer.to}: case {number}" for number in sorted(wanted)]
    assert missed == []


def test_what_nothing_was_learnt_from_is_answered_as_well_as_it_was() -> None:
    """The checked questions: nothing wrongly permitted, and no fewer right than when the figure was last set.

    For all five; and for each school, where of a hundred questions three more or fewer are chance, three fewer. A floor
    without that room would have every change of a policy fitted to these questions, which they are not to be.
    """
    right = asked = 0
    permitted = []
    for school in policy_ids():
        before = right
        rows = checked_questions(school)
        for row in rows:
            decision = engine(school).understand(str(row["q"])).best.decision
            verdicts, cites = row["verdict"], row["cites"]
            assert isinstance(verdicts, list)
            assert isinstance(cites, list)
            stands = not cites or decision.verdict is Verdict.NOT_COVERED or bool(set(decision.cites) & set(cites))
            right += decision.verdict in verdicts and stands
            asked += 1
            if decision.verdict is Verdict.YES and Verdict.YES not in verdicts and Verdict.INFO not in verdicts:
                permitted.append(row["id"])
        assert (right - before) / len(rows) >= CHECKED["schools"][school], school
    assert permitted == []
    assert right / asked >= CHECKED["right"]


def test_grave_things_raise_an_alarm_and_plain_questions_do_not() -> None:
    """Told in the words of staff: whom to tell stands in the answer, whatever rule was found."""
    texts = yaml.safe_load((HERE / "alarms.yaml").read_text())
    found = engine("elton")
    grave = [text for of_one in texts["raises"].values() for text in of_one]
    silent = [text for text in grave if not found.understand(text).tell]
    loud = [text for text in texts["silent"] if found.understand(text).tell]
    assert len(silent) <= len(grave) // 50, silent
    assert loud == []


def test_whoever_has_leave_is_not_answered_with_a_penalty() -> None:
    """Whether a pupil may is no question after what happens to one who does it without leave."""
    asked = "Can a student use a mobile phone in a lesson?"
    answers = [engine("ken-stimpson").understand(f"{asked}{told}").best for told in ("", " The teacher has allowed it.")]
    assert [best.question.id for best in answers] == ["pupil-phone-lessons"] * 2
    assert [best.decision.verdict for best in answers] == [Verdict.ASK_FIRST, Verdict.YES]


def test_a_fact_that_another_rule_turns_on_makes_no_yes() -> None:
    """Phones are allowed at break; whoever adds that it is a lesson asks about lessons."""
    told = "Can students use their phones at school? It is in a lesson and the teacher has not allowed it."
    assert engine("ken-stimpson").understand(told).best.decision.verdict is not Verdict.YES


def test_whom_to_tell_of_a_tap_is_no_matter_of_the_policy() -> None:
    """What is not about online safety is known as that, and not taken for the nearest rule."""
    for text in (
        "heating won't come on in the sports hall, who do I ring",
        "who resets the burglar alarm",
        "he's been sick on the carpet",
    ):
        assert engine("chipping-sodbury").understand(text).best.question.topic == ELSEWHERE, text


def test_what_is_told_without_a_question_names_whom_to_turn_to() -> None:
    """The rule on sticks names nobody; that this one is lost may be meant, and whoever tells of it learns whom to tell."""
    lost = engine("danecourt").understand("I have looked everywhere for my memory stick with the reports on it.")
    assert not lost.best.decision.roles
    assert Role.HEADTEACHER in lost.roles
    assert not engine("elton").understand("Can I use my own photo on the door of my classroom?").turn_to


@pytest.mark.parametrize("text", ["photos", "what about photos", "phones?", "Any rules on email", "laptops"])
def test_a_mere_subject_is_no_question(text: str) -> None:
    """What it is about and nothing more: readings are offered, and no verdict is made of it."""
    assert not engine("chipping-sodbury").understand(text).sure


@pytest.mark.parametrize("text", ["What is sexting?", "can i friend an ex-pupil?", "Who is the DSL?", "sexting"])
def test_few_words_that_ask_something_are_answered(text: str) -> None:
    """Short is not vague; and what may be grave is told at once, before any choice."""
    found = engine("chipping-sodbury").understand(text)
    assert found.sure or found.tell


def test_a_long_text_and_an_odd_one_are_answered() -> None:
    """Whatever is typed, something that can be shown comes back."""
    for text in ("?", "...", "\u00e9\u00e8", "a" * 4000, "can I " * 400, "0", "\U0001f600", "'", "n't"):
        assert engine("elton").understand(text).best.question.title


def test_encryption_does_not_make_ones_own_laptop_the_schools() -> None:
    """Encrypted school devices may leave with pupils' data; devices of one's own are not used for work at all."""
    for text in (
        "My own laptop is encrypted with BitLocker. May I take class data home on it?",
        "Is pupil data ok on my own encrypted iPad?",
    ):
        assert engine("danecourt").understand(text).best.decision.verdict is not Verdict.YES, text
