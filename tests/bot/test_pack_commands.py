"""`esafety pack`: an IT teacher begins a sixth school's pack at home, is told what is wrong, mends it, and tries it out."""

import json
import shutil
from pathlib import Path

import pytest

from bot import pack_commands
from bot.cli import main
from bot.pack_commands import START
from storage import packs
from tests.policies.loaded import catalogue

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def catalogue_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalogue is the program's own in nearly all of these, and takes longer to read than a pack."""
    monkeypatch.setattr(packs, "load_catalogue", catalogue)
    monkeypatch.setattr(pack_commands, "load_catalogue", catalogue)


@pytest.fixture
def pack(tmp_path: Path, capsys: Captured) -> Path:
    """A pack outside the project, begun a moment ago."""
    home = tmp_path / "packs" / "hillside"
    assert main(["pack", "new", str(home)]) == 0
    capsys.readouterr()
    return home


def change(path: Path, old: str, new: str) -> int:
    """Writes something else into a file, and says on which line."""
    text = path.read_text(encoding="utf-8")
    assert old in text, path
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def faults(pack: Path, capsys: Captured) -> str:
    """What `check` says of a pack in which something is wrong."""
    assert main(["pack", "check", str(pack)]) == 1
    return capsys.readouterr().out


def test_a_new_pack_is_sound(pack: Path, capsys: Captured) -> None:
    """Whoever begins sees at once what it looks like when nothing is wrong."""
    assert main(["pack", "check", str(pack)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("hillside: 13 answers to ")
    assert said.endswith("questions, 5 routes, 4 trials, a grid of 1 row. Nothing wrong.\n")


def test_a_new_pack_says_what_to_write(pack: Path) -> None:
    """Each file says what it is for, and names the schema that lies beside it."""
    for path in pack.rglob("*.yaml"):
        first, second = path.read_text(encoding="utf-8").splitlines()[:2]
        named = first.removeprefix("# yaml-language-server: $schema=")
        assert (path.parent / named).is_file(), path
        assert second.startswith("# "), path


def test_nothing_that_is_there_is_overwritten(pack: Path, capsys: Captured) -> None:
    """A second `new` in the same place is a slip."""
    change(pack / "policy.yaml", "Hillside Primary School", "Valley School")
    assert main(["pack", "new", str(pack)]) == 2
    assert "nothing in it is overwritten" in capsys.readouterr().err
    assert "Valley School" in (pack / "policy.yaml").read_text(encoding="utf-8")


def test_a_slip_in_an_answer_is_named_with_its_line(pack: Path, capsys: Captured) -> None:
    """A clause that the policy does not have."""
    change(pack / "answers/contact.yaml", "cites: [contact.1]", "cites: [contact.9]")
    said = faults(pack, capsys)
    assert f"{pack / 'answers/contact.yaml'}:3: friend-pupil: cites contact.9, which the policy does not have" in said
    assert said.endswith("hillside: 1 fault.\n")


def test_every_fault_is_told_at_once(pack: Path, capsys: Captured) -> None:
    """One in each kind of file: nobody mends one to be told of the next."""
    verdict = change(pack / "answers/contact.yaml", "verdict: must", "verdict: perhaps")
    colour = change(pack / "tables/devices.yaml", "topic: devices", "topic: devices\ncolour: red")
    mark = change(pack / "questions/contact.yaml", "to: friend-pupil", "too: friend-pupil")
    clause = change(pack / "uncovered.yaml", "bullying.4", "bullying.44")
    case = change(pack / "routing_tests.yaml", "about: pupil", "about: nobody")
    said = faults(pack, capsys)
    assert f"{pack / 'answers/contact.yaml'}:{verdict}: cases.0.verdict" in said
    assert f"{pack / 'tables/devices.yaml'}:{colour + 1}: colour" in said
    assert f"{pack / 'questions/contact.yaml'}:{mark}: " in said
    assert f"{pack / 'uncovered.yaml'}:{clause}: bullying.44: the policy has no such clause" in said
    assert f"{pack / 'routing_tests.yaml'}:{case}: cases.0.about" in said


def test_without_a_policy_the_form_of_the_rest_is_still_checked(pack: Path, capsys: Captured) -> None:
    """A title that is forgotten hides nothing of what can be told without it."""
    change(pack / "policy.yaml", "  dsl: Designated Safeguarding Lead\n", "")
    line = change(pack / "answers/devices.yaml", "verdict: info", "verdict: perhaps")
    said = faults(pack, capsys)
    assert f"{pack / 'policy.yaml'}:1: policy.yaml gives no title for dsl" in said
    assert f"{pack / 'answers/devices.yaml'}:{line}: " in said


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("routes.yaml", "cites: [bullying.2]", "cites: [bullying.9]", "rule 'bullying.again' cites 'bullying.9'"),
        ("routes.yaml", "  - id: nude_image\n", "", "keep these kinds of concern: nude_image"),
        ("routes.yaml", "  - id: scam\n", "", "there is none of commerce"),
        ("routing_tests.yaml", "category: cyberbullying", "category: dragons", "'dragons' is not among this policy's concerns"),
        ("routing_tests.yaml", "cites: [bullying.1]", "cites: [bullying.9]", "expects bullying.9"),
        ("grid.yaml", "cites: [bullying.1]", "cites: [bullying.9]", "it cites 'bullying.9', which the policy does not have"),
        ("grid.yaml", "counts: kind", "counts: dragons", "'kind', 'row' or 'grid'"),
        ("uncovered.yaml", "reporting.6", "reporting.5", "reporting.5 is cited, by bullying.by_staff: take it out here"),
        ("uncovered.yaml", "bullying.4", "reporting.6-6", "reporting.6: line 3 has it too"),
        ("uncovered.yaml", "bullying.4", "bullying.4-3", "the range ends before it begins"),
        ("answers/contact.yaml", "- to: friend-pupil\n", "- to: friend-pupil\n  to: friend-parent\n", "'to' stands here twice"),
        ("tables/devices.yaml", "{thing} is allowed", "{things} is allowed", "there is no 'things'"),
        ("tables/devices.yaml", "{thing} is not allowed", "{thing is not allowed", "what stands in braces must be one word"),
        ("answers/devices.yaml", "- to: staff-phone-breaks", "to: staff-phone-breaks", "not valid YAML"),
    ],
)
def test_what_else_can_be_wrong(pack: Path, capsys: Captured, file: str, old: str, new: str, words: str) -> None:
    """Each is refused in words that say what to do, with the file and a line."""
    change(pack / file, old, new)
    said = faults(pack, capsys)
    assert words in said
    assert f"{pack / file}:" in said


def test_a_reporter_is_not_sent_on_five_errands(pack: Path, capsys: Captured) -> None:
    """A receipt has four steps at most."""
    steps = [f'{{do: "Tell the office, room {n}.", by: reporter}}' for n in range(5)]
    change(pack / "routes.yaml", '{do: "Keep the messages.", by: reporter, cites: [bullying.1]}', "\n      - ".join(steps))
    assert "whoever reports cyberbullying is told to do more than 4 things" in faults(pack, capsys)


def test_a_folder_that_is_not_there(tmp_path: Path, capsys: Captured) -> None:
    """A slip in the path is no traceback."""
    assert "is no folder" in faults(tmp_path / "nowhere", capsys)


def test_a_pack_beside_a_catalogue_of_its_own_uses_that(pack: Path, tmp_path: Path, capsys: Captured) -> None:
    """A copy of all policies is a world of its own."""
    world = tmp_path / "world"
    shutil.copytree(START.parents[1] / "policies", world, ignore=shutil.ignore_patterns("answers", "questions", "tables"))
    shutil.copytree(pack, world / "hillside")
    change(world / "catalogue" / "contact.yaml", "- id: friend-pupil\n", "- id: friends-with-pupil\n")
    assert "no question" in faults(world / "hillside", capsys) or "no such question" in faults(world / "hillside", capsys)
    assert main(["pack", "check", str(pack)]) == 0


def test_its_own_questions_come_out_right(pack: Path, capsys: Captured) -> None:
    """Reports are routed and questions are asked as they will be, a fact added included."""
    assert main(["pack", "test", str(pack), "--least", "1"]) == 0
    said = capsys.readouterr().out
    assert said == (
        "hillside: 7 of 7 cases routed right; 6 of 6 questions right (100.0%, at least 100.0% wanted), "
        "0 more offered, 0 wrongly permitted.\n"
    )


def test_a_question_that_is_read_otherwise_is_shown(pack: Path, capsys: Captured) -> None:
    """With what was wanted, what came, and where it stands; the share decides whether that is good enough."""
    questions = pack / "questions/contact.yaml"
    line = change(questions, "- q: A girl in my class sent me a friend request", "- q: Can I follow my pupils on TikTok?")
    change(
        questions, "to: [pupil-friend-request, friend-pupil]\n  verdict: [must,", "to: pupil-friend-request\n  verdict: [must,"
    )
    change(questions, 'verdict: [must, "no"]', "verdict: must")
    assert main(["pack", "test", str(pack)]) == 1
    said = capsys.readouterr().out
    assert f"{questions}:{line}: Can I follow my pupils on TikTok?" in said
    assert "wanted must for pupil-friend-request; got no for friend-pupil" in said
    assert "5 of 6 questions right" in said
    assert main(["pack", "test", str(pack), "--least", "0.8"]) == 0


def test_what_is_wrongly_permitted_fails_whatever_the_share(pack: Path, capsys: Captured) -> None:
    """It is the worst there is, and listed first."""
    change(pack / "answers/contact.yaml", 'verdict: "no"', 'verdict: "yes"')
    questions = pack / "questions/contact.yaml"
    change(questions, 'to: friend-pupil\n  verdict: "no"', "to: pupil-friend-request\n  verdict: must")
    change(questions, 'verdict: [must, "no"]', 'verdict: [must, "yes"]')
    change(pack / "routing_tests.yaml", "urgency: medium", "urgency: low")
    assert main(["pack", "test", str(pack), "--least", "0"]) == 1
    said = capsys.readouterr().out
    assert said.startswith(f"Wrongly permitted:\n  {questions}:3: Can I follow a pupil on Instagram?\n")
    assert "wanted must for pupil-friend-request; got yes for friend-pupil" in said
    assert "1 wrongly permitted" in said
    assert said.index("Wrongly permitted") < said.index("Wrongly routed") < said.index("urgency medium, expected low")


def test_a_pack_with_faults_is_not_tested(pack: Path, capsys: Captured) -> None:
    """What cannot be relied on is not measured."""
    change(pack / "answers/contact.yaml", "cites: [contact.1]", "cites: [contact.9]")
    assert main(["pack", "test", str(pack)]) == 2
    assert "contact.9" in capsys.readouterr().err


def test_a_share_is_a_share(pack: Path) -> None:
    """Ninety-five per cent is 0.95."""
    with pytest.raises(SystemExit):
        main(["pack", "test", str(pack), "--least", "95"])


def test_what_stands_on_each_clause(pack: Path, capsys: Captured) -> None:
    """Clause by clause, under the printed heading: answers, routes, or the reason why there is neither."""
    assert main(["pack", "coverage", str(pack)]) == 0
    said = capsys.readouterr().out
    assert "Reporting a concern (reporting)\n    1  routes also.danger; signed in policy-read\n" in said
    assert "    3  log form; requests block-site\n" in said
    assert "    1  answers friend-pupil, friend-former-pupil\n" in said
    assert "calendar filter-check\n" in said
    assert said.endswith("hillside: 19 clauses: 17 cited, 2 not covered for a reason, 0 not covered without one.\n")


def test_a_clause_that_was_forgotten_is_seen(pack: Path, capsys: Captured) -> None:
    """Until it has a rule, or a reason why it needs none."""
    change(pack / "uncovered.yaml", "bullying.4: where to read more\n", "")
    assert main(["pack", "coverage", str(pack)]) == 1
    said = capsys.readouterr().out
    assert "    4  not covered, and no reason is given\n" in said
    assert "1 not covered without one" in said


def test_coverage_for_programs(pack: Path, capsys: Captured) -> None:
    """The same as JSON."""
    assert main(["pack", "coverage", str(pack), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["policy"] == "hillside"
    assert found["counts"] == {"clauses": 19, "cited": 17, "with_reason": 2, "open": 0}
    assert found["clauses"][1] == {
        "clause": "reporting.2",
        "heading": "Reporting a concern",
        "point": 2,
        "questions": [],
        "routes": ["bullying"],
        "rows": [],
        "fields": [],
        "requests": [],
        "agreements": [],
        "dates": [],
        "surveys": [],
        "reason": "",
    }


def test_a_clause_cited_by_the_other_word_of_a_contradiction_is_cited(pack: Path, capsys: Captured) -> None:
    """`but` stands on clauses too."""
    main(["pack", "coverage", str(pack), "--json"])
    clauses = {c["clause"]: c["questions"] for c in json.loads(capsys.readouterr().out)["clauses"]}
    assert clauses["devices.5"] == ["friend-parent"]


def test_a_row_of_a_table_can_be_contradicted_too(pack: Path, capsys: Captured) -> None:
    """A table has the other word beside the mark, and here as well the stricter leads."""
    table = pack / "tables/devices.yaml"
    row, but = (
        "who: pupils, code: cross, cites: [devices.4]",
        "{verdict: avoid, say: It is only advised against., cites: [devices.5]}",
    )
    line = change(table, row, f"{row}, but: {but}")
    main(["pack", "coverage", str(pack), "--json"])
    clauses = {c["clause"]: c["questions"] for c in json.loads(capsys.readouterr().out)["clauses"]}
    assert "pupil-phone-lessons" in clauses["devices.5"]
    change(table, "who: pupils, code: cross", "who: pupils, code: tick")
    assert f"{table}:{line}: pupil-phone-lessons: `but` is avoid, which is stricter than yes" in faults(pack, capsys)


def test_a_pack_can_be_asked_before_there_is_a_school(pack: Path, capsys: Captured) -> None:
    """By the path of its folder."""
    assert main(["ask", "--school", str(pack), "--json", "Can I follow a pupil on Instagram?"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["rule"], found["cites"]) == ("no", "friend-pupil", ["contact.1"])


def test_a_kind_of_file_that_there_is_not(capsys: Captured) -> None:
    """Those that there are, are named."""
    assert main(["pack", "schema", "answer"]) == 2
    assert "policy, routes, routing_tests, answers, table, catalogue, questions, uncovered" in capsys.readouterr().err
