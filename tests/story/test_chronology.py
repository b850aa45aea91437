"""A child's cases in order, on every platform: from a case, by a name, with what may be somebody else's apart."""

from tests.story.stage import Dialog, Stage, Value
from tests.story.test_access import looks_up
from tests.story.test_casework import adds, case_of
from tests.story.test_story import shown

BEA, ALFIE, TOLD = "Bea Exemplar", "Alfie Demosson", "He keeps posting things about her"
BULLIED: dict[str, Value] = {"concern": "cyberbullying", "about": "pupil", "danger": "no"}
GROOMED: dict[str, Value] = {**BULLIED, "concern": "grooming"}
OF_THE_HEAD: dict[str, Value] = {**BULLIED, "concern": "staff_conduct", "about": "headteacher"}


async def test_the_lead_follows_a_child_through_the_cases(stage: Stage) -> None:
    """The third in a month says so, and leads to all of them with the part in each, but to none that one may not read."""
    first = await stage.reports("teacher", BULLIED, {"targets": [BEA], "perpetrators": [ALFIE], "what": TOLD})
    stage.clock.advance(days=3)
    hidden = await stage.reports("teacher", OF_THE_HEAD, {"targets": [BEA], "what": TOLD})
    typed = await stage.reports("teacher", GROOMED, {"witnesses": ["Bea Exempler"], "what": TOLD})
    second = await stage.reports("teacher", GROOMED, {"targets": [BEA], "what": TOLD})
    stage.clock.advance(days=3)
    third = await stage.reports("teacher", BULLIED, {"targets": [ALFIE], "perpetrators": [BEA], "what": TOLD})
    await stage.settled()
    await adds(await case_of(stage, "dsl", first), "contact", {"entry_whom": "parents", "entry_outcome": "Met them both"})

    case = await case_of(stage, "deputy", third)
    assert f"{ALFIE} and {BEA}: together in another case too ({first})." in case.shown
    told = f"{BEA}: 3 cases within 31 days, with this one (target in 2, said to have done it in 1)."
    assert f"{told} The others: {first}, {second}." in case.shown
    page = await case.press(f"Chronology: {BEA}")
    assert page is not None
    at = [page.shown.index(reference) for reference in (first, second, third)]
    assert at == sorted(at)
    assert "said to have done it" in page.shown
    assert "contact: Parents" in page.shown.replace("parents", "Parents")
    assert "Met them both" not in page.shown
    assert "In 1 more case a name was typed that may be theirs." in page.shown
    assert typed not in page.shown
    assert hidden not in page.shown + case.shown
    other = await page.press("Names that were typed")
    assert other is not None
    assert "It may be somebody else." in other.shown
    assert "Bea Exempler" in other.shown
    assert typed in other.shown
    assert first not in other.shown
    back = await other.press("Picked from the list (3)")
    assert back is not None
    assert third in back.shown
    opened = await back.press("Open the case")
    assert opened is not None
    assert TOLD in opened.shown

    readers = await (await case_of(stage, "dsl", second)).press("Who has looked at this")
    assert readers is not None
    assert "Maja Lindqvist" in readers.shown
    for who in ("teacher", "it", "headteacher", "brunel head"):
        assert "Chronology" not in shown(await looks_up(stage, who, third))
    await stage.settled()
    for secret in (BEA, "Exempler", ALFIE, TOLD):
        assert secret not in stage.raw_chat(), secret


async def asks(stage: Stage, who: str) -> Dialog | str:
    """Types the command; where a chat opens no form by itself, presses the button that it shows."""
    answer = await stage.command(who, "chronology")
    if isinstance(answer, str) and "Every case of one pupil" in answer:
        return await stage.press(who, "Choose a pupil", "")
    return answer


async def test_those_who_lead_look_a_pupil_up(stage: Stage) -> None:
    """By a form, and not by a name in a command, which could stay in the chat."""
    reference = await stage.reports("teacher", GROOMED, {"targets": [BEA], "what": TOLD})
    typed = await stage.reports("teacher", GROOMED, {"targets": ["Zoe Nolist"], "what": TOLD})
    await stage.settled()
    form = await asks(stage, "deputy")
    assert isinstance(form, Dialog)
    wrong = await form.submit()
    assert wrong is not None
    assert wrong.errors
    await wrong.fill({"child": [BEA]})
    page = await wrong.submit()
    assert page is not None
    assert reference in page.shown
    assert "target" in page.shown
    form = await asks(stage, "dsl")
    assert isinstance(form, Dialog)
    await form.fill({"child": ["Zoe Nolist"]})
    page = await form.submit()
    assert page is not None
    assert typed in page.shown
    assert reference not in page.shown
    assert "may be about somebody else" in page.shown
    for secret in (BEA, "Nolist"):
        assert secret not in stage.raw_chat(), secret


async def test_others_are_told_that_it_is_not_theirs(stage: Stage) -> None:
    """Whoever they are: neither a form nor a page."""
    for who in ("teacher", "it", "headteacher", "chair", "brunel head"):
        assert "Those who lead safeguarding" in shown(await asks(stage, who)), who
