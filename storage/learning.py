"""Learns the ranking from the catalogue's ways of asking, and keeps it in a file beside them.

One linear support vector machine a question, over words, pairs of words, pieces of words, concepts and frames (docs/adr/0013).
It is learnt when the catalogue or the lexicon changes, which needs scikit-learn; to answer needs numpy alone.
"""

import hashlib
import json
import zipfile
from collections import Counter
from io import BytesIO
from pathlib import Path

import numpy as np

from domain.answers import Catalogue
from domain.language import Lexicon, Reader, plain_words
from domain.understanding import Ranking, counted

MODEL_FILE = "model.npz"
_RARE = 2
_SMALL = 0.06


def vocabulary(catalogue: Catalogue) -> dict[str, int]:
    """The words of all ways of asking, with how often each is there: those that come once may be slips themselves."""
    found = Counter(word for q in catalogue.questions.values() for ask in (*q.asks, q.title) for word in plain_words(ask))
    return {word: n for word, n in found.items() if n > 1}


def digest(catalogue: Catalogue, lexicon: Lexicon) -> str:
    """What the ranking was learnt from, in a few letters."""
    asked = [[q.id, q.title, list(q.asks)] for q in catalogue.questions.values()]
    meant = [lexicon.words, lexicon.phrases, lexicon.concepts, lexicon.frames, list(lexicon.fillers)]
    body = json.dumps([asked, meant], sort_keys=True, default=list)
    return hashlib.sha256(body.encode()).hexdigest()[:16]


def learn(catalogue: Catalogue, lexicon: Lexicon, path: Path) -> None:
    """Learns the ranking and writes it.

    Raises:
        ImportError: scikit-learn is not installed.
    """
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.svm import LinearSVC

    words = vocabulary(catalogue)
    reader = Reader(lexicon, words)
    asked = [(counted(reader.read(ask)), q.id) for q in catalogue.questions.values() for ask in (*q.asks, q.title)]
    common = Counter(f for found, _ in asked for f in found)
    kept = {f for f, n in common.items() if n >= _RARE}
    rarity = {f: float(np.log((1 + len(asked)) / (1 + common[f])) + 1) for f in kept}
    weighted = []
    for found, _ in asked:
        strength = {f: (1 + np.log(n)) * rarity[f] for f, n in found.items() if f in kept}
        length = float(np.sqrt(sum(v * v for v in strength.values()))) or 1.0
        weighted.append({f: v / length for f, v in strength.items()})
    vectorizer = DictVectorizer(dtype=np.float32)
    machine = LinearSVC(C=1.0, random_state=0)
    samples = vectorizer.fit_transform(weighted)
    samples.indices, samples.indptr = samples.indices.astype(np.int32), samples.indptr.astype(np.int32)
    machine.fit(samples, [q for _, q in asked])
    names, table = list(vectorizer.feature_names_), machine.coef_.T.astype(np.float32)
    big = np.abs(table) >= _SMALL
    rows, columns = np.nonzero(big)
    contents = {
        "questions": np.array(list(machine.classes_)),
        "features": np.array(names),
        "starts": np.searchsorted(rows, np.arange(len(names) + 1)).astype(np.int64),
        "columns": columns.astype(np.uint16),
        "weights": table[big].astype(np.float16),
        "rarity": np.array([rarity[n] for n in names], dtype=np.float16),
        "base": machine.intercept_.astype(np.float32),
        "words": np.array(list(words)),
        "often": np.array(list(words.values()), dtype=np.int32),
        "digest": np.array(digest(catalogue, lexicon)),
    }
    _write(path, contents)


def _write(path: Path, contents: dict[str, np.ndarray]) -> None:
    """An .npz file with the same bytes for the same contents."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for name, array in contents.items():
            body = BytesIO()
            np.save(body, array)
            file.writestr(zipfile.ZipInfo(f"{name}.npy", (2020, 1, 1, 0, 0, 0)), body.getvalue(), zipfile.ZIP_DEFLATED)


def load_ranking(path: Path) -> tuple[Ranking, dict[str, int], str]:
    """The ranking, the words it knows, and the digest of what it was learnt from."""
    with np.load(path) as kept:
        names = kept["features"].tolist()
        ranking = Ranking(
            kept["questions"].tolist(),
            {name: row for row, name in enumerate(names)},
            kept["starts"],
            kept["columns"],
            kept["weights"].astype(np.float32),
            kept["rarity"].astype(np.float32),
            kept["base"],
        )
        words = dict(zip(kept["words"].tolist(), kept["often"].tolist(), strict=True))
        return ranking, words, str(kept["digest"])
