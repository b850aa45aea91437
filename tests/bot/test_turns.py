"""Questions wait for their turn, and what must not wait goes between them."""

import asyncio

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
