"""For a word in a chat that stands for a page: the card with the button that opens it."""

from cards.model import Button, Buttons, ButtonStyle, Card, Text


def opening_card(title: str, text: str, action: str, label: str) -> Card:
    """What the page is, and the button to press: without a press no chat opens a dialog."""
    opens = Button(action, label, style=ButtonStyle.PRIMARY, opens_form=True)
    return Card(title, text, (Text(text), Buttons((opens,))))
