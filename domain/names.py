"""Whether a name that somebody typed could be a member of staff. Errs towards yes: a possible match is kept out of the case."""

import re
import unicodedata
from collections.abc import Iterable

from rapidfuzz.distance import DamerauLevenshtein

from domain.people import Person

_TITLES = frozenset(
    {"mr", "mrs", "miss", "ms", "mx", "dr", "sir", "madam", "maam", "rev", "revd", "reverend", "prof", "professor"}
    | {"father", "fr", "sister", "teacher"}
)


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
    surname_fits = any(_alike(t, s) for t in typed for s in surname_parts)
    if loose:
        return surname_fits or any(_alike(t, first) for t in typed)
    others = [t for t in typed if not any(_alike(t, s) for s in surname_parts)]
    return surname_fits and (not others or any(_first_name_fits(t, first) for t in others))


def _first_name_fits(typed: str, first: str) -> bool:
    return _alike(typed, first) or first.startswith(typed) or typed.startswith(first)


def _alike(one: str, other: str) -> bool:
    if len(one) < 3 or len(other) < 3:
        return one == other and len(one) > 1
    allowed = 0 if min(len(one), len(other)) < 5 else 1 if min(len(one), len(other)) < 8 else 2
    return DamerauLevenshtein.distance(one, other, score_cutoff=allowed) <= allowed


def _words(name: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", name).casefold()
    plain = "".join(c for c in plain if not unicodedata.combining(c)).replace("'", "").replace("\u2019", "")
    return [w for w in re.split(r"[\W_]+", plain) if w]
