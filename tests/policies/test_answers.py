"""The schools' answers: every file can be used, the ranking is the newest, and an answer is a rule with its clause."""

import io
import json
from pathlib import Path

import pytest

from bot.ask_command import ask_batch
from domain.answers import Verdict, decide
from domain.understanding import _SPEAK_FOR, AGREEMENT
from storage.answer_files import load_lexicon, load_sheet
from storage.answering import learnt
from storage.learning import examples_digest, learnt_from
from storage.policy_files import PolicyFileError, load_policy, policy_ids
from tests.policies.loaded import catalogue, engine, sheet

FORM = {"id", "verdict", "rule", "title", "answer", "cites", "roles", "asks", "alternatives", "sure", "facts"}


def test_the_ranking_was_learnt_from_this_catalogue() -> None:
    """After a change of the catalogue, the lexicon or the examples it is learnt anew, and kept with them."""
    assert learnt().ranking.labels
    assert learnt_from() == examples_digest(), "run esafety pack learn"


@pytest.mark.parametrize("school", policy_ids())
def test_every_answer_can_be_given(school: str) -> None:
    """Each case of each answer is a verdict, words, and clauses that the policy has."""
    policy = load_policy(school)
    for answer in sheet(school):
        for case in answer.cases:
            facts = {fact: min(values) for fact, values in case.when.items()}
            decision = decide(catalogue().questions[answer.to], answer, facts)
            assert decision.verdict is not Verdict.DEPENDS
            assert all(policy.cite(clause).heading for clause in decision.cites)


def test_a_fact_that_decides_is_asked_for_and_then_decides() -> None:
    """A former pupil's age, at Elton: asked, and said."""
    elton = engine("elton")
    open_still = elton.understand("can i friend an ex-pupil?")
    assert (open_still.best.decision.verdict, open_still.best.decision.missing) == (Verdict.DEPENDS, "age")
    told = elton.understand("can i friend an ex-pupil?", chosen=open_still.best.question.id, facts={"age": "under_18"})
    assert told.best.decision.verdict is Verdict.NO
    assert elton.understand("can i friend an ex-pupil? She is 17.").best.decision.verdict is Verdict.NO


@pytest.mark.parametrize(
    "told",
    [
        "The Headteacher has already approved it.",
        "the head said yes",
        "The Head's agreed to it.",
        "The Head has told me I may.",
        "We have been given permission.",
        "Permission has been given.",
        "I've got permission.",
        "Yes, it's been agreed.",
    ],
)
def test_once_whoever_must_agree_has_agreed_it_is_a_yes(told: str) -> None:
    """Asked first it is not allowed yet; with the agreement that the clause wants it is, and the words say so."""
    elton = engine("elton")
    asked = "Can I set up a Twitter account for our department?"
    assert elton.understand(asked).best.decision.verdict is Verdict.ASK_FIRST
    agreed = elton.understand(f"{asked} {told}").best.decision
    assert agreed.verdict is Verdict.YES
    assert "approv" in agreed.case.say if agreed.case else False


@pytest.mark.parametrize(
    "told",
    [
        "My line manager has agreed to it.",
        "A parent has already agreed to it.",
        "The caretaker gave me permission.",
        "My union rep has agreed.",
        "The SENCO has approved it.",
        "I've got permission from my mentor.",
        "Doctor Who says it is fine.",
        "The head's PA OK'd it.",
        "The Headteacher's husband said I could.",
        "The secretary to the Head has approved it.",
        "My neighbour has said yes.",
        "The agency is happy with it.",
        "I agreed he can.",
        "I've given permission.",
        "I gave it the go-ahead.",
        "A pupil says the Head agreed.",
        "I told the Head afterwards.",
        "The Head said no but my line manager agreed.",
        "My line manager agreed and will tell the Headteacher.",
        "I have not asked the Headteacher yet.",
        "I will ask the Headteacher tomorrow.",
        "I'm waiting to hear from the hospital this morning.",
        "",
    ],
)
def test_nobody_elses_word_is_a_permission(told: str) -> None:
    """Where the Headteacher must agree, it takes the Headteacher."""
    found = engine("elton").understand(f"Can I set up a Twitter account for our department? {told}").best.decision
    assert found.verdict is not Verdict.YES


@pytest.mark.parametrize(
    ("told", "allowed"),
    [
        ("The Headteacher has agreed.", False),
        ("The parents have given permission.", False),
        ("It's been agreed.", False),
        ("The Headteacher has agreed and my line manager too.", False),
        ("The head's PA OK'd it and the parents have given permission.", False),
        ("The Headteacher has agreed but the parents have not.", False),
        ("The Head agreed and will tell the parents.", False),
        ("The Head has given permission to ask the parents.", False),
        ("The head, but not the parents, has agreed.", False),
        ("The Headteacher has agreed and the parents have given permission.", True),
        ("Both the head and the parents have given permission.", True),
        ("The Head has said yes. Every parent has signed the consent form.", True),
        ("The children, their parents and the Headteacher have all given permission.", True),
        ("The children have agreed.", False),
    ],
)
def test_where_each_must_agree_each_has_to_be_named(told: str, allowed: bool) -> None:
    """A picture on one's own phone takes the Headteacher and the parents."""
    found = engine("elton").understand(f"Can I take photos of the children on my own phone? {told}").best.decision
    assert (found.verdict is Verdict.YES) is allowed


@pytest.mark.parametrize(
    ("school", "asked", "breaks_it"),
    [
        ("elton", "Can I use my mobile phone in the staffroom at lunch?", "Some children are in here with me."),
        ("elton", "Can I contribute to my subject association's wiki?", "I want to write about one of our pupils."),
        ("danecourt", "A pupil needs to ring home, can she?", "She would use her own mobile phone."),
        (
            "danecourt",
            "The parents have signed the photo slip. Can I put a picture of the class on the school website?",
            "I took it on my own phone.",
        ),
        (
            "chipping-sodbury",
            "The parents have signed the consent form. Can I post a photo of the team on social media?",
            "It would go on my own personal account.",
        ),
    ],
)
def test_what_breaks_the_condition_of_a_clause_takes_the_yes_away(school: str, asked: str, breaks_it: str) -> None:
    """Nobody is asked about what is seldom so; whoever says that it is so is told."""
    found = engine(school)
    assert found.understand(asked).best.decision.verdict is Verdict.YES
    assert found.understand(f"{asked} {breaks_it}").best.decision.verdict is not Verdict.YES


def test_what_is_forbidden_either_way_is_not_asked_further() -> None:
    """Unencrypted data stays in, on whosever device it is; encrypted it turns on that."""
    danecourt = engine("danecourt")
    asked = "Can a laptop holding personal data leave the school site?"
    refused = danecourt.understand(f"{asked} It isn't encrypted.").best.decision
    assert (refused.verdict, refused.missing) == (Verdict.NO, "")
    assert danecourt.understand(f"{asked} It is encrypted.").best.decision.missing == "equipment"


def test_what_was_asked_before_is_no_doubt_of_what_is_told() -> None:
    """Without leave, was the question; that it was given is told."""
    asked = "Can a pupil send private emails from the school account without asking?"
    ken_stimpson = engine("ken-stimpson")
    assert ken_stimpson.understand(asked).best.decision.verdict is not Verdict.YES
    assert ken_stimpson.understand(f"{asked} Staff have given permission.").best.decision.verdict is Verdict.YES


@pytest.mark.parametrize(
    ("told", "verdict"),
    [
        ("The Head said no.", Verdict.NO),
        ("The Headteacher has refused.", Verdict.NO),
        ("The head won't allow it.", Verdict.NO),
        ("I haven't asked the Head yet.", Verdict.ASK_FIRST),
        ("I'm still waiting to hear from the Head.", Verdict.ASK_FIRST),
        ("Should I ask what the head said?", Verdict.ASK_FIRST),
        ("The head has not agreed yet. I don't want to wait till Monday.", Verdict.ASK_FIRST),
    ],
)
def test_who_was_told_no_need_not_ask(told: str, verdict: Verdict) -> None:
    """A class page at Elton: the head's no is a no. Who has not asked yet is told whom to ask."""
    found = engine("elton").understand(f"Can I start a Facebook page for our Forest School sessions? {told}")
    assert found.best.decision.verdict is verdict


def test_a_permission_is_given_by_people_whom_the_lexicon_knows() -> None:
    """Each concept that speaks for a role is one that the reader finds."""
    assert {AGREEMENT, *_SPEAK_FOR} <= set(load_lexicon().concepts)


def test_a_sentence_after_a_careless_question_is_one_of_its_own() -> None:
    """No capitals and no question mark, and then how things stand: told apart as if there were."""
    ken_stimpson = engine("ken-stimpson")
    asked = "can studnts use there school emial for persnal stuff"
    assert ken_stimpson.understand(asked).best.decision.verdict is Verdict.ASK_FIRST
    assert ken_stimpson.understand(f"{asked} Staff have given permission.").best.decision.verdict is Verdict.YES
    assert ken_stimpson.understand(f"{asked} Staff have not given permission.").best.decision.verdict is Verdict.NO


@pytest.mark.parametrize(
    ("school", "asked", "told", "verdict"),
    [
        ("cookridge", "am i alowd my smart wach on in clas", "Slt alredy said its fine.", Verdict.YES),
        ("cookridge", "am i alowd my smart wach on in clas", "Slt said no wen i askd.", Verdict.NO),
        ("cookridge", "am i alowd my smart wach on in clas", "Senior managment alredy said its fine.", Verdict.YES),
        (
            "cookridge",
            "Could I check my WhatsApp while I teach?",
            "SLT okayed it this morning, as my son's in hospital.",
            Verdict.YES,
        ),
        ("danecourt", "Can Twitter be unblocked for my lesson?", "The SENCO has approved it.", Verdict.NO),
        (
            "cookridge",
            "Am I allowed my smart watch in class?",
            "SLT gave permission, but they took it back.",
            Verdict.ASK_FIRST,
        ),
        (
            "elton",
            "Ok to hook my own MacBook up to the wifi?",
            "Our head has already said that my laptop may go on.",
            Verdict.YES,
        ),
        ("elton", "is it ok if I use my own laptop on the wifi", "", Verdict.ASK_FIRST),
    ],
)
def test_leave_is_told_in_words_of_all_kinds(school: str, asked: str, told: str, verdict: Verdict) -> None:
    """Without a question mark, and without one of the words for leave."""
    assert engine(school).understand(f"{asked} {told}".strip()).best.decision.verdict is verdict


@pytest.mark.parametrize(
    "told", ["The head has banned it.", "The parents have signed, but the head refused.", "SLT knocked it back."]
)
def test_no_yes_stands_against_a_refusal(told: str) -> None:
    """The rule asks for nobody's leave; but somebody has said no."""
    ken_stimpson = engine("ken-stimpson")
    assert ken_stimpson.understand("Can staff use blogs in school?").best.decision.verdict is Verdict.YES
    assert ken_stimpson.understand(f"Can staff use blogs in school? {told}").best.decision.verdict is not Verdict.YES


def test_what_is_denied_in_one_half_of_a_sentence_is_not_in_the_other() -> None:
    """There are no names, and there is consent."""
    asked = "Can I post the team photo with full names? There won't be any names, and the parents have signed."
    facts = engine("chipping-sodbury").understand(asked).facts
    assert (facts["named"], facts["consent"]) == ("no", "yes")


def test_a_yes_is_given_to_whoever_would_do_it() -> None:
    """At Ken Stimpson staff may look at their own mail, and pupils ask first: it was a pupil who wanted to."""
    ken_stimpson = engine("ken-stimpson")
    asked = "Am I allowed to check my own Gmail on the school network?"
    assert ken_stimpson.understand(f"{asked} I teach Year 9.").best.decision.verdict is Verdict.YES
    found = ken_stimpson.understand(f"{asked} Sorry, it's one of my students who wants to, not me.")
    assert (found.best.question.id, found.best.decision.verdict) == ("email-private-at-school-pupil", Verdict.ASK_FIRST)
    blogs = ken_stimpson.understand("Are staff permitted to use blogs in school? The person who wants to is a Year 10.")
    assert blogs.best.decision.verdict is not Verdict.YES


def test_what_no_policy_says_is_said_so() -> None:
    """Recognised, and not taken for its neighbour."""
    for school in policy_ids():
        found = engine(school).understand("How do I claim my mileage for a course?")
        assert found.best.decision.verdict is Verdict.NOT_COVERED


def test_answers_in_lines() -> None:
    """In the order of the questions, each in the stable form; a line that is none says so and does not stop the others."""
    asked = ['{"id": 1, "q": "Can I follow a pupil on Instagram?"}', '{"id": 2}', '{"id": "x", "q": "\\ud800 ???"}', ""]
    out = io.StringIO()
    assert ask_batch(load_policy("elton"), io.StringIO("\n".join(asked)), out) == 1
    first, wrong, odd = (json.loads(line) for line in out.getvalue().splitlines())
    assert first["id"] == 1
    assert set(first) == FORM
    assert (first["verdict"], len(first["alternatives"])) == ("no", 3)
    assert "line 2" in wrong["error"]
    assert odd["id"] == "x" or "error" in odd


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("- to: nothing-like-it\n  cases: [{verdict: info, say: Something., cites: [staff-guidance.1]}]", "no such question"),
        ("- to: friend-pupil\n  cases: [{verdict: perhaps, say: Something., cites: [staff-guidance.1]}]", "verdict"),
        ("- to: friend-pupil\n  cases: [{verdict: info, say: Something., cites: [nowhere.1]}]", "nowhere.1"),
        ("- to: friend-pupil\n  cases: [{verdict: info, say: Something., cites: [staff-guidance.1], colour: red}]", "colour"),
        (
            "- to: friend-pupil\n  cases: [{verdict: avoid, say: Something., cites: [staff-guidance.1], once_agreed: Go on.}]",
            "once_agreed",
        ),
        (
            "- to: friend-pupil\n  cases: [{verdict: avoid, say: Something., cites: [staff-guidance.1], all_agree: true}]",
            "all_agree",
        ),
    ],
)
def test_a_wrong_answer_is_refused_with_its_line(broken: str, words: str, tmp_path: Path) -> None:
    """The file and the line are named."""
    folder = tmp_path / "elton" / "answers"
    folder.mkdir(parents=True)
    (folder / "contact.yaml").write_text(f"# A comment.\n{broken}\n", encoding="utf-8")
    with pytest.raises(PolicyFileError, match=r"contact\.yaml:[23]") as refused:
        load_sheet(load_policy("elton"), catalogue(), tmp_path)
    assert words in str(refused.value)
