"""A clock that stands still until a test moves it."""

from datetime import UTC, datetime, timedelta

PATIENCE_SECONDS = 20.0
"""How long a test waits for what the bot does by itself. It costs nothing where the bot works, and a busy machine needs it."""
UNHURRIED = 5
"""By how much a fake stretches a platform's deadline: tests run on shared machines, and time nothing but with `make bench`."""

A_TUESDAY_MORNING = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


class FakeClock:
    """Tells the time a test gives it."""

    def __init__(self, at: datetime = A_TUESDAY_MORNING) -> None:
        self.at = at

    def now(self) -> datetime:
        """The moment it was last set to."""
        return self.at

    def advance(self, **by: float) -> None:
        """Moves it on, as `timedelta` counts."""
        self.at += timedelta(**by)
