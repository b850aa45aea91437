"""School English as the bot reads it: typed words made plain, and what in them tells one question from another.

Deterministic, and without any list of particular questions: the words come from the lexicon, which is data.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any, TypeAlias

from snowballstemmer import stemmer

_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
_SHORT_FORMS = (("n't", " not"), ("'re", " are"), ("'ve", " have"), ("'ll", " will"), ("'m", " am"), ("'d", " would"))
_QUOTES = str.maketrans({"\u2019": "'", "\u2018": "'", "\u02bc": "'", "`": "'", "\u2013": "-", "\u2014": "-"})
_SHORTEST_TO_MEND = 4
_PIECE = 4
_STEM = stemmer("english")
_OF = frozenset({"of", "a", "an", "the", "my", "our", "one"})


@dataclass(frozen=True, slots=True)
class Lexicon:
    """What typed words mean. `words` and `phrases` replace; `concepts` and `frames` name what is meant."""

    words: Mapping[str, str] = field(default_factory=dict)
    phrases: Mapping[str, str] = field(default_factory=dict)
    concepts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    frames: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    fillers: tuple[str, ...] = ()


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """The word without its ending."""
    return str(_STEM.stemWord(word))


def plain_words(text: str) -> list[str]:
    """The words of a text as they were typed, in lower case, short forms written out."""
    text = text.translate(_QUOTES).casefold()
    for short, long in _SHORT_FORMS:
        text = text.replace(short, long)
    return [word.split("'")[0] for word in _WORD.findall(text)]


Table: TypeAlias = dict[str, list[tuple[list[str], str]]]
"""Phrases by their first word, the longest first: the words of each, and its name."""

_Following: TypeAlias = dict[str, Any]
"""What may follow in a phrase, by the next word; under `_END`, which is no word, the names of the phrases that end here."""
_END = ""


class Phrases:
    """Finds phrases of one or more words in a text, the longest first, at every place."""

    def __init__(self, phrases: Iterable[tuple[Sequence[str], str]] = (), *, table: Table | None = None) -> None:
        self.table: Table = {} if table is None else table
        for words, name in phrases:
            if words:
                self.table.setdefault(words[0], []).append((list(words), name))
        if table is None:
            for found in self.table.values():
                found.sort(key=lambda one: -len(one[0]))
        # A word leads to those that may follow it, so that a text is compared with no phrase that it does not begin.
        self._following: _Following = {}
        for found in self.table.values():
            for words, name in found:
                place = self._following
                for word in words:
                    place = place.setdefault(word, {})
                place.setdefault(_END, []).append(name)

    def longest(self, words: list[str], start: int) -> tuple[int, str] | None:
        """The length and the name of the longest phrase that begins at a place."""
        found = None
        following: Any = self._following
        for place in range(start, len(words)):
            following = following.get(words[place])
            if following is None:
                break
            if _END in following:
                found = place + 1 - start, following[_END][0]
        return found

    def all(self, words: list[str]) -> list[tuple[int, int, str]]:
        """Every phrase there is, with where it begins and where it ends."""
        found: list[tuple[int, int, str]] = []
        for start in range(len(words)):
            following: Any = self._following
            for place in range(start, len(words)):
                following = following.get(words[place])
                if following is None:
                    break
                if _END in following:
                    found += [(start, place + 1, name) for name in following[_END]]
        return found


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as it was read: the stems of its words, the concepts in it, and what frames it (who, whom, whose).

    `whole` are the stems with the fillers that `stems` leaves out, `typed` the same before slips were mended.
    """

    stems: list[str]
    whole: list[str]
    typed: list[str]
    concepts: frozenset[str]
    frames: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Tables:
    """A lexicon and a vocabulary as the reader uses them. To make them takes a while, so they are kept with what was learnt."""

    replacements: Table
    fillers: Table
    concepts: Table
    frames: Table
    vocabulary: Mapping[str, int]
    known_stems: Collection[str]
    near: Mapping[str, str]


def tables_of(lexicon: Lexicon, vocabulary: Mapping[str, int]) -> Tables:
    """The tables for a lexicon. A word outside the `vocabulary`, which holds those spelled right, may be a slip for one."""
    replacements = Phrases((plain_words(typed), meant) for typed, meant in (*lexicon.phrases.items(), *lexicon.words.items()))
    fillers = Phrases((plain_words(filler), "") for filler in lexicon.fillers)

    def stems(said: str) -> list[str]:
        return _stems(_spelled(said, replacements))

    concepts = Phrases((stems(member), name) for name, members in lexicon.concepts.items() for member in members)
    frames = Phrases(
        (stems(said), f"{frame}={value}")
        for frame, values in lexicon.frames.items()
        for value, phrases in values.items()
        for said in phrases
    )
    meant = [*lexicon.words.values(), *lexicon.phrases.values(), *lexicon.fillers]
    meant += [said for members in lexicon.concepts.values() for said in members]
    meant += [said for values in lexicon.frames.values() for phrases in values.values() for said in phrases]
    known = {**dict.fromkeys((word for said in meant for word in _spelled(said, replacements)), 1), **vocabulary}
    known_stems = sorted({stem(word) for word in known})
    near = _near_misses(known)
    return Tables(replacements.table, fillers.table, concepts.table, frames.table, known, known_stems, near)


class Reader:
    """Reads texts with the tables of a lexicon."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self._replacements = Phrases(table=tables.replacements)
        self._fillers = Phrases(table=tables.fillers)
        self._concepts = Phrases(table=tables.concepts)
        self._frames = Phrases(table=tables.frames)
        self._vocabulary = tables.vocabulary
        self._known_stems = frozenset(tables.known_stems)
        self._near = tables.near

    def read(self, text: str) -> Reading:
        """What a text says."""
        typed = _spelled(text, self._replacements)
        words = [self._mended(word) for word in typed]
        if words != typed:
            # What was mended may be slang, or part of a phrase, itself.
            words = _replaced(words, self._replacements)
            stems, whole, raw = _stems(self._without_fillers(words)), _stems(words), _stems(typed)
        else:
            stems = _stems(self._without_fillers(words))
            whole = raw = _stems(words)
        concepts = frozenset(name for _, _, name in self._concepts.all(stems))
        return Reading(stems, whole, raw, concepts, self._framed(stems))

    def _framed(self, stems: list[str]) -> dict[str, frozenset[str]]:
        """Who, whom and whose. In "a Year 8's mum" and "the mum of a Year 8" it is the mum; in "ex-pupil" no pupil."""
        found: dict[str, list[tuple[int, int, str]]] = {}
        for start, end, name in self._frames.all(stems):
            frame, _, value = name.partition("=")
            found.setdefault(frame, []).append((start, end, value))
        framed: dict[str, frozenset[str]] = {}
        for frame, places in found.items():
            values = {value for _, _, value in places}
            if len(values) > 1:
                values = {value for start, end, value in places if not _gives_way(start, end, value, places, stems)}
            if values:
                framed[frame] = frozenset(values)
        return framed

    def stems(self, text: str) -> list[str]:
        """The stems of a text, slang replaced, nothing left out."""
        return _stems(_spelled(text, self._replacements))

    def _without_fillers(self, words: list[str]) -> list[str]:
        kept, place = [], 0
        while place < len(words):
            filler = self._fillers.longest(words, place)
            if filler is None:
                kept.append(words[place])
            place += 1 if filler is None else filler[0]
        return kept or words

    def _mended(self, word: str) -> str:
        if word in self._vocabulary or len(word) < _SHORTEST_TO_MEND or any(c.isdigit() for c in word):
            return word
        if stem(word) in self._known_stems:
            return word
        best = max(
            (self._near[d] for d in (word, *_deletes(word)) if d in self._near),
            key=lambda found: self._vocabulary[found],
            default="",
        )
        return best or word


def _gives_way(start: int, end: int, value: str, places: Iterable[tuple[int, int, str]], stems: list[str]) -> bool:
    """Whether what frames a text in one place is only part of what frames it otherwise in another."""
    others = [(s, e) for s, e, v in places if v != value]
    owner = any(s == end for s, _ in others)
    owned = any(e < start <= e + 3 and "of" in stems[e:start] and _OF.issuperset(stems[e:start]) for _, e in others)
    within = any(s <= start and end <= e and e - s > end - start for s, e in others)
    return owner or owned or within


def features(reading: Reading) -> Iterator[str]:
    """What a text is told apart by: its words, pairs of words and pieces of words, its concepts, and frames."""
    yield from (f"w:{s}" for s in reading.stems)
    yield from (f"p:{a} {b}" for a, b in pairwise(reading.stems))
    yield from (f"c:{c}" for c in reading.concepts)
    for frame, values in reading.frames.items():
        yield from (f"f:{frame}={value}" for value in values)
    for word in reading.stems:
        yield from _pieces(word)


@lru_cache(maxsize=20_000)
def _pieces(word: str) -> tuple[str, ...]:
    """Every four letters in a row, so that a word never met is known by its parts."""
    padded = f" {word} "
    return tuple(f"n:{padded[i : i + _PIECE]}" for i in range(len(padded) - _PIECE + 1))


def _spelled(text: str, replacements: Phrases) -> list[str]:
    """The words, slang and text-speak replaced by what they mean."""
    words = plain_words(text)
    plain = _replaced(words, replacements)
    # What was put in may be part of a phrase.
    return plain if plain == words else _replaced(plain, replacements)


def _replaced(words: list[str], replacements: Phrases) -> list[str]:
    plain: list[str] = []
    place = 0
    while place < len(words):
        found = replacements.longest(words, place)
        plain += [words[place]] if found is None else plain_words(found[1])
        place += 1 if found is None else found[0]
    return plain


def _stems(words: Iterable[str]) -> list[str]:
    return [stem(word) for word in words]


def _deletes(word: str) -> Iterator[str]:
    """The word with each one letter left out."""
    return (word[:i] + word[i + 1 :] for i in range(len(word)))


def _near_misses(vocabulary: Mapping[str, int]) -> dict[str, str]:
    """What a word becomes by one slip, each with the commonest word it can stand for.

    Two words that become the same by leaving a letter out are one slip apart (or one letter changed, or two swapped).
    """
    found: dict[str, str] = {}
    for word in vocabulary:
        if len(word) >= _SHORTEST_TO_MEND:
            for near in (word, *_deletes(word)):
                if near not in found or vocabulary[word] > vocabulary[found[near]]:
                    found[near] = word
    return found
