"""Finding a pupil by the beginning of their name, without the name standing anywhere.

For each word of a name, and each beginning of two to eight letters, a mark is kept that only who has the school's key can make.
Who searches makes the mark of what they type, and opens the names that have it. Whoever has the database alone learns how many
names begin alike, and not how.
"""

import unicodedata
from collections.abc import Iterable, Sequence

from domain.names import plain_name
from storage.sealing import Key

_SHORTEST, _LONGEST = 2, 8
_MARK_BYTES = 16


def searchable(name: str) -> str:
    """A name without case, accents or punctuation, as typeahead compares it."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    return " ".join("".join(c if c.isalnum() else " " for c in plain if not unicodedata.combining(c)).split())


def begins(name: str, words: Sequence[str]) -> bool:
    """Whether each of these words, without case or accents, is how some word of a name begins."""
    known = searchable(name).split()
    return all(any(k.startswith(w) for k in known) for w in words)


def marks_of_name(index: Key, name: str) -> set[bytes]:
    """By which marks a name is found. A word of one letter, as many a Chinese name has, is found as it is."""
    found = set()
    for word in searchable(name).split():
        found |= {word[:n] for n in range(min(_SHORTEST, len(word)), _LONGEST + 1)}
    return {_mark(index, beginning) for beginning in found}


def marks_of_typed(index: Key, words: Sequence[str]) -> set[bytes]:
    """Which marks a name must have so that it can be one whose words begin like these. Of one letter, a whole word is meant."""
    enough = [w for w in words if len(w) >= _SHORTEST] or words
    return {_mark(index, w[:_LONGEST]) for w in enough}


def marks_of_words(index: Key, words: Iterable[str]) -> set[bytes]:
    """What stands for the words of names that were typed in reports. They are other marks than those of the lists."""
    return {index.mark(b"typed\0" + word.encode(errors="surrogatepass"))[:_MARK_BYTES] for word in words}


def mark_of_whole_name(key: Key, name: str) -> str:
    """What stands for a whole name: found by nobody who types less of it, or another."""
    return key.mark(b"whole\0" + plain_name(name).encode(errors="surrogatepass")).hex()


def mark_of_key(index: Key, list_key: str) -> str:
    """What stands for a pupil's number on the school's list."""
    return index.mark(b"list_key\0" + list_key.encode(errors="surrogatepass")).hex()


def _mark(index: Key, beginning: str) -> bytes:
    return index.mark(b"word\0" + beginning.encode(errors="surrogatepass"))[:_MARK_BYTES]
