"""The bot's own sentences, by key. They live in texts.toml so that somebody who does not program can read and mend them."""

import tomllib
from datetime import datetime
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


def moment(school: School, at: datetime) -> str:
    """A moment as people at the school read it: `Sat 21 Nov, 14:05`."""
    local = at.astimezone(school.calendar.timezone)
    return f"{local:%a} {local.day} {local:%b, %H:%M}"


def phone_list(phones: tuple[tuple[str, str], ...]) -> str:
    """Role and number, one after the other."""
    return "; ".join(f"{title} {number}" for title, number in phones)
