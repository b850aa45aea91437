"""Cards of every kind, with the nastiest texts."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from hypothesis import strategies as st

from cards.model import (
    Banner,
    Button,
    Buttons,
    ButtonStyle,
    Card,
    Choice,
    Confirm,
    Fact,
    Facts,
    Form,
    Leaf,
    Link,
    MomentField,
    Option,
    PeopleField,
    PersonChoice,
    Section,
    Table,
    Text,
    TextField,
    Tone,
    Weight,
)

NASTY: Final = (
    "",
    " \n\t ",
    "\u200b",
    "<!channel> <@U1> <https://evil.example|our school>",
    "*bold* _italic_ ~gone~ `code` :skull: @here #general",
    "[here](javascript:alert(1)) **x** # y\n- z\n1. w",
    "<script>alert(1)</script> &amp; &lt;",
    "{{DATE(2026-01-01T00:00:00Z)}} ${secret} {{1}}",
    "عربي \u202eoverride\u202c עברית",
    "👩‍👩‍👧‍👦 é e\u0301 \U0001f600",
    "\x07\x1b[31m\x7f\x85 bell",
    "one\r\ntwo\u2028three\x0bfour",
    "www.example.com http://example.com mailto:a@b.c",
    "word " * 2_000,
    "x" * 10_000,
)

SHORT: Final = tuple(text for text in NASTY if len(text) < 200)

nasty_text = st.one_of(st.sampled_from(NASTY), st.text(max_size=30))
short_text = st.one_of(st.sampled_from(SHORT), st.text(max_size=30))
ids = st.text("abcdefghij_", min_size=1, max_size=20)
values = st.text("abc0123456789-:", max_size=30)


def parts(texts: st.SearchStrategy[str], *, with_fields: bool) -> st.SearchStrategy[list[Leaf | Section]]:
    """Parts of every kind, some in sections; no two fields share an id."""
    leaves = st.one_of(_shown_leaves(texts), _fields(texts)) if with_fields else _shown_leaves(texts)
    sections = st.builds(Section, texts, st.lists(leaves, max_size=3).map(tuple))
    return st.lists(st.one_of(leaves, sections), max_size=6).map(_with_distinct_fields)


def _with_distinct_fields(found: list[Leaf | Section]) -> list[Leaf | Section]:
    numbers = itertools.count()

    def renamed(leaf: Leaf) -> Leaf:
        if isinstance(leaf, Choice | TextField | MomentField | PeopleField):
            return replace(leaf, id=f"{leaf.id}{next(numbers)}")
        return leaf

    return [
        replace(part, parts=tuple(renamed(leaf) for leaf in part.parts)) if isinstance(part, Section) else renamed(part)
        for part in found
    ]


def cards(texts: st.SearchStrategy[str] = nasty_text) -> st.SearchStrategy[Card]:
    return st.builds(Card, texts, texts, parts(texts, with_fields=False).map(tuple))


def forms(texts: st.SearchStrategy[str] = nasty_text) -> st.SearchStrategy[Form]:
    filled = parts(texts, with_fields=True).map(tuple)
    errors = st.dictionaries(ids, texts, max_size=2)
    writing = st.builds(Form, ids, texts, filled, st.just("Send"), values, errors)
    reading = st.builds(Form, ids, texts, parts(texts, with_fields=False).map(tuple))
    return st.one_of(writing, reading)


def _shown_leaves(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Leaf]:
    facts = st.lists(st.builds(Fact, texts, texts), max_size=5).map(tuple)
    return st.one_of(
        st.builds(Text, texts, st.sampled_from(Weight)),
        st.builds(Facts, facts),
        st.builds(Banner, texts, st.sampled_from(Tone)),
        st.builds(Link, texts, st.one_of(texts, st.just("https://school.example/policy?a=1&b=2"))),
        st.builds(Buttons, st.lists(_buttons(texts), max_size=7).map(tuple)),
        _tables(texts),
    )


def _buttons(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Button]:
    confirm = st.none() | st.builds(Confirm, texts, texts, texts, texts)
    return st.builds(Button, ids, texts, values, st.sampled_from(ButtonStyle), st.booleans(), confirm)


def _tables(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Table]:
    row = st.lists(texts, max_size=4).map(tuple)
    return st.builds(Table, texts, row, st.lists(row, max_size=5).map(tuple), texts)


def _fields(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Leaf]:
    options = st.lists(st.builds(Option, values.map(lambda value: f"o{value}"), texts, texts, texts), min_size=1, max_size=12)
    distinct = options.map(lambda some: tuple({option.value: option for option in some}.values()))
    people = st.lists(
        st.builds(PersonChoice, st.one_of(values.map("person:".__add__), texts.map("text:".__add__)), texts), max_size=4
    )
    naive = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1))  # noqa: DTZ001 - what hypothesis wants
    moments = st.none() | naive.map(lambda moment: moment.replace(tzinfo=UTC))
    return st.one_of(
        distinct.flatmap(
            lambda some: st.builds(
                Choice,
                ids,
                texts,
                st.just(some),
                st.sampled_from(["", some[0].value, "gone"]),
                texts,
                st.booleans(),
                st.booleans(),
            )
        ),
        st.builds(
            TextField, ids, texts, texts, texts, texts, st.booleans(), st.booleans(), st.integers(1, 5_000), st.booleans()
        ),
        st.builds(MomentField, ids, texts, moments, texts, st.booleans()),
        st.builds(PeopleField, ids, texts, people.map(tuple), texts, st.booleans(), st.booleans(), st.integers(1, 10)),
    )
