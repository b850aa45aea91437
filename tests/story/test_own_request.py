"""A school writes a request of its own into its policy's folder, and it works in every chat: no code knows of it."""

import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from storage.policy_files import POLICY_FOLDER
from tests.story.stage import Stage, Value
from tests.story.test_five_policies import school
from tests.story.test_registers import opens
from tests.story.test_requests import after, answers, asks, rings

CAMERA = """
  - id: borrow-camera
    group: loans
    title: Borrow a camera of the school
    about: For a trip or an event. It comes back charged, and with an empty card.
    asks: [class_teacher, head_of_house]
    form:
      - {id: trip, type: line, label: What is it for?}
      - {id: which, type: choice, label: Which one?, options: {small: The small one, film: The one for film}}
      - {id: with, type: staff, label: Who else has it on the day?, required: false, takes_part: true}
      - {id: why, type: text, label: Why is it needed?}
      - {id: back, type: moment, label: When is it back?}
    answers:
      - {does: advise, who: [it_support], within: 1}
      - {does: decide, who: [headteacher], within: 2}
    tasks:
      - {id: charge, title: Charge the camera and hand it out, who: [it_support]}
      - {id: empty, title: Take it back and see that the card is empty, who: [it_support], when: ended, undoes: charge}
    tells: [dsl]
    holds: {until: back}
    cites: [all-staff.1]
"""
SPARE = """
  - id: spare-laptop
    group: equipment
    title: A spare laptop without the filter
    about: For a day on which a class needs what the filter stops.
    form:
      - {id: room, type: line, label: Which room?}
      - {id: why, type: text, label: What for?}
      - {id: until, type: moment, label: Until when?}
      - {id: of, type: staff, label: Whose laptop is it?, required: false}
    answers: [{who: [it_support], then: [headteacher]}]
    tasks:
      - {id: hand-out, title: Hand the laptop out, who: [it_support]}
      - {id: take-back, title: Take the laptop back, who: [it_support], when: ended, undoes: hand-out}
    holds: {until: until}
    filter: {change: exception, what: room, why: why, done: hand-out, closed: take-back}
    cites: [all-staff.1]
  - id: laptop-gone
    group: equipment
    title: A spare laptop is gone
    about: Say so at once.
    form:
      - {id: what, type: line, label: Which laptop?}
      - {id: how, type: choice, label: How?, options: {lost: It was lost, stolen: It was stolen}}
      - {id: noticed, type: moment, label: When did you notice?}
    tells: [it_support]
    breach: {found: noticed, kind: how}
    cites: [all-staff.1]
"""
ROOM = "Room 14, and the laptop of the trolley"
TRIP, REASON, ADVICE = "Rocks of the coast", "The pupils cannot film with their own", "Its charger is in room 12"


@pytest.fixture
def school_file(tmp_path: Path) -> Mapping[str, object]:
    """The school's own folder: a policy that there is, with a request more."""
    home = tmp_path / "packs" / "ours"
    shutil.copytree(POLICY_FOLDER / "chipping-sodbury", home)
    file = home / "requests.yaml"
    written = file.read_text(encoding="utf-8")
    file.write_text(f"groups: {{loans: Things to borrow}}\n{written.rstrip()}\n{CAMERA}{SPARE}", encoding="utf-8")
    named = school("chipping-sodbury", head_of_house={"Brunel": "brunel head"}, class_teacher={"8C": "teacher"})
    return {**named, "policy": str(home)}


async def test_a_camera_is_lent_and_comes_back(stage: Stage) -> None:
    """Every type of field, advice before the decision, a task, somebody told, an end, and what undoes the task."""
    back = (stage.clock.now() + timedelta(days=1)).isoformat()
    filled: dict[str, Value] = {"req_trip": TRIP, "req_which": "film", "req_staff_with": ["Kit Devlin"], "req_why": REASON}
    page = await asks(stage, "teacher", "Borrow a camera of the school", {**filled, "req_back": back})
    for words in (TRIP, "The one for film", "Kit Devlin", REASON, "It waits for Iga Nowak"):
        assert words in page.shown, words
    await stage.expects("it", "Borrow a camera of the school", "waits for your answer")
    await answers(stage, "it", {"submission_answer": "advised", "submission_note": ADVICE})
    await stage.expects("headteacher", "waits for your answer")
    page = await answers(stage, "headteacher", {"submission_answer": "granted", "submission_note": ""})
    assert ADVICE in page.shown
    await stage.expects("teacher", "it is allowed until")
    await stage.expects("dsl", "It holds until")
    await stage.expects("it", "is to be carried out", "Charge the camera and hand it out")
    await after(await stage.press("it", "It is done", "-P-"))
    stage.clock.advance(days=1)
    assert await rings(stage) == 1
    await stage.expects("it", "Take it back and see that the card is empty")
    await stage.expects("teacher", "It is over")
    await stage.settled()
    for words in (TRIP, REASON, ADVICE):
        assert words not in stage.raw_chat()


async def test_who_may_not_ask_for_it_is_not_offered_it(stage: Stage) -> None:
    """It is for those who teach."""
    answer = await stage.command("chair", "request")
    page = answer if not isinstance(answer, str) else await after(await stage.press("chair", "Ask for something", ""))
    assert "Borrow a camera" not in page.shown
    assert "Things to borrow" not in page.shown


async def test_a_type_of_its_own_writes_the_filters_register_and_keeps_out_whom_it_names(stage: Stage) -> None:
    """IT would answer: it is IT's laptop, so the headteacher does, who also has it handed out, since IT has no part in it."""
    until = (stage.clock.now() + timedelta(hours=3)).isoformat()
    filled: dict[str, Value] = {"req_room": ROOM, "req_why": REASON, "req_until": until}
    await asks(stage, "teacher", "A spare laptop without the filter", {**filled, "req_staff_of": ["Iga Nowak"]})
    await stage.never("it", "-P-")
    people = ("dsl", "deputy", "headteacher", "chair", "cabot head")
    await stage.settled()
    (answerer,) = [who for who in people if any("waits for your answer" in m for m in stage.sees(who))]
    await answers(stage, answerer, {"submission_answer": "granted", "submission_note": ""})
    (doer,) = [who for who in people if await has_to_do(stage, who)]
    await after(await stage.press(doer, "It is done", "-P-"))
    page = await opens(stage, "dsl", "Filter changes")
    assert ROOM in page.shown
    line = await after(await page.press(next(f"Read {word}" for word in page.shown.split() if "-F-2026-" in word)))
    assert "An exception for some" in line.shown
    stage.clock.advance(hours=3)
    assert await rings(stage) == 1
    await stage.never("it", "-P-")
    await stage.settled()
    for words in (ROOM, REASON):
        assert words not in stage.raw_chat()


async def has_to_do(stage: Stage, who: str) -> bool:
    """Whether somebody is told to carry it out, once all is sent."""
    await stage.settled()
    return any("is to be carried out" in message for message in stage.sees(who))


async def test_a_type_of_its_own_opens_a_breach(stage: Stage) -> None:
    """Nobody answers it or carries it out; those who answer for the records have its 72 hours."""
    noticed = (stage.clock.now() - timedelta(hours=1)).isoformat()
    gone: dict[str, Value] = {"req_what": ROOM, "req_how": "stolen", "req_noticed": noticed}
    await asks(stage, "teacher", "A spare laptop is gone", gone)
    assert ROOM not in await stage.expects("dsl", "-B-2026-", "is to be decided by")
    file = await after(await stage.press("dsl", "Read and decide", "-B-2026-"))
    assert ROOM in file.shown
    await stage.never("it", "-B-2026-")
