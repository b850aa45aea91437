"""How much one may ask in a while."""

from bot.limits import Allowance, UserLimits
from tests.fakes.clock import FakeClock


class Watch:
    """Seconds that go by when told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_what_is_used_up_comes_back_with_time() -> None:
    """Three at once, and then one every twenty seconds."""
    watch = Watch()
    allowance = Allowance(3, 3, watch)
    assert [allowance.take("a") for _ in range(5)] == [True, True, True, False, False]
    watch.seconds = 19
    assert not allowance.take("a")
    watch.seconds = 39
    assert [allowance.take("a") for _ in range(2)] == [True, False]
    watch.seconds = 10_000
    assert [allowance.take("a") for _ in range(4)] == [True, True, True, False], "it never becomes more"


def test_one_does_not_use_up_what_is_anothers() -> None:
    """Each has their own."""
    allowance = Allowance(1, 1, Watch())
    assert [allowance.take(who) for who in ("a", "b", "a", "b")] == [True, True, False, False]


def test_no_more_are_remembered_than_there_is_room_for() -> None:
    """Ten thousand; the one who was longest quiet is forgotten first."""
    allowance = Allowance(1, 1, Watch())
    assert allowance.take("first")
    for number in range(10_000):
        assert allowance.take(str(number))
    assert not allowance.take("9999")
    assert allowance.take("first")


def test_no_ordinary_school_gets_near_the_limits() -> None:
    """Sixty reports in a minute by one person, each with two forms and twenty looks at what was typed."""
    clock = FakeClock()
    limits = UserLimits(clock)
    assert all(limits.take("a", is_form=True) for _ in range(120))
    assert all(limits.take("a", is_form=False) for _ in range(1200))
    assert not limits.take("a", is_form=True)
    assert not limits.take("a", is_form=False)
    clock.advance(seconds=1)
    assert [limits.take("a", is_form=True) for _ in range(3)] == [True, True, False]


def test_a_clock_that_is_put_back_takes_nothing_away() -> None:
    """Nobody is shut out because the machine's time was wrong."""
    clock = FakeClock()
    limits = UserLimits(clock)
    assert limits.take("a", is_form=True)
    clock.advance(days=-1)
    assert all(limits.take("a", is_form=True) for _ in range(119))
