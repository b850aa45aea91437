"""What is wrong at a field is said so that it can be mended there."""

from cards.filled import with_faults
from cards.model import Form, MomentField, PeopleField, Section, TextField
from domain.report_form import Fault


def test_what_is_too_long_says_how_long_it_may_be() -> None:
    """By the very field, also inside a section; nobody is promised that somebody asks for the rest."""
    note, name = TextField("note", "Note", max_length=3000), PeopleField("name", "Pupil", longest=255)
    form = Form("f", "A form", (Section("Both", (note, name)), MomentField("when", "When")))
    told = with_faults(form, dict.fromkeys(("note", "name", "when", "elsewhere"), Fault.TOO_LONG)).errors
    assert told == {
        "note": "This is too long: it may have 3,000 characters. Please shorten it.",
        "name": "A name here is too long: it may have 255 characters. Please shorten it.",
        "when": "This is too long. Please shorten it.",
        "elsewhere": "This is too long. Please shorten it.",
    }
    assert with_faults(form, {"note": Fault.MISSING}).errors == {"note": "Please answer this."}
