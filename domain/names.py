"""Whether a name that somebody typed could be a member of staff. Errs towards yes: a possible match is kept out of the case."""

import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise

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
    words = [w for w in _words(typed) if w not in _BESIDE_OFFICE]
    return bool(words) and any(words == [w for w in _words(name) if w not in _BESIDE_OFFICE] for name in _said(names))


def _said(names: Iterable[str]) -> Iterable[str]:
    """The names as people say them: "Designated Safeguarding Lead (DSL)" is either half."""
    for name in names:
        yield from re.split(r"[()/,]", name)


def possible_matches(typed: str, staff: Iterable[Person], *, adult_expected: bool) -> frozenset[str]:
    """The ids of the staff whom a typed name may mean.

    Where an adult of the school is expected (the report is about staff, or nobody knows about whom; or a title was typed) one
    name that fits is enough: "Mr Rob", "Denise in the office". Otherwise the surname must fit, and the first name must not
    speak against it, so that a pupil does not shut out every member of staff who shares a first name.
    """
    words = _words(typed)
    names = [w for w in words if w not in _TITLES]
    loose = adult_expected or len(names) < len(words)
    return frozenset(p.id for p in staff if _fits(names, _words(p.name), loose=loose))


def _fits(typed: list[str], known: list[str], *, loose: bool) -> bool:
    known = [w for w in known if w not in _TITLES]
    if not typed or not known:
        return False
    surname_parts, first = known[1:] or known, known[0]
    whole = _with_joined(surname_parts)
    surname_fits = any(_alike(t, s, loose=loose) for t in _with_joined(typed) for s in whole)
    if loose:
        return surname_fits or any(_alike(t, first) or (len(t) > 2 and first.startswith(t)) for t in typed)
    others = [t for t in typed if not any(_alike(t, s) for s in surname_parts)]
    return surname_fits and (not others or any(_first_name_fits(t, first) for t in others))


def _first_name_fits(typed: str, first: str) -> bool:
    return _alike(typed, first) or first.startswith(typed) or typed.startswith(first)


def _with_joined(words: list[str]) -> list[str]:
    """The words, and each two neighbours as one: "Mc Donald", "de Souza", or a name broken by what cannot be seen."""
    return [*words, *(a + b for a, b in pairwise(words))]


def _alike(one: str, other: str, *, loose: bool = False) -> bool:
    shorter = min(len(one), len(other))
    if shorter < 3:
        return one == other and len(one) > 1
    allowed = 0 if shorter < (4 if loose else 5) else 1 if shorter < 8 else 2
    return DamerauLevenshtein.distance(one, other, score_cutoff=allowed) <= allowed


def _words(name: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", name).casefold()
    plain = "".join(c for c in plain if not unicodedata.combining(c) and unicodedata.category(c) != "Cf")
    plain = plain.replace("'", "").replace("\u2019", "")
    return [w for w in re.split(r"[\W_]+", plain) if w]
