"""Reading YAML: every refusal names a line, whatever is in the file."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from storage.yaml_files import PolicyFileError, checked, read_yaml


class Shelf(BaseModel):
    """What a file must hold here."""

    books: list[dict[str, int]]


def read(path: Path, text: str) -> Shelf:
    """Writes a file and reads it."""
    path.write_text(text, encoding="utf-8")
    return checked(path, read_yaml(path), Shelf)


def test_what_is_right_is_read(tmp_path: Path) -> None:
    """Anchors and merges included."""
    found = read(tmp_path / "a.yaml", "books:\n  - &one {pages: 3}\n  - {<<: *one, weight: 2}\n  - {<<: *one, pages: 4}\n")
    assert found.books == [{"pages": 3}, {"pages": 3, "weight": 2}, {"pages": 4}]


def test_what_is_merged_gives_way_to_what_stands_there(tmp_path: Path) -> None:
    """Wherever the merge stands; and of two that are merged the first counts."""
    (tmp_path / "a.yaml").write_text("- &a {x: 1, y: 1}\n- &b {y: 2, z: 2}\n- {z: 3, <<: [*a, *b]}\n", encoding="utf-8")
    assert read_yaml(tmp_path / "a.yaml")[2] == {"x": 1, "y": 1, "z": 3}


def test_an_anchor_used_over_and_over_takes_no_time(tmp_path: Path) -> None:
    """A few lines could otherwise stand for a billion."""
    lines = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40))]
    (tmp_path / "a.yaml").write_text("\n".join(lines), encoding="utf-8")
    assert len(read_yaml(tmp_path / "a.yaml")["a39"]) == 9


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("books:\n  - {pages: 3}\n  - pages: 4\n    weight: heavy\n", 4),
        ("books:\n  - {pages: 3}\n  - 5\n", 1),
        ("# A comment.\nbook: []\n", 2),
        ("- a list", 1),
        ("", 1),
        ("books: []\nbooks: []\n", 2),
        ("books:\n  - pages: 3\n    pages: 3\n", 3),
        ("books:\n  - {[a]: 1}\n", 2),
        ("books:\n  - {pages: 3\n", 3),
        ("books: *nobody\n", 1),
        ("books:\n  - &one {pages: [*one]}\n", 2),
        ("books: !!seq {x: 1}\n", 1),
        ("books: !!omap [x: {q: 1, q: 2}]\n", 1),
        ("books:\n  - &one {pages: 3}\n  - {<<: *one, <<: *one}\n", 3),
        ("books:\n  - &one {pages: 3}\n  - {<<: 5, pages: 3}\n", 3),
        ("books: !!python/name:os.system\n", 1),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    """No traceback, and nothing that comes twice wins silently."""
    with pytest.raises(PolicyFileError) as no:
        read(tmp_path / "a.yaml", text)
    assert str(no.value).startswith(f"{tmp_path / 'a.yaml'}:{line}: ")


@pytest.mark.parametrize("text", ["[" * 2000 + "]" * 2000, "since: 2025-02-30"])
def test_what_no_reader_can_make_is_refused(tmp_path: Path, text: str) -> None:
    """Too deep, or a day that there is not: no traceback."""
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(PolicyFileError, match=r"a\.yaml is not valid YAML"):
        read_yaml(tmp_path / "a.yaml")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """Missing, a folder, another encoding."""
    with pytest.raises(PolicyFileError, match=r"b\.yaml is missing"):
        read_yaml(tmp_path / "b.yaml")
    with pytest.raises(PolicyFileError, match="cannot be read"):
        read_yaml(tmp_path)
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PolicyFileError, match=r"a\.yaml is not valid YAML"):
        read_yaml(tmp_path / "a.yaml")
