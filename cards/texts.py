"""The bot's own sentences, by key. They live in texts.toml so that somebody who does not program can read and mend them."""

import tomllib
from collections.abc import Iterable
from datetime import date, datetime
from functools import cache
from pathlib import Path

from domain.people import Platform, School


@cache
def texts() -> dict[str, str]:
    """Every sentence by its key, section and name joined by a dot."""
    raw = tomllib.loads((Path(__file__).parent / "texts.toml").read_text(encoding="utf-8"))
    return {f"{section}.{name}": text for section, sentences in raw.items() for name, text in sentences.items()}


def say(key: str, **values: str | int) -> str:
    """The sentence of a key, its placeholders filled.

    Raises:
        KeyError: there is no such key, or a placeholder was not given.
    """
    return texts()[key].format(**values)


def command(platform: Platform, word: str) -> str:
    """A command as it is typed on a platform: Teams has no slash command that takes words."""
    return word if platform is Platform.TEAMS else f"/esafety {word}"


def quoted_command(platform: Platform, word: str) -> str:
    """The same within a sentence, where a bare word would be read as part of it."""
    return f"\u201c{word}\u201d" if platform is Platform.TEAMS else command(platform, word)


def moment(school: School, at: datetime) -> str:
    """A moment as people at the school read it: `Sat 21 Nov, 14:05`."""
    local = at.astimezone(school.calendar.timezone)
    return f"{local:%a} {local.day} {local:%b, %H:%M}"


def day_of(day: date) -> str:
    """A day in full: `1 May 2023`."""
    return f"{day.day} {day:%B %Y}"


def dated(school: School, at: datetime) -> str:
    """A moment that may be long ago or far away: `21 November 2026, 14:05`."""
    local = at.astimezone(school.calendar.timezone)
    return f"{day_of(local.date())}, {local:%H:%M}"


def listed(names: Iterable[str], last: str = "or") -> str:
    """Names in a sentence: `a, b or c`."""
    *first, end = names
    return f"{', '.join(first)} {last} {end}" if first else end


def phone_list(phones: tuple[tuple[str, str], ...]) -> str:
    """Role and number, one after the other."""
    return "; ".join(f"{title} {number}" for title, number in phones)
