"""School English as the bot reads it: typed words made plain, and what in them tells one question from another.

Deterministic, and without any list of particular questions: the words come from the lexicon, which is data.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from snowballstemmer import stemmer

_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
_SHORT_FORMS = (("n't", " not"), ("'re", " are"), ("'ve", " have"), ("'ll", " will"), ("'m", " am"), ("'d", " would"))
_QUOTES = str.maketrans({"\u2019": "'", "\u2018": "'", "\u02bc": "'", "`": "'", "\u2013": "-", "\u2014": "-"})
_SHORTEST_TO_MEND, _LONG_WORD = 4, 8
_STEM = stemmer("english")


@dataclass(frozen=True, slots=True)
class Lexicon:
    """What typed words mean. `words` and `phrases` replace; `concepts` and `frames` name what is meant."""

    words: Mapping[str, str] = field(default_factory=dict)
    phrases: Mapping[str, str] = field(default_factory=dict)
    concepts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    frames: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    negations: frozenset[str] = frozenset()
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


class Phrases:
    """Finds phrases of one or more words in a text, the longest first, at every place."""

    def __init__(self, phrases: Iterable[tuple[Sequence[str], str]]) -> None:
        self._by_first: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for words, name in phrases:
            if words:
                self._by_first.setdefault(words[0], []).append((tuple(words), name))
        for found in self._by_first.values():
            found.sort(key=lambda one: -len(one[0]))

    def at(self, words: Sequence[str], start: int) -> Iterator[tuple[int, str]]:
        """The length and the name of each phrase that begins at a place."""
        for phrase, name in self._by_first.get(words[start], ()):
            if tuple(words[start : start + len(phrase)]) == phrase:
                yield len(phrase), name

    def all(self, words: Sequence[str]) -> Iterator[tuple[int, str]]:
        """Every phrase there is, with where it begins."""
        for start in range(len(words)):
            for _, name in self.at(words, start):
                yield start, name


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as it was read: plain words, their stems, the concepts in it, and what frames it (who, whom, whose)."""

    words: tuple[str, ...]
    stems: tuple[str, ...]
    concepts: frozenset[str]
    frames: Mapping[str, frozenset[str]]


class Reader:
    """Reads texts with a lexicon. A word outside the `vocabulary`, which holds those spelled right, may be a slip for one."""

    def __init__(self, lexicon: Lexicon, vocabulary: Mapping[str, int]) -> None:
        self._replacements = Phrases(
            [(plain_words(typed), meant) for typed, meant in (*lexicon.phrases.items(), *lexicon.words.items())]
        )
        self._fillers = Phrases([(plain_words(filler), "") for filler in lexicon.fillers])
        self._concepts = Phrases(
            [(_stems(self._spelled(member)), name) for name, members in lexicon.concepts.items() for member in members]
        )
        self._frames = Phrases(
            [
                (_stems(self._spelled(said)), f"{frame}={value}")
                for frame, values in lexicon.frames.items()
                for value, phrases in values.items()
                for said in phrases
            ]
        )
        meant = [*lexicon.words.values(), *lexicon.phrases.values(), *lexicon.fillers]
        meant += [said for members in lexicon.concepts.values() for said in members]
        meant += [said for values in lexicon.frames.values() for phrases in values.values() for said in phrases]
        known = {word for said in meant for word in self._spelled(said)}
        self._vocabulary = {**dict.fromkeys(known, 1), **vocabulary}
        self._known_stems = {stem(word) for word in self._vocabulary}
        self._near = _near_misses(self._vocabulary)

    def read(self, text: str) -> Reading:
        """What a text says."""
        words = tuple(self._without_fillers([self._mended(word) for word in self._spelled(text)]))
        stems = tuple(_stems(words))
        framed: dict[str, set[str]] = {}
        for _, found in self._frames.all(stems):
            frame, _, value = found.partition("=")
            framed.setdefault(frame, set()).add(value)
        concepts = frozenset(name for _, name in self._concepts.all(stems))
        return Reading(words, stems, concepts, {frame: frozenset(values) for frame, values in framed.items()})

    def _spelled(self, text: str) -> list[str]:
        """The words, slang and text-speak replaced by what they mean."""
        words, plain, place = plain_words(text), [], 0
        while place < len(words):
            length, meant = next(self._replacements.at(words, place), (1, words[place]))
            plain += plain_words(meant)
            place += length
        return plain

    def _without_fillers(self, words: list[str]) -> list[str]:
        kept, place = [], 0
        while place < len(words):
            length, _ = next(self._fillers.at(words, place), (0, ""))
            kept += [] if length else [words[place]]
            place += length or 1
        return kept or words

    def _mended(self, word: str) -> str:
        if len(word) < _SHORTEST_TO_MEND or any(c.isdigit() for c in word):
            return word
        if word in self._vocabulary or stem(word) in self._known_stems:
            return word
        best = max(
            (self._near[d] for d in {word, *_deletes(word)} if d in self._near),
            key=lambda found: self._vocabulary[found],
            default="",
        )
        return best or word


def features(reading: Reading) -> Iterator[str]:
    """What a text is told apart by: its words and pairs of words, pieces of words, concepts, and frames."""
    yield from (f"w:{s}" for s in reading.stems)
    yield from (f"p:{a} {b}" for a, b in zip(reading.stems, reading.stems[1:], strict=False))
    yield from (f"c:{c}" for c in reading.concepts)
    for frame, values in reading.frames.items():
        yield from (f"f:{frame}={value}" for value in values)
    for word in reading.words:
        padded = f" {word} "
        for size in (3, 4, 5):
            yield from (f"n:{padded[i : i + size]}" for i in range(len(padded) - size + 1))


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
