"""Questions wait for their turn, and what must not wait goes between them."""

import asyncio
import time
from datetime import timedelta

import pytest

from bot.desk import Desk
from bot.replies import ShowForm, Tell
from bot.turns import TooManyWaitingError, Turns
from storage.database import Database
from tests.fakes.clock import FakeClock
from tests.handlers.office import open_office


async def test_so_many_at_a_time_in_the_order_in_which_they_came() -> None:
    """The others wait, and each gets its turn when one before it is done."""
    turns, begun, go_on = Turns(at_once=2), list[int](), asyncio.Event()

    async def one(number: int) -> None:
        async with turns.turn():
            begun.append(number)
            await go_on.wait()

    tasks = [asyncio.create_task(one(n)) for n in range(5)]
    await asyncio.sleep(0.01)
    assert begun == [0, 1]
    go_on.set()
    await asyncio.gather(*tasks)
    assert begun == [0, 1, 2, 3, 4]


async def test_whoever_comes_to_a_line_that_is_too_long_is_told_at_once() -> None:
    """And once it is shorter there is a place in it again, also after somebody has gone away."""
    turns, go_on = Turns(at_once=1, most_waiting=1), asyncio.Event()

    async def one() -> None:
        async with turns.turn():
            await go_on.wait()

    first, second = asyncio.create_task(one()), asyncio.create_task(one())
    await asyncio.sleep(0.01)
    with pytest.raises(TooManyWaitingError):
        await one()
    second.cancel()
    await asyncio.wait([second])
    third = asyncio.create_task(one())
    go_on.set()
    await asyncio.gather(first, third)
    async with turns.turn():
        pass


async def test_while_questions_are_put_off_a_report_is_not(database: Database, clock: FakeClock) -> None:
    """Whoever asks is told to come back, and how to report; whoever reports has the form."""
    async with open_office(database, clock) as office:
        desk, teacher = Desk(office.ports, office.school, turns=Turns(most_waiting=0)), office.account("teacher")
        put_off = await desk.command(teacher, "ask can I friend an ex-pupil?")
        assert isinstance(put_off, Tell)
        assert put_off.card.title == "Very many people are asking"
        assert "reports do not wait" in str(put_off.card)
        assert isinstance(await desk.command(teacher, "report"), ShowForm)


async def test_while_something_goes_first_fewer_are_begun_and_never_none() -> None:
    """A message is on its way out: questions go on being answered, but not so many at a time; then as many as before."""
    turns, begun = Turns(at_once=3, beside=1), list[int]()
    go_on = [asyncio.Event() for _ in range(5)]

    async def one(number: int) -> None:
        async with turns.turn():
            begun.append(number)
            await go_on[number].wait()

    with turns.goes_first():
        tasks = [asyncio.create_task(one(n)) for n in range(5)]
        await asyncio.sleep(0.01)
        assert begun == [0]
        go_on[0].set()
        await asyncio.sleep(0.01)
        assert begun == [0, 1]
    await asyncio.sleep(0.01)
    assert begun == [0, 1, 2, 3]
    for event in go_on:
        event.set()
    await asyncio.gather(*tasks)
    assert begun == [0, 1, 2, 3, 4]


async def test_whoever_goes_away_leaves_their_turn_to_the_next() -> None:
    """While they wait, and in the moment in which it came: nobody behind them waits for ever."""
    turns, go_on, done = Turns(at_once=1), asyncio.Event(), list[int]()

    async def one(number: int) -> None:
        async with turns.turn():
            await go_on.wait()
            done.append(number)

    tasks = [asyncio.create_task(one(n)) for n in range(4)]
    await asyncio.sleep(0.01)
    tasks[1].cancel()
    tasks[0].cancel()
    # The first goes, which lets the third in; it goes before it has noticed.
    await asyncio.wait(tasks[:2])
    tasks[2].cancel()
    go_on.set()
    await asyncio.wait(tasks)
    assert done == [3]


async def test_whoever_asks_while_something_goes_first_has_an_answer_after_it(database: Database, clock: FakeClock) -> None:
    """Not even one beside it: the question waits, and is answered once the message is out."""
    async with open_office(database, clock) as office:
        turns = Turns(beside=0)
        desk, teacher = Desk(office.ports, office.school, turns=turns), office.account("teacher")
        with turns.goes_first():
            asking = asyncio.create_task(desk.command(teacher, "ask can I friend an ex-pupil?"))
            await asyncio.sleep(0.05)
            assert not asking.done()
            assert isinstance(await desk.command(teacher, "report"), ShowForm)
        answered = await asking
        assert isinstance(answered, Tell)
        assert answered.card.title != "Very many people are asking"


async def test_a_program_that_is_late_again_and_again_takes_no_more_questions() -> None:
    """Each round takes too long; once they are short again there is room."""
    turns = Turns()
    watching = asyncio.create_task(turns.watch())
    await asyncio.sleep(0.05)
    assert not turns.is_full
    for _ in range(3):
        await _a_long_round()
    late = turns.is_full
    await asyncio.sleep(0.1)
    assert (late, turns.is_full) == (True, False)
    watching.cancel()


async def test_one_long_piece_of_work_puts_nobody_off() -> None:
    """Governors have their report drawn, and a colleague asks in that second: there is room for one who asks."""
    turns = Turns()
    watching = asyncio.create_task(turns.watch())
    await asyncio.sleep(0.05)
    await _a_long_round()
    assert not turns.is_full
    watching.cancel()


async def test_while_alerts_are_late_there_is_no_room_for_questions() -> None:
    """More is reported than can be told: whatever can be put off is, until the alerts are out."""
    turns = Turns()
    turns.alerts_are_late(timedelta(seconds=0.5))
    assert not turns.is_full
    turns.alerts_are_late(timedelta(seconds=2))
    late = turns.is_full
    turns.alerts_are_late(timedelta(0))
    assert (late, turns.is_full) == (True, False)


async def _a_long_round() -> None:
    time.sleep(0.2)  # noqa: ASYNC251 - what holds up the loop is what this is about
    await asyncio.sleep(0.001)
