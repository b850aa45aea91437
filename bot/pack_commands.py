"""`esafety pack new`, `check`, `coverage` and `schema`: for whoever writes a policy."""

import json
import shutil
import sys
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from domain.policy import Policy
from storage.answer_files import load_catalogue, load_sheet
from storage.coverage import Clause, coverage, load_uncovered
from storage.packs import load_pack
from storage.policy_files import PolicyFileError, load_policy_at, shared_folder
from storage.schemas import FORMS, schema

START = Path(__file__).parent / "start"
_SCHEMAS = "schemas"
_NO_REASON = "not covered, and no reason is given"


def new(path: Path) -> int:
    """Writes a small pack to begin with, and the schemas that its files name.

    Raises:
        PolicyFileError: something is there already.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise PolicyFileError(f"{path} is there already, and nothing in it is overwritten: name a new folder")
    shutil.copytree(START, path, dirs_exist_ok=True)
    write_schemas(path / _SCHEMAS)
    print(f"{path}: a small pack of an invented school. Put your own policy in, and run: esafety pack check {path}")
    return 0


def write_schemas(folder: Path) -> None:
    """Writes the schema of every kind of file."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind in FORMS:
        (folder / f"{kind}.json").write_text(schema(kind), encoding="utf-8")


def print_schema(kind: str) -> int:
    """Prints the schema of a kind of file.

    Raises:
        PolicyFileError: there is no such kind.
    """
    if kind not in FORMS:
        raise PolicyFileError(f"there is no kind of file {kind!r}: there are {', '.join(FORMS)}")
    sys.stdout.write(schema(kind))
    return 0


def check(path: Path) -> int:
    """Prints what is wrong with a pack, or what it holds."""
    try:
        pack = load_pack(home_of_pack(path))
    except PolicyFileError as wrong:
        faults = str(wrong).splitlines()
        print("\n".join(faults))
        print(f"{home_of_pack(path).name}: {counted(len(faults), 'fault')}.")
        return 1
    held = ", ".join((
        f"{counted(len(list(pack.sheet)), 'answer')} to {counted(len(pack.catalogue.questions), 'question')}",
        counted(len((*pack.policy.routes, *pack.policy.also)), "route"),
        counted(len(pack.trials), "trial"),
        *([f"a grid of {counted(len(pack.policy.grid.rows), 'row')}"] if pack.policy.grid is not None else []),
    ))  # fmt: skip
    print(f"{pack.policy.id}: {held}. Nothing wrong.")
    return 0


def print_coverage(path: Path, *, as_json: bool) -> int:
    """Prints what stands on each clause. The exit code is 1 where a clause has neither that nor a reason.

    Raises:
        PolicyFileError: the policy, its answers or its reasons are wrong.
    """
    home = home_of_pack(path)
    policy = load_policy_at(home, shared_folder(home))
    clauses = coverage(policy, load_sheet(policy, load_catalogue(shared_folder(home))), load_uncovered(policy))
    cited = sum(c.cited for c in clauses)
    reasoned = sum(bool(c.reason) and not c.cited for c in clauses)
    counts = {"clauses": len(clauses), "cited": cited, "with_reason": reasoned, "open": len(clauses) - cited - reasoned}
    if as_json:
        print(json.dumps({"policy": policy.id, "counts": counts, "clauses": [_row(c) for c in clauses]}, ensure_ascii=False))
    else:
        _show_clauses(policy, clauses)
        print(
            f"{policy.id}: {counts['clauses']} clauses: {cited} cited, {reasoned} not covered for a reason, "
            f"{counts['open']} not covered without one."
        )
    return int(counts["open"] > 0)


def _row(clause: Clause) -> dict[str, object]:
    return {
        "clause": clause.id,
        "heading": clause.heading,
        "point": clause.point,
        "questions": list(clause.questions),
        "routes": list(clause.routes),
        "rows": list(clause.rows),
        "fields": list(clause.fields),
        "requests": list(clause.requests),
        "agreements": list(clause.agreements),
        "dates": list(clause.dates),
        "surveys": list(clause.surveys),
        "reason": clause.reason,
    }


def _show_clauses(policy: Policy, clauses: Iterable[Clause]) -> None:
    for section, found in groupby(clauses, key=lambda c: c.id.rpartition(".")[0]):
        print(f"{policy.sections[section].heading} ({section})")
        for clause in found:
            by = (
                ("answers ", clause.questions),
                ("routes ", clause.routes),
                ("grid ", clause.rows),
                ("", clause.fields),
                ("requests ", clause.requests),
                ("signed in ", clause.agreements),
                ("calendar ", clause.dates),
                ("surveys ", clause.surveys),
            )
            cited = [f"{what}{', '.join(who)}" for what, who in by if who]
            reason = f"not covered: {clause.reason}" if clause.reason else _NO_REASON
            print(f"  {clause.point:>3}  {'; '.join(cited) or reason}")


def counted(number: int, thing: str) -> str:
    """A number of things, in words."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def home_of_pack(path: Path) -> Path:
    """The folder of a pack as it was given."""
    # A folder given as . or .. has no name of its own, and a policy is called after its folder.
    return path if path.name not in {"", ".."} else path.resolve()
