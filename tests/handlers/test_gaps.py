"""What staff asked and the policy does not say: whoever it may speak of does not read it, nor puts it away."""

import pytest

from domain.asking import Answered, GapFile
from handlers import ask, gaps
from handlers.gaps import GapList, NotAReviewer
from storage import tables as t
from tests.handlers.office import Office

OF_NOBODY = "Is a pupil allowed to wear a smartwatch in an exam?"


async def asked(office: Office, text: str) -> None:
    """A teacher asks it, and says that no reading was meant."""
    answered = await ask.ask(office.ports, office.school, office.account("teacher"), text)
    assert isinstance(answered, Answered)
    await ask.misread(office.ports, office.school, office.account("teacher"), answered.state)


async def reads(office: Office, who: str) -> list[str] | None:
    """What somebody reads of it, whatever it was taken for; None for who reads none of it at all."""
    at = office.ports, office.school, office.account(who)
    listed = await gaps.gaps(*at)
    if isinstance(listed, NotAReviewer):
        return None
    texts: list[str] = []
    for line in listed.lines:
        file = await gaps.read(*at, line.question)
        assert isinstance(file, GapFile)
        assert line.count == len(file.gaps)
        texts += [gap.text for gap in file.gaps]
    return sorted(set(texts))


@pytest.mark.parametrize(
    "text",
    [
        "Can Mr Pemberton read what I write to my union?",
        "Is pembertons phone allowed to film the dance lesson?",
        "Is the head allowed to keep pupils' pictures on his own phone?",
        "May our Headteacher follow Year 9 pupils?",
    ],
)
async def test_a_question_about_the_head_is_not_read_by_the_head(office: Office, text: str) -> None:
    """By name, with a slip, or by office. The leads read it; the head does not even see that it is there."""
    await asked(office, text)
    await asked(office, OF_NOBODY)
    assert await reads(office, "headteacher") == [OF_NOBODY]
    assert await reads(office, "dsl") == await reads(office, "deputy") == sorted([text, OF_NOBODY])
    assert await reads(office, "teacher") is None
    assert await reads(office, "chair") is None


async def test_whoever_it_may_speak_of_does_not_put_it_away(office: Office) -> None:
    """The head says that all is looked at that stands under one question: what may speak of him stays, word for word."""
    of_head = "Is a pupil of Mr Pemberton's allowed to wear a smartwatch in an exam?"
    await asked(office, of_head)
    await asked(office, OF_NOBODY)
    at = office.ports, office.school, office.account("headteacher")
    for question in {row.question for row in await office.rows(t.gaps)}:
        assert isinstance(await gaps.settle(*at, question), GapList)
    assert await reads(office, "headteacher") == []
    assert await reads(office, "dsl") == [of_head]


async def test_where_it_may_speak_of_all_who_review_it_goes_to_the_chair(office: Office) -> None:
    """Who reads that one, and nothing else."""
    names = [office.people[who].name.split()[-1] for who in ("dsl", "deputy", "headteacher")]
    of_all = f"May {names[0]}, {names[1]} and {names[2]} film a lesson in secret?"
    await asked(office, of_all)
    await asked(office, OF_NOBODY)
    for who in ("dsl", "deputy", "headteacher"):
        assert await reads(office, who) == [OF_NOBODY]
    assert await reads(office, "chair") == [of_all]
    assert await reads(office, "it") is None
