"""Chats send null where they have nothing to say: read as what a field of that kind holds when it is empty."""

from typing import Annotated

from pydantic import BeforeValidator


def nothing_in(value: object) -> object:
    """Null as an object without anything in it."""
    return {} if value is None else value


def no_words(value: object) -> object:
    """Null as an empty text."""
    return "" if value is None else value


def none_of_them(value: object) -> object:
    """Null as an empty list."""
    return () if value is None else value


NullableText = Annotated[str, BeforeValidator(no_words)]
