"""What every renderer does to a text before it is drawn: keep out what cannot be shown, and fit it into a platform's limit."""

import unicodedata

ELLIPSIS = "…"
NOTHING = "–"
"""Stands where a text is empty, since no platform draws an empty one."""

_LINE_BREAKS = {"\r\n": "\n", "\r": "\n", "\u2028": "\n", "\u2029": "\n", "\v": "\n", "\f": "\n"}
_DIRECTION_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They turn round the text that follows, our own words too: a typed name could disguise the label after it."""


def clean(text: str) -> str:
    """The text without what cannot be shown: controls, lone surrogates, and marks that turn the text after them round."""
    if text.replace("\n", "").isprintable():  # true of nearly every text, and far quicker than to look at each character
        return text
    for breaking, newline in _LINE_BREAKS.items():
        text = text.replace(breaking, newline)
    return "".join(character for character in text if _is_shown(character))


def has_ink(text: str) -> bool:
    """Whether anything would be seen of the text."""
    if text.isprintable():  # as in `clean`: nothing in it but what can be shown, and spaces
        return bool(text) and not text.isspace()
    return any(character.isprintable() and not character.isspace() for character in clean(text))


def shown(text: str) -> str:
    """The text cleaned, or a dash where there is nothing to see."""
    return clean(text) if has_ink(text) else NOTHING


def shorten(text: str, most: int) -> str:
    """The text cleaned, in at most that many characters, with an ellipsis where something was left out."""
    whole = shown(text)
    return whole if len(whole) <= most else whole[: most - len(ELLIPSIS)] + ELLIPSIS


def pieces(text: str, most: int) -> tuple[str, ...]:
    """The whole text cleaned, cut into pieces of at most that many characters, at a line or word end where there is one."""
    rest = clean(text)
    cut: list[str] = []
    while len(rest) > most:
        end = _good_end(rest, most)
        cut.append(rest[:end])
        rest = rest[end:]
    cut.append(rest)
    return tuple(piece for piece in cut if has_ink(piece))


def _good_end(text: str, most: int) -> int:
    for breaking in ("\n", " "):
        found = text.rfind(breaking, most // 2, most)
        if found != -1:
            return found + 1
    return most


def _is_shown(character: str) -> bool:
    if character in "\n\t":
        return True
    return unicodedata.category(character) not in {"Cc", "Cs"} and character not in _DIRECTION_MARKS
