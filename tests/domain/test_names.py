"""Whether a typed name may be a member of staff. What is missed here is an alert to the person it is about."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.names import possible_matches, words_like, words_to_find
from domain.people import Staff
from tests.domain.town import person

OKAFOR, OBRIEN, BARRELLED, ACCENTED = "Dana Okafor", "Sean O'Brien", "Anna Smith-Jones", "Zoë Müller"
MCDONALD, LI, REID, ROBERT = "Fiona McDonald", "Wei Li", "Paul Reid", "Robert Ashdown"
DE_SOUZA, LUKASZ, TITLED = "Maria de Souza", "Łukasz Wiśniewski", "Dr Amara Bello"
NAMES = (OKAFOR, OBRIEN, BARRELLED, ACCENTED, MCDONALD, LI, REID, ROBERT, DE_SOUZA, LUKASZ, TITLED)
EVERYBODY = Staff(person(name) for name in NAMES)
NAME_OF = {p.id: p.name for p in EVERYBODY}


def matches(typed: str, *, adult: bool = False) -> set[str]:
    """The names it may mean."""
    return {NAME_OF[i] for i in possible_matches(typed, EVERYBODY, adult_expected=adult)}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Dana Okafor", OKAFOR),
        ("dana okafor", OKAFOR),
        ("  OKAFOR,   Dana ", OKAFOR),
        ("D. Okafor", OKAFOR),
        ("D Okafor", OKAFOR),
        ("Mrs Okafor", OKAFOR),
        ("Mrs. D. Okafor", OKAFOR),
        ("Miss Dana", OKAFOR),
        ("Dana Okafro", OKAFOR),
        ("Dana Okaffor", OKAFOR),
        ("Dana Okafor (Year 8 tutor)", OKAFOR),
        ("d.okafor@town.example", OKAFOR),
        ("Oka\u00adfor", OKAFOR),
        ("Dana Oka\u200bfor", OKAFOR),
        ("Dana\u00a0Okafor", OKAFOR),
        ("Sean O'Brien", OBRIEN),
        ("Sean O\u2019Brien", OBRIEN),
        ("Mr OBrien", OBRIEN),
        ("Mr O Brien", OBRIEN),
        ("sean o`brien", OBRIEN),
        ("Mrs Smith-Jones", BARRELLED),
        ("Mrs Smith Jones", BARRELLED),
        ("Anna Jones", BARRELLED),
        ("Anna Smith", BARRELLED),
        ("Zoe Muller", ACCENTED),
        ("Zoe\u0308 Mu\u0308ller", ACCENTED),
        ("Ms McDonald", MCDONALD),
        ("Ms MacDonald", MCDONALD),
        ("Ms Mc Donald", MCDONALD),
        ("Wei Li", LI),
        ("Mr Li", LI),
        ("Mr Reid", REID),
        ("Maria de Souza", DE_SOUZA),
        ("Mrs Desouza", DE_SOUZA),
        ("Lukasz Wisniewski", LUKASZ),
        ("Amara Bello", TITLED),
        ("Doctor Bello", TITLED),
    ],
)
def test_a_name_as_people_type_it(typed: str, meant: str) -> None:
    """Titles, initials, order, slips of the keys, accents, apostrophes, what a word processor leaves in: all are recognised."""
    assert meant in matches(typed)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Dana", OKAFOR),
        ("Okafor", OKAFOR),
        ("Dana in the office", OKAFOR),
        ("Rob", ROBERT),
        ("Mr Rob", ROBERT),
        ("Mr Reed", REID),
        ("Mr Read", REID),
        ("Li", LI),
        ("the maths teacher, Ashdwon", ROBERT),
    ],
)
def test_where_an_adult_is_meant_one_name_is_enough(typed: str, meant: str) -> None:
    """About staff, or about nobody knows whom, a first name, a short form or a name as it sounds shuts the person out."""
    assert meant in matches(typed, adult=True)


@pytest.mark.parametrize("typed", ["Dana", "Dana Whitfield", "Robert Nkemelu", "Anna Kowalczyk", "Paul", "Maria Costa"])
def test_a_pupil_with_the_same_first_name_shuts_nobody_out(typed: str) -> None:
    """A report about a pupil called Dana does not keep every Dana of the staff from it."""
    assert matches(typed) == set()


@pytest.mark.parametrize("typed", ["Cai Placeholder", "Freya Sampleton", "somebody from Year 9", "his cousin", "unknown"])
def test_a_pupil_with_another_name_shuts_nobody_out(typed: str) -> None:
    """Most names are nobody's on the staff list."""
    assert matches(typed) == set()


@pytest.mark.parametrize("typed", ["", " ", "?", "...", "😀", "👩‍🏫", "\u202e", "-", "\x00", "\ud800", "Mr", "Mrs.", "teacher"])
def test_nothing_that_is_a_name_matches_nobody(typed: str) -> None:
    """Empty, punctuation, pictures, controls, or a bare title: no match, and no failure."""
    assert matches(typed) == set()
    assert matches(typed, adult=True) == set()


def test_namesakes_are_all_kept_out() -> None:
    """Of two people who share a surname nobody can tell which was meant."""
    both = Staff([person("Ann Marsh"), person("Bryn Marsh")])
    assert len(possible_matches("Mr Marsh", both, adult_expected=True)) == 2


@given(st.text(alphabet=st.characters(), max_size=120), st.booleans())
@settings(max_examples=200, deadline=None)
def test_no_text_breaks_it(typed: str, adult: bool) -> None:
    """Whatever is typed, in whatever script, the answer is a set of people on the list."""
    assert possible_matches(typed, EVERYBODY, adult_expected=adult) <= set(NAME_OF)


@given(st.sampled_from(NAMES), st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=10))
@settings(max_examples=100, deadline=None)
def test_a_full_name_is_found_whatever_stands_after_it(name: str, rest: str) -> None:
    """A name with a remark after it is still that name."""
    assert name in matches(f"{name} {rest}")


@given(st.sampled_from(NAMES), st.integers(0, 20), st.sampled_from("aez"), st.sampled_from(["cut", "put", "other", "swap"]))
def test_a_name_with_a_slip_is_found_by_its_words(name: str, at: int, letter: str, slip: str) -> None:
    """Wherever a letter too many, too few, wrong or in the wrong place makes a surname that may still be theirs."""
    first, *_, surname = name.split()
    at = min(at, len(surname) - 1)
    before, after = surname[:at], surname[at:]
    typed = {
        "cut": before + after[1:],
        "put": before + letter + after,
        "other": before + letter + after[1:],
        "swap": before + after[1:2] + after[:1] + after[2:],
    }[slip]
    if name in matches(f"{first} {typed}"):
        assert words_like(name, listed=True) & words_to_find(f"{first} {typed}")
        assert words_like(f"{first} {typed}", listed=False) & words_to_find(name)


def test_other_words_do_not_find_it() -> None:
    """A title is no word of a name, a first name alone finds nobody of the list, and short words must be the same."""
    assert words_to_find("Miss Bea Exemplar") == {"bea", "exemplar", "beaexemplar"}
    assert not words_like("Bea Exemplar", listed=True) & words_to_find("Bea")
    assert not words_like("Bea Ross", listed=True) & words_to_find("Bea Foss")
    assert words_like("Bea Exemplar", listed=False) & words_to_find("Bea")
