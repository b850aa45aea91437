"""The door for what staff may ask for and declare: what is wrong is refused, with the file and the line."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bot.pack_commands import START
from domain.policy import Policy
from domain.request_types import StepAct, TaskWhen
from domain.words import Role
from storage.answer_files import load_sheet
from storage.packs import load_pack
from storage.policy_files import POLICY_FOLDER, PolicyFileError, load_policy_at
from storage.request_files import REQUESTS_FILE, with_requests, wrong_questions
from tests.policies.loaded import catalogue, sheet

ANSWERS = """\
    answers:
      - does: advise
        who: [dsl]
        within: 2
      - who: [headteacher]
        within: 3
"""
TASKS = """\
    tasks:
      - {id: open, title: Open it, who: [it_support]}
      - {id: close, title: Close it, who: [it_support], when: ended, undoes: open}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The pack to begin with, to be spoilt."""
    shutil.copytree(START, tmp_path / "hillside")
    return tmp_path / "hillside"


@pytest.fixture
def types(tmp_path: Path) -> Path:
    """The types that all schools share, to be spoilt."""
    (tmp_path / "types").mkdir()
    shutil.copy(POLICY_FOLDER / REQUESTS_FILE, tmp_path / "types")
    return tmp_path / "types"


def written(folder: Path, old: str, new: str) -> int:
    """Changes the file of a folder; gives the line of the change."""
    path = folder / REQUESTS_FILE
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def line_with(folder: Path, text: str) -> int:
    """The first line on which something stands."""
    lines = (folder / REQUESTS_FILE).read_text(encoding="utf-8").splitlines()
    return next(n for n, line in enumerate(lines, 1) if text in line)


def refused(home: Path, types: Path = POLICY_FOLDER) -> str:
    """What is said of a pack's requests."""
    with pytest.raises(PolicyFileError) as wrong:
        with_requests(plain(), home, types)
    return str(wrong.value)


def plain() -> Policy:
    """The policy of the pack to begin with, without its requests."""
    return replace(load_policy_at(START), requests={}, request_groups={})


def test_the_pack_to_begin_with_has_some_and_a_pack_without_the_file_none(home: Path) -> None:
    """One of them is shared by all schools: its form is not written again, and what is otherwise here is."""
    found = load_policy_at(home)
    assert list(found.requests) == ["own-equipment", "block-site", "friend-parent"]
    shared, own = found.requests["own-equipment"], found.requests["friend-parent"]
    assert shared.title == "Use another device of your own at school"
    assert [i.id for i in shared.items] == ["device", "where", "why", "online", "until"]
    assert shared.answering == {Role.HEADTEACHER}
    assert shared.questions == ("staff-own-laptop", "smartwatch-staff")
    assert shared.cites == ("devices.4",)
    assert [(step.act, step.roles) for step in own.steps] == [
        (StepAct.ADVISE, (Role.DSL,)),
        (StepAct.DECIDE, (Role.HEADTEACHER,)),
    ]
    assert (own.term.months, own.term.warn_days) == (12, 30)
    assert list(found.request_groups) == ["internet", "devices", "contact"]
    bare = shutil.copytree(home, home.parent / "bare", ignore=shutil.ignore_patterns(REQUESTS_FILE))
    assert not load_policy_at(bare).requests


def test_what_is_handed_over_needs_nobody_who_decides(home: Path) -> None:
    """A website that ought to be blocked: it is there at once, and somebody has to do it."""
    kind = load_policy_at(home).requests["block-site"]
    assert not kind.steps
    assert not kind.tells
    assert [(task.roles, task.when) for task in kind.tasks] == [((Role.IT_SUPPORT,), TaskWhen.GRANTED)]


def test_what_is_declared_is_told(home: Path) -> None:
    written(home, "    answers:\n      - does: advise\n        who: [dsl]\n        within: 2\n", "    tells: [headteacher]\n")
    written(home, "      - who: [headteacher]\n        within: 3\n    holds", "    holds")
    kind = with_requests(plain(), home, POLICY_FOLDER).requests["friend-parent"]
    assert not kind.steps
    assert kind.tells == (Role.HEADTEACHER,)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("cites: [devices.4]", "cites: [devices.99]", "'own-equipment' cites 'devices.99', which the policy does not have"),
        ("cites: [contact.4]", "cites: [phones.1]", "'friend-parent' cites 'phones.1', which the policy does not have"),
        ("cites: [contact.4]", "cites: []", "at least 1 item"),
        ("use: block-site", "use: block-web", "there is no shared type 'block-web': access-review, account-abuse"),
        ("use: block-site", "use: Block site", "String should match pattern"),
        ("does: advise", "does: shrug", "'advise' or 'decide'"),
        ("who: [dsl]", "who: [caretaker]", "'dsl', 'deputy_dsl'"),
        ("who: [dsl]", "who: []", "at least 1 item"),
        ("within: 2", "within: 0", "greater than or equal to 1"),
        ("holds: {months", "holds: {weeks: 2, months", "Extra inputs are not permitted"),
        ("label: Why is it right?", "label: " + "Why " * 20, "at most 75 characters"),
        ("id: why", "id: why not", "String should match pattern"),
        ("type: text", "type: number", "'text', 'line', 'choice', 'staff' or 'moment'"),
        ("options: {family: They are family", "options: {Family: They are family", "String should match pattern"),
    ],
)
def test_what_is_wrong_is_refused_where_it_stands(home: Path, old: str, new: str, words: str) -> None:
    line = written(home, old, new)
    said = refused(home)
    assert words in said
    assert f"requests.yaml:{line}:" in said


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("group: contact", "group: nowhere", "'friend-parent' stands under 'nowhere', which is no group: accounts, contact"),
        ("id: link", "id: network", "'friend-parent' asks 'network' twice"),
        (
            "{months: 12, warn: 30}",
            "{until: later}",
            "'friend-parent' holds until 'later', which is no moment that its form asks for",
        ),
        (
            "{months: 12, warn: 30}",
            "{until: why}",
            "'friend-parent' holds until 'why', which is no moment that its form asks for",
        ),
        (
            "    holds:",
            "    since: why\n    holds:",
            "'friend-parent' begins at 'why', which is no moment that its form asks for",
        ),
        (
            "    holds:",
            "    breach: {found: why, kind: link}\n    holds:",
            "'friend-parent' opens a breach found at 'why', which is no moment that everybody is asked for",
        ),
        (
            "    holds:",
            "    breach: {found: why, kind: link}\n    holds:",
            "'friend-parent' opens a breach of the kind 'link', which is no choice among changed, lost, other, seen",
        ),
        (
            "    holds:",
            "    breach: {found: why, kind: link, caused: network}\n    holds:",
            "'friend-parent' opens a breach caused by 'network', which names nobody whom it is about",
        ),
        (
            "    holds:",
            "    breach: {found: why, kind: link}\n    holds:",
            "'friend-parent' opens a breach and waits for an answer: it begins when it is sent, so leave `answers` out",
        ),
        (
            "label: Why is it right?\n",
            "label: Why?\n      - {id: whose, type: staff, label: Whose}\n    breach: {found: why, kind: link}\n",
            "'friend-parent' opens a breach and asks for 'whose', who would read it there",
        ),
        (
            "    holds:",
            "    filter: {change: unblocked, what: link, why: why, done: open}\n    holds:",
            "'friend-parent' logs a change with 'link', which is no line that everybody is asked for",
        ),
        (
            "    holds:",
            TASKS + "    filter: {change: unblocked, what: network, why: why, done: close}\n    holds:",
            "'friend-parent' logs a change with 'close', which is no task that comes with the yes",
        ),
        (
            "    holds:",
            TASKS + "    filter: {change: unblocked, what: network, why: why, done: open, closed: open}\n    holds:",
            "'friend-parent' closes its line with 'open', which does not undo 'open'",
        ),
        ("id: friend-parent", "id: own-equipment", "two requests are called 'own-equipment'"),
        ("    holds:", TASKS.replace("id: close", "id: open") + "    holds:", "'friend-parent' has two tasks called 'open'"),
        (
            "    holds:",
            TASKS.replace("undoes: open", "undoes: shut") + "    holds:",
            "the task 'close' undoes 'shut', which is no task that comes with the yes",
        ),
        (
            "      - does: advise\n",
            "      - who: [senior_leadership]\n      - does: advise\n",
            "'friend-parent' takes advice after somebody has decided: put the advice first",
        ),
    ],
)
def test_what_does_not_go_together_is_refused_at_the_request(home: Path, old: str, new: str, words: str) -> None:
    written(home, old, new)
    said = refused(home)
    assert words in said
    assert f"requests.yaml:{line_with(home, 'group: ') - 1}:" in said


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("who: [dsl]", "who: [police]", "police is outside the school, and cannot answer in the chat"),
        (
            "    holds:",
            "    tells: [parents]\n    holds:",
            "parents is outside the school, and cannot have a part in it in the chat",
        ),
        (
            "    holds:",
            TASKS.replace("[it_support]", "[lado]") + "    holds:",
            "lado is outside the school, and cannot do it in the chat",
        ),
        (
            "    holds:",
            TASKS.replace(", when: ended", "") + "    holds:",
            "what undoes a task comes when it is over: say `when: ended`",
        ),
        ("type: text", "type: text\n        takes_part: true", "only a member of staff takes part"),
        (
            "    holds:",
            "    filter: {change: breach, what: network, why: why, done: open}\n    holds:",
            "'blocked', 'unblocked'",
        ),
        ("type: choice", "type: text", "`options` belong to a choice, and to nothing else"),
        ("type: text", "type: choice", "`options` belong to a choice, and to nothing else"),
        (
            "{months: 12, warn: 30}",
            "{months: 12, until: why}",
            "it holds until what a field says, or for so many months: one of the two",
        ),
        ("{months: 12, warn: 30}", "{warn: 30}", "it has no end of which somebody could be told before: leave `warn` out"),
        (
            "      - who: [headteacher]\n        within: 3\n    holds",
            "    holds",
            "the last step must decide: nobody would say yes or no",
        ),
        (
            ANSWERS + "    holds",
            "    holds",
            "nobody answers it, does it or is told: name roles under `answers`, `tasks` or `tells`",
        ),
    ],
)
def test_what_nobody_could_do_is_refused(home: Path, old: str, new: str, words: str) -> None:
    written(home, old, new)
    said = refused(home)
    assert words in said
    assert "requests.yaml:" in said


def test_what_a_school_changes_of_a_shared_type_must_still_go_together(home: Path) -> None:
    """Nobody would answer it, and nobody would hear of it."""
    line = line_with(home, "use: own-equipment")
    written(
        home, "    answers:\n      - who: [headteacher]\n        within: 3\n    questions", "    answers: []\n    questions"
    )
    assert f"requests.yaml:{line}: nobody answers it, does it or is told" in refused(home)


def test_all_that_is_wrong_is_told_at_once(home: Path) -> None:
    written(home, "use: block-site", "use: block-web")
    written(home, "cites: [contact.4]", "cites: [contact.99]")
    written(home, "group: contact", "group: nowhere")
    assert len(refused(home).splitlines()) == 3


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("group: internet\n    title: Unblock a website for a lesson", "group: web\n    title: Unblock", "stands under 'web'"),
        ("holds: {until: until}", "holds: {until: ending}", "'unblock-lesson' holds until 'ending', which is no moment"),
        ("undoes: unblock\n    since", "undoes: open\n    since", "the task 'block' undoes 'open'"),
    ],
)
def test_what_is_wrong_in_a_shared_type_is_refused_in_its_own_file(
    home: Path, types: Path, old: str, new: str, words: str
) -> None:
    written(types, old, new)
    said = refused(home, types)
    assert words in said
    assert f"{types / REQUESTS_FILE}:{line_with(types, 'id: unblock-lesson')}:" in said


def test_two_shared_types_of_one_name_are_refused(home: Path, types: Path) -> None:
    written(types, "id: unblock-for-good", "id: unblock-lesson")
    assert f"{types / REQUESTS_FILE}:1: two types are called 'unblock-lesson'" in refused(home, types)


def test_pack_check_tells_of_it(home: Path) -> None:
    line = written(home, "contact.4", "contact.99")
    with pytest.raises(PolicyFileError, match=rf"requests\.yaml:{line}: 'friend-parent' cites 'contact\.99'"):
        load_pack(home)


def test_pack_check_tells_of_a_question_that_is_not_in_the_catalogue(home: Path) -> None:
    """A slip in its name: nobody who asks that question would be told of their leave."""
    line = written(home, "questions: [friend-parent, ", "questions: [friend-parents, ")
    with pytest.raises(PolicyFileError) as wrong:
        load_pack(home)
    said = str(wrong.value)
    assert f"requests.yaml:{line}: 'friend-parent' answers 'friend-parents', which is no question of the catalogue: " in said
    assert "friend-parent" in said.rpartition(": ")[2]


def test_pack_check_tells_of_a_plain_no(home: Path) -> None:
    """The pack says no to being friends with a pupil, whoever agrees: no request may look as if it could be allowed."""
    line = written(home, "questions: [friend-parent, ", "questions: [friend-pupil, ")
    with pytest.raises(PolicyFileError) as wrong:
        load_pack(home)
    assert (
        f"requests.yaml:{line}: 'friend-parent' is no answer to 'friend-pupil': the policy says a plain no, whoever agrees"
        in str(wrong.value)
    )


def test_a_question_of_a_shared_type_is_looked_for_in_the_file_where_it_stands(home: Path, types: Path) -> None:
    line = written(types, "questions: [unblock-lesson]", "questions: [unblock-lessons]")
    (said,) = wrong_questions(home, types, sheet("elton"), catalogue())
    here = f"{types / REQUESTS_FILE}:{line}: 'unblock-lesson' answers 'unblock-lessons'"
    assert said.startswith(f"{here}, which is no question of the catalogue: unblock-lesson, ")


def test_a_plain_no_to_a_question_of_a_shared_type_is_told_where_the_school_uses_it(home: Path, types: Path) -> None:
    """The type is right for others. This school says no to it, and gives it other questions, or none."""
    written(types, "questions: [block-site]", "questions: [friend-pupil]")
    own = load_sheet(load_policy_at(home), catalogue())
    (said,) = wrong_questions(home, types, own, catalogue())
    assert said.startswith(f"{home / REQUESTS_FILE}:{line_with(home, 'use: block-site')}: 'block-site' is no answer to")
    written(home, "use: block-site\n", "use: block-site\n    questions: []\n")
    assert not list(wrong_questions(home, types, own, catalogue()))


def test_what_a_request_leads_to_is_read(home: Path) -> None:
    """A line in the filter's register, which a shared type has: it is the school's own too, unless it has other tasks."""
    line = load_policy_at(home).requests["block-site"].filter
    assert line is not None
    assert (line.change, line.what, line.why, line.done, line.closed) == ("blocked", "site", "wrong", "block", "")
    written(
        home,
        "cites: [reporting.3]",
        "cites: [reporting.3]\n    tasks: [{id: shut, title: Block it there, who: [it_support]}]",
    )
    assert "'block-site' logs a change with 'block', which is no task that comes with the yes" in refused(home)
    written(
        home, "cites: [reporting.3]", "cites: [reporting.3]\n    filter: {change: settings, what: site, why: wrong, done: shut}"
    )
    changed = with_requests(plain(), home, POLICY_FOLDER).requests["block-site"].filter
    assert changed is not None
    assert (changed.change, changed.done) == ("settings", "shut")
