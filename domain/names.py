"""Whether a name that somebody typed could be a member of staff. Errs towards yes: a possible match is kept out of the case."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from string import ascii_lowercase

from rapidfuzz.distance import DamerauLevenshtein

from domain.people import Person

_TITLES = frozenset(
    {"mr", "mrs", "miss", "ms", "mx", "dr", "doctor", "sir", "madam", "maam", "rev", "revd", "reverend", "prof", "professor"}
    | {"father", "fr", "sister", "teacher"}
)


_BESIDE_OFFICE = frozenset({"the", "our", "my", "a", "of", "acting"})
_HEAD = frozenset({"head", "headteacher", "headmaster", "headmistress", "principal"})
_BESIDE_HEAD = frozenset({"the", "our", "my", "acting", "executive", "teacher", "school"})


def means_the_head(typed: str) -> bool:
    """Whether the headteacher's office was typed in place of a name: "the Head", "our head teacher"."""
    words = set(_words(typed))
    return bool(words & _HEAD) and words <= _HEAD | _BESIDE_HEAD


def means_the_office(typed: str, *names: str) -> bool:
    """Whether an office was typed in place of a name, under any of its names: "the DSL", "our Head of House"."""
    words = tuple(w for w in _words(typed) if w not in _BESIDE_OFFICE)
    return bool(words) and words in _offices(names)


@lru_cache(maxsize=1024)
def _offices(names: tuple[str, ...]) -> frozenset[tuple[str, ...]]:
    """An office's names as people say them, in words: "Designated Safeguarding Lead (DSL)" is either half."""
    said = (half for name in names for half in re.split(r"[()/,]", name))
    return frozenset(tuple(w for w in _words(half) if w not in _BESIDE_OFFICE) for half in said)


def possible_matches(typed: str, staff: Iterable[Person], *, adult_expected: bool) -> frozenset[str]:
    """The ids of the staff whom a typed name may mean.

    Where an adult of the school is expected (the report is about staff, or nobody knows about whom; or a title was typed) one
    name that fits is enough: "Mr Rob", "Denise in the office". Otherwise the surname must fit, and the first name must not
    speak against it, so that a pupil does not shut out every member of staff who shares a first name.
    """
    words = _words(typed)
    names = [w for w in words if w not in _TITLES]
    loose = adult_expected or len(names) < len(words)
    return frozenset(p.id for p in staff if _fits(names, _of_staff(p.name), loose=loose))


def named_in(text: str, staff: Iterable[Person]) -> frozenset[str]:
    """The ids of the staff whom a text may name, anywhere in it: by surname or first name, with a slip where a word is long.

    No shortened names, which in a whole text would be found in every "the" and "can".
    """
    typed = _with_joined(_words(text))
    return frozenset(p.id for p in staff if any(_alike(t, s) for s in _with_joined(_of_staff(p.name)) for t in typed))


def office_in(text: str, *names: str, head: bool = False) -> bool:
    """Whether a text may speak of who holds an office, anywhere in it, under any of its names. `head`: of the headteacher."""
    words = _words(text)
    if head and not _HEAD.isdisjoint(words):
        return True
    offices = {office for office in _offices(names) if office}
    return any(tuple(words[at : at + len(office)]) == office for office in offices for at in range(len(words)))


@lru_cache(maxsize=4096)
def _of_staff(name: str) -> tuple[str, ...]:
    """The words of a name on the staff list: there are few of them, and every report asks. What is typed is not kept."""
    return tuple(w for w in _words(name) if w not in _TITLES)


def plain_name(name: str) -> str:
    """A whole name without case, accents, punctuation or apostrophes: two are the same name only if these are."""
    return " ".join(_words(name))


def words_to_find(typed: str) -> frozenset[str]:
    """By which words a typed name can be found again: each of it, and each two neighbours as one, but for titles."""
    return frozenset(_with_joined([w for w in _words(typed) if w not in _TITLES]))


def words_like(name: str, *, listed: bool) -> frozenset[str]:
    """Which words a typed name may have that can mean this one, with a slip of one letter where a word is long enough for it.

    Of a name on a list the surname must fit, as for `possible_matches`; of one that was typed itself nobody knows which word is
    the surname. A longer word with two slips, which that would let pass, is not among them.
    """
    words = _of_staff(name)
    surname = (words[1:] or words) if listed else words
    return frozenset(x for word in _with_joined(surname) for x in _with_a_slip(word))


def _with_a_slip(word: str) -> Iterator[str]:
    yield word
    if len(word) < 4:
        return
    letters = sorted({*ascii_lowercase, *word})
    for at in range(len(word) + 1):
        before, after = word[:at], word[at:]
        yield from (before + letter + after for letter in letters)
        if len(word) < 5:
            # Long enough is the longer of the two.
            continue
        yield before + after[1:]
        if len(after) > 1:
            yield before + after[1] + after[0] + after[2:]
        yield from (before + letter + after[1:] for letter in letters if after)


def _fits(typed: Sequence[str], known: Sequence[str], *, loose: bool) -> bool:
    if not typed or not known:
        return False
    surname_parts, first = known[1:] or known, known[0]
    whole = _with_joined(surname_parts)
    surname_fits = any(_alike(t, s, loose=loose) for t in _with_joined(typed) for s in whole)
    if not surname_fits and not loose:
        return False
    if loose:
        return surname_fits or any(_alike(t, first) or (len(t) > 2 and first.startswith(t)) for t in typed)
    others = [t for t in typed if not any(_alike(t, s) for s in surname_parts)]
    return not others or any(_first_name_fits(t, first) for t in others)


def _first_name_fits(typed: str, first: str) -> bool:
    return _alike(typed, first) or first.startswith(typed) or typed.startswith(first)


def _with_joined(words: Sequence[str]) -> list[str]:
    """The words, and each two neighbours as one: "Mc Donald", "de Souza", or a name broken by what cannot be seen."""
    return [*words, *(a + b for a, b in pairwise(words))]


def _alike(one: str, other: str, *, loose: bool = False) -> bool:
    shorter = min(len(one), len(other))
    if shorter < 3:
        return one == other and len(one) > 1
    allowed = 0 if shorter < (4 if loose else 5) else 1 if shorter < 8 else 2
    return abs(len(one) - len(other)) <= allowed and DamerauLevenshtein.distance(one, other, score_cutoff=allowed) <= allowed


def _words(name: str) -> list[str]:
    plain = name.casefold()
    if not name.isascii():
        plain = unicodedata.normalize("NFKD", name).casefold()
        plain = "".join(c for c in plain if not unicodedata.combining(c) and unicodedata.category(c) != "Cf")
    plain = plain.replace("'", "").replace("\u2019", "")
    return [w for w in re.split(r"[\W_]+", plain) if w]
