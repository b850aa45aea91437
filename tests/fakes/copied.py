"""A copy of what JSON can hold: that is all that goes between a chat and the bot."""

from typing import Any, TypeVar

_T = TypeVar("_T")


def copied(said: _T) -> _T:
    """The same with lists and objects of its own, so that whoever is given it cannot change what it was copied from.

    What is in them is text, numbers and the like, which nobody can change: it need not be looked for as `copy.deepcopy` does.
    """
    made: Any = said
    if isinstance(said, dict):
        made = {key: copied(value) for key, value in said.items()}
    elif isinstance(said, list):
        made = [copied(value) for value in said]
    return made  # type: ignore[no-any-return]
