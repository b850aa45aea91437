"""Puts together what answers questions for a school: catalogue, answers, lexicon, and the ranking that was learnt."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from domain.answers import Catalogue
from domain.language import Reader
from domain.policy import Policy
from domain.understanding import Engine, Ranking
from storage.answer_files import CATALOGUE, load_catalogue, load_lexicon, load_sheet
from storage.learning import MODEL_FILE, digest, load_ranking
from storage.policy_files import POLICY_FOLDER, PolicyFileError


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """What all schools share."""

    catalogue: Catalogue
    reader: Reader
    ranking: Ranking


@cache
def learnt(folder: Path = POLICY_FOLDER) -> Learnt:
    """The catalogue and what was learnt from it.

    Raises:
        PolicyFileError: a file is wrong, or the catalogue has changed since the ranking was learnt.
    """
    catalogue, lexicon = load_catalogue(folder), load_lexicon(folder)
    path = folder / CATALOGUE / MODEL_FILE
    ranking, words, known = load_ranking(path)
    if known != digest(catalogue, lexicon):
        raise PolicyFileError(f"{path} was learnt from another catalogue or lexicon: run esafety pack learn")
    return Learnt(catalogue, Reader(lexicon, words), ranking)


def load_engine(policy: Policy, folder: Path = POLICY_FOLDER) -> Engine:
    """What answers for a school.

    Raises:
        PolicyFileError: as for `learnt`, or the school's answers are wrong.
    """
    shared = learnt(folder)
    return Engine(shared.catalogue, load_sheet(policy, shared.catalogue, folder), shared.reader, shared.ranking)
