"""Which other readings are offered: what gives another answer, and at the end what most of the rest stand on."""

import pytest

from domain.answers import Answer, Case, Form, Question, Verdict, decide
from domain.forms import form_of
from domain.understanding import Choice, _offered
from domain.words import Role


def _reading(name: str, score: float, verdict: Verdict | None, *cites: str) -> Choice:
    question = Question(name, "devices", name)
    answer = None if verdict is None else Answer(name, (Case(verdict, name, cites),))
    return Choice(question, decide(question, answer, {}), score)


def _named(best: Choice, *others: Choice) -> list[str]:
    return [choice.question.id for choice in _offered(best, others)]


def test_what_says_the_same_or_nothing_is_offered_only_where_there_is_nothing_better() -> None:
    """Somebody whose question was misread gains nothing by the same answer in other words."""
    best = _reading("phones in lessons", 9.0, Verdict.NO, "mobile.1")
    same = _reading("phones in class", 8.0, Verdict.NO, "mobile.1")
    silent = _reading("smart glasses", 7.0, None)
    other = _reading("phones at break", 5.0, Verdict.YES, "mobile.2")
    third = _reading("phones on trips", 4.0, Verdict.YES, "mobile.3")
    assert _named(best, same, silent, other, third) == ["phones at break", "phones on trips", "smart glasses"]
    assert _named(best, same) == ["phones in class"]
    assert _named(best) == []


def test_the_last_one_stands_for_the_rest() -> None:
    """Two readings less likely than a third, but of one clause: it is the likelier clause."""
    best = _reading("best", 9.0, Verdict.NO, "mobile.1")
    first = _reading("first", 8.0, Verdict.YES, "mobile.2")
    second = _reading("second", 7.0, Verdict.YES, "mobile.3")
    alone = _reading("alone", 6.0, Verdict.YES, "email.1")
    one = _reading("one of two", 5.8, Verdict.NO, "images.1", "images.2")
    two = _reading("the other of two", 5.7, Verdict.INFO, "images.2")
    assert _named(best, first, second, alone, one, two) == ["first", "second", "one of two"]
    assert _named(best, first, second, alone) == ["first", "second", "alone"]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        # Who, how and what at the end ask just that, whatever may be done in the story before; and whom to tell is a duty.
        ("a page that you can open in class is full of adverts, who deals with it", Form.WHAT),
        ("Heard two girls at the bus stop. May be nothing. Do I pass it on?", Form.MUST),
        ("kids on phones at dinner time, can i tell them off", Form.MAY),
        ("He shared it with the whole year. Could it end up with the police?", Form.WHAT),
        # The small words tell the form, and they are the first to go in a hurry.
        ("do i hav to sign the it form", Form.MUST),
        ("shud i tel the head", Form.MUST),
        ("am i alowd my phone at brek", Form.MAY),
        ("cn i email a photo", Form.MAY),
        ("wots the shortest it may be", Form.WHAT),
        # "It's his mum who asks" tells something; and what a child asked is told, too.
        ("Can I give him the phone back? It's his mum who has come for it.", Form.MAY),
        ("Club photos on my phone, ok? The head is fine with it.", Form.MAY),
        ("So club photos on my phone are fine, right? The head is fine with it.", Form.LEADING),
        ("I'd like to film the play. Can I?", Form.MAY),
        ("They want the clip for the website. Shall I?", Form.MAY),
        ("He let slip what happened. Shall I let the head know?", Form.MUST),
        ("I don't want to make a fuss, but do I report it?", Form.MUST),
        ("A warning is all that the policy asks for, yes?", Form.LEADING),
        ("I'd like to post the team picture. Is that OK?", Form.MAY),
        ("So is that OK?", Form.LEADING),
        # Whom to tell is a duty; who signs, checks or decides is not.
        ("who needs to be brought in?", Form.TELL),
        ("A page popped up. Who does this have to go to?", Form.TELL),
        ("It was his first time. Who do I have to take this to?", Form.TELL),
        ("2 yr7s told each otha there pasword, hu do i tel", Form.TELL),
        ("who has to sign it?", Form.FACT),
        ("Who has to agree in writing before we film?", Form.FACT),
        ("do i hav 2 get em 2 say where its from", Form.MUST),
        # A figure that counts is none of that.
        ("I need 2 photos of pupils for the website, can I take them on my own phone?", Form.MAY),
    ],
)
def test_how_a_question_is_put(text: str, form: Form) -> None:
    """What is asked last tells, however it is spelt and whatever is told after it."""
    assert form_of(text) is form


def test_what_a_child_asked_is_told() -> None:
    """And it is not what whoever tells it asks."""
    assert form_of('She said, "Miss, can I tell you something?" and told me of a man she chats with.') is not Form.MAY


def test_whoever_hopes_that_it_need_not_be_done_is_told_that_it_must() -> None:
    """To "I don't have to, do I?" a no would be taken for leave."""
    hopes = (
        "It locks by itself, so I don't have to log out, do I?",
        "No need to tell her family, right?",
        "I needn't sign, need I?",
    )
    assert [form_of(text) for text in hopes] == [Form.NEEDLESS] * 3
    log_out = Answer("log-out", (Case(Verdict.MUST, "Log out.", ("data.1",), asked={Form.MAY: Verdict.NO}),))
    question = Question("log-out", "security", "log out")
    assert decide(question, log_out, {}, Form.NEEDLESS).verdict is Verdict.MUST
    assert decide(question, log_out, {}, form_of("So I can leave it open, right?")).verdict is Verdict.NO
    free = Answer("log-out", (Case(Verdict.NO, "Nobody is asked.", ("data.2",), asked={Form.MUST: Verdict.YES}),))
    assert decide(question, free, {}, Form.NEEDLESS).verdict is Verdict.NO


def test_whoever_asks_whom_to_tell_must() -> None:
    """What follows is information, and who has to be told of it is a duty, as far as the rule names anybody."""
    question, told = Question("vpn", "sanctions", "a way round the filter"), (Role.HEAD_OF_HOUSE,)
    named = Answer("vpn", (Case(Verdict.INFO, "It goes to the Head of House.", ("it.1",), roles=told),))
    nobody = Answer("vpn", (Case(Verdict.INFO, "Access is taken away.", ("it.1",)),))
    assert decide(question, named, {}, form_of("Who needs to know?")).verdict is Verdict.MUST
    assert decide(question, named, {}, form_of("What happens to him?")).verdict is Verdict.INFO
    assert decide(question, nobody, {}, form_of("Who needs to know?")).verdict is Verdict.INFO


def test_whom_a_no_would_tell_is_no_duty() -> None:
    """ "Who do I tell my password to?" gets the no that it is, and a no to a duty is none to whom to tell."""
    question, told = Question("password", "security", "tell a password"), (Role.IT_SUPPORT,)
    secret = Answer("password", (Case(Verdict.NO, "Nobody.", ("it.1",), roles=told),))
    accident = Answer("password", (Case(Verdict.INFO, "IT is told.", ("it.2",), roles=told, asked={Form.MUST: Verdict.NO}),))
    assert decide(question, secret, {}, form_of("Who should I tell my password to?")).verdict is Verdict.NO
    assert decide(question, accident, {}, form_of("It came up by accident. Who do I tell?")).verdict is Verdict.MUST


def test_a_yes_says_nothing_to_who_does_it() -> None:
    """Who sees to something that may be used is answered with it, and whether it may be used with a yes."""
    screens = Answer("screens", (Case(Verdict.YES, "IT keeps the programs that watch screens up to date.", ("it.1",)),))
    question = Question("screens", "security", "watch screens")
    assert decide(question, screens, {}, form_of("who keeps it up to date")).verdict is Verdict.INFO
    assert decide(question, screens, {}, form_of("can I use it in my lesson?")).verdict is Verdict.YES


def test_whether_something_is_so_is_answered_in_its_own_words() -> None:
    """To "what is lost is nobody's to replace", *will the school pay?* is a no; and who hopes for it is told the same."""
    lost = Answer("lost", (Case(Verdict.INFO, "What is lost is replaced by nobody.", ("it.1",), asked={Form.IS: Verdict.NO}),))
    question = Question("lost", "devices", "a phone that is lost")
    assert decide(question, lost, {}, form_of("Will the school pay if my phone goes missing?")).verdict is Verdict.NO
    assert decide(question, lost, {}, form_of("So the school pays for it, right?")).verdict is Verdict.NO
    assert decide(question, lost, {}, form_of("What happens if my phone goes missing?")).verdict is Verdict.INFO
    signed = Answer("sign", (Case(Verdict.MUST, "All staff sign.", ("it.2",), asked={Form.WHAT: Verdict.INFO}),))
    assert decide(question, signed, {}, form_of("which of us are down to sign?")).verdict is Verdict.INFO


def test_leave_that_was_refused_is_a_no() -> None:
    """Whoever must agree has said no: that is no more a matter of asking first. Parents refuse in words of their own."""
    case = Case(Verdict.ASK_FIRST, "Ask the parents.", ("photos.1",), roles=(Role.PARENTS,), once_agreed="You may.")
    answer, question = Answer("photo", (case,)), Question("photo", "images", "a photo")
    assert decide(question, answer, {}).verdict is Verdict.ASK_FIRST
    assert decide(question, answer, {}, refused={"permission"}).verdict is Verdict.NO
    assert decide(question, answer, {}, refused={"consent"}).verdict is Verdict.NO
    assert decide(question, answer, {"permission": "yes"}).verdict is Verdict.YES
    head = Answer("page", (Case(Verdict.ASK_FIRST, "Ask the head.", ("media.1",), roles=(Role.HEADTEACHER,)),))
    assert decide(question, head, {}, refused={"consent"}).verdict is Verdict.ASK_FIRST
