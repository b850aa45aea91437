"""For a word in a chat that stands for a page: the button to press, since without a press no chat opens a dialog."""

from bot.agreements_desk import signing_words
from bot.calendar_desk import calendar_words
from bot.chronology_desk import chronology_card
from bot.consents_desk import consent_words
from bot.records_desk import records_card
from bot.registers_desk import registers_words
from bot.submissions_desk import requests_words
from bot.surveys_desk import surveys_words
from cards.model import Card

_OPENERS = (
    records_card,
    chronology_card,
    registers_words,
    requests_words,
    signing_words,
    calendar_words,
    consent_words,
    surveys_words,
)


def opener(text: str) -> Card | None:
    """The card with that button; None for other words."""
    return next((card for of in _OPENERS if (card := of(text)) is not None), None)
