"""What was vouched for once counts once, for as long as it is good."""

from datetime import timedelta

from bot.replays import Replays
from tests.bot.test_limits import Watch


def test_a_request_counts_once_for_as_long_as_it_is_good() -> None:
    """However close to the moment at which older ones are forgotten."""
    watch = Watch()
    replays = Replays(timedelta(seconds=100), watch)
    for at in range(0, 1000, 7):
        watch.seconds = at
        assert replays.is_new(f"at {at}")
        for before in range(0, at, 7):
            if at - before <= 100:
                assert not replays.is_new(f"at {before}"), (at, before)


def test_it_is_forgotten_in_the_end() -> None:
    """The memory does not grow for ever."""
    watch = Watch()
    replays = Replays(timedelta(seconds=100), watch)
    assert replays.is_new("a")
    watch.seconds = 201
    assert replays.is_new("a")
    assert not replays.is_new("a")
