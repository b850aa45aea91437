"""The register of signatures, as it is saved: no cell is a formula, and each signature says which text it was."""

import csv
from datetime import UTC, datetime
from io import BytesIO, StringIO

from openpyxl import load_workbook

from cards.signing_export import signing_csv, signing_workbook
from domain.agreements import Agreement, AgreementKind
from domain.signings import Gap, GivenSignature, SigningExport
from tests.contract.corpus import demo_school

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
_READ = Agreement("read", AgreementKind.READING, "The policy", "May 2022", "For all.", (), cites=("all-staff.3",))
_GIVEN = GivenSignature("g", "s", 1, "p", "q", NOW, "May 2022", "ab" * 32, '=HYPERLINK("x")', "The policy", NOW, NOW)
_EXPORT = SigningExport(_READ, NOW, (Gap("+44 Sum", NOW, late=True, reminded=2),), (("Tess", NOW),), (_GIVEN,), {"q": "Dana"})


def test_each_signature_says_which_text_it_was() -> None:
    """With the hash, by whom it was entered, and how long it holds; a name that would be a formula is none."""
    (_, row) = csv.reader(StringIO(signing_csv(demo_school(), _EXPORT).removeprefix("\ufeff")))
    assert "ab" * 32 in row
    assert "Dana" in row
    assert not any(value.startswith(("=", "+")) for value in row)


def test_the_workbook_has_who_has_not_first() -> None:
    """How everybody stands, and then each signature."""
    book = load_workbook(BytesIO(signing_workbook(demo_school(), _EXPORT)))
    stands, given = (book[name] for name in book.sheetnames)
    assert [row[3].value for row in stands.iter_rows(min_row=2)] == [
        "has not",
        "has signed May 2022, on 24 November 2026, 10:00",
    ]
    assert given.max_row == 2
