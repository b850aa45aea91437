"""Learns the ranking of questions and the noticing of facts from examples, and keeps them in a file beside the catalogue.

Sums of weights over words, pairs of words, concepts and frames (docs/adr/0014): for the questions a softmax regression with a
layer beside it, for each fact linear support vector machines. They are learnt when the examples
change, which needs scikit-learn; to answer needs numpy alone. What takes long to put together at a start is kept in the same
file: the tables of the lexicon, and the catalogue without its examples.
"""

import hashlib
import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from domain.alarms import Alarm, Alarms
from domain.answers import GIVEN, PERMISSION, Catalogue, Fact, Frame, Option, Question, ReportHint, Verdict
from domain.language import Reader, Tables, plain_words, tables_of
from domain.layered import Layer, Layered
from domain.linear import Linear
from domain.linears import Linears
from domain.understanding import AGREEMENT, UNSAID, Learnt, counted
from domain.words import About
from storage.answer_files import CATALOGUE, load_catalogue, load_lexicon, load_sheet
from storage.example_files import load_alarms, load_examples, load_said
from storage.layers import Learned, learn_layer
from storage.likelihood import likeliest
from storage.policy_files import POLICY_FOLDER, load_policy, policy_ids
from storage.question_files import load_trials
from storage.yaml_files import PolicyFileError, uncollected

MODEL_FILE = "model.npz"
_RARE = 2
_SMALL = 0.3
_SOME = 20
_SMALL_FACT = 0.01
_LAYER = 2.0
"""How much the layer counts beside the linear model, both in units of their spread."""
_ENOUGH = 3
"""In how many texts a feature must be to have a place in the layer."""
_MOST_OF_A_BYTE = 127
_HARDLY_SMALLER = 0.8


@dataclass(frozen=True, slots=True)
class Example:
    """A text and what it is an example of."""

    text: str
    label: str


def shape_digest(folder: Path = POLICY_FOLDER) -> str:
    """What must be as it was when the model was learnt: the lexicon and the catalogue, by the bytes of their files."""
    return _digest(sorted((folder / CATALOGUE).glob("*.yaml")))


def examples_digest(folder: Path = POLICY_FOLDER) -> str:
    """What was learnt from, all examples included. Where they have changed the model is not wrong, but could be better."""
    home = folder / CATALOGUE
    trials = [path for school in policy_ids(folder) for path in (folder / school / "questions").glob("*.yaml")]
    return _digest(sorted([*home.glob("*.yaml"), *home.glob("*/*.yaml"), *trials]))


def learn(folder: Path = POLICY_FOLDER, *, facts_only: bool = False) -> None:
    """Learns from the examples and writes the model. With `facts_only` what ranks the questions stays as it was learnt.

    Raises:
        ImportError: scikit-learn is not installed.
        PolicyFileError: a file is wrong, or the ranking cannot stay, as what it is learnt from has changed.
    """
    catalogue = load_catalogue(folder)
    asked = [Example(ask, q.id) for q in catalogue.questions.values() for ask in (*q.asks, q.title)]
    asked += [Example(text, to) for text, to in load_examples(folder) if to in catalogue.questions]
    tables = tables_of(load_lexicon(folder), _vocabulary(e.text for e in asked))
    learnt_by = {"tables": _text(asdict(tables)), "asked": _text(_digest_of(asked))}
    reader = Reader(tables)
    if facts_only:
        contents = _ranking_that_stays(folder / CATALOGUE / MODEL_FILE, learnt_by)
    else:
        ranking = _ranked(asked, reader)
        contents = _arrays("ranking", ranking.linear) | _arrays_of_layer(ranking.layer)
    told = list(_told_in_trials(catalogue, reader, folder))
    facts: dict[str, Linear] = {}
    for fact, said in load_said(catalogue, folder).items():
        stated = [Example(text, value) for value, texts in said.items() for text in texts]
        stated += [Example(text, value) for of, text, value in told if of == fact]
        facts[fact] = _told_apart(stated, reader)
    contents |= _arrays_of_facts(facts)
    kept: dict[str, object] = {"catalogue": _plain(catalogue)}
    kept["alarms"] = [asdict(alarm) for alarm in load_alarms(reader, folder)]
    kept |= {"shape": shape_digest(folder), "examples": examples_digest(folder)}
    contents |= learnt_by | {name: _text(value) for name, value in kept.items()}
    _write(folder / CATALOGUE / MODEL_FILE, contents)


def _ranking_that_stays(path: Path, learnt_by: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What ranks the questions, as it is kept, if it would be learnt from the same examples by the same lexicon."""
    try:
        kept = np.load(path)
    except FileNotFoundError:
        raise PolicyFileError(f"{path} is missing: run esafety pack learn") from None
    with kept:
        if any(name not in kept or not np.array_equal(kept[name], was) for name, was in learnt_by.items()):
            raise PolicyFileError("a question, a way of asking one or the lexicon has changed: run esafety pack learn")
        return {name: kept[name] for name in kept.files if name.startswith(("ranking.", "layer."))}


def _told_in_trials(catalogue: Catalogue, reader: Reader, folder: Path) -> Iterator[tuple[str, str, str]]:
    """What trials tell of facts: where an answer turns on some, the verdict tells which values were stated, or none.

    Where somebody agreed and it is of no use, that was somebody else: it is not as if nothing had been said.
    """
    for school in policy_ids(folder):
        policy = load_policy(school, folder)
        sheet = load_sheet(policy, catalogue, folder)
        for trial in load_trials(policy, sheet, catalogue, folder):
            answer = sheet.on(date.max, trial.to[0]) if trial.to else None
            told = answer.turns_on - answer.assume.keys() if answer is not None else frozenset()
            if answer is None or not told:
                continue
            until = [case.verdict for case in answer.cases if case.once_agreed]
            meanwhile = until[0] if until else answer.meanwhile
            for text, verdicts in ((trial.text, trial.verdicts), *((f"{trial.text} {t.say}", t.verdicts) for t in trial.then)):
                if verdicts == {meanwhile}:
                    if until and AGREEMENT in reader.read(text).concepts:
                        continue
                    yield from ((fact, text, UNSAID) for fact in told if len(told) == 1)
                    continue
                if verdicts == {Verdict.YES} and all(c.verdict is not Verdict.YES for c in answer.cases):
                    yield PERMISSION, text, GIVEN
                    continue
                cases = [c for c in answer.cases if verdicts == {c.verdict} and c.verdict is not meanwhile and c.when]
                for fact, values in cases[0].when.items() if len(cases) == 1 else ():
                    if len(values) == 1 and fact in told:
                        yield fact, text, min(values)


def load_learnt(folder: Path = POLICY_FOLDER) -> Learnt:
    """What was learnt.

    Raises:
        PolicyFileError: there is no model, or the catalogue or the lexicon has changed since.
    """
    path = folder / CATALOGUE / MODEL_FILE
    try:
        kept = np.load(path)
    except FileNotFoundError:
        raise PolicyFileError(f"{path} is missing: run esafety pack learn") from None
    with kept, uncollected():
        if "shape" not in kept or _read(kept, "shape") != shape_digest(folder):
            raise PolicyFileError(f"{path} was learnt from another catalogue or lexicon: run esafety pack learn")
        tables = Tables(**_read(kept, "tables"))
        catalogue = _catalogue(_read(kept, "catalogue"))
        alarms = Alarms(_alarm(one) for one in _read(kept, "alarms"))
        ranking = Layered(_linear(kept, "ranking"), _layer(kept))
        return Learnt(catalogue, Reader(tables), ranking, _facts(kept), alarms)


def learnt_from(folder: Path = POLICY_FOLDER) -> str:
    """The digest of the examples that the model was learnt from."""
    with np.load(folder / CATALOGUE / MODEL_FILE) as kept:
        return str(_read(kept, "examples"))


@dataclass(frozen=True, slots=True)
class _Samples:
    """Examples as numbers: what each has of each feature, and how rare these are."""

    table: Any
    names: list[str]
    rarity: Mapping[str, float]


def _ranked(examples: Sequence[Example], reader: Reader) -> Layered:
    """What tells all labels apart from each other: two ways of learning it, which err in different places."""
    samples = _samples(examples, reader)
    labels, numbers = np.unique([e.label for e in examples], return_inverse=True)
    weights, base = likeliest(samples.table, numbers, len(labels))
    layer = learn_layer(samples.table, numbers, len(labels))
    some = samples.table[::_SOME]
    spread, its_spread = (float(np.std(scores, axis=1).mean()) for scores in (some @ weights + base, layer.scores(some)))
    base = base / spread + layer.base * _LAYER / its_spread
    linear = _linear_of(samples, [str(label) for label in labels], weights / spread, base, _SMALL)
    return Layered(linear, _layer_of(layer, np.bincount(samples.table.indices) >= _ENOUGH, _LAYER / its_spread))


def _layer_of(learned: Learned, kept: np.ndarray, weight: float) -> Layer:
    """The same in fewer bytes, for the features that are kept, with so much weight."""
    inner = learned.inner[kept]
    unit = np.abs(inner).max(axis=1) / _MOST_OF_A_BYTE
    place = np.where(kept, np.cumsum(kept) - 1, -1)
    in_bytes = np.round(inner / unit[:, None]).astype(np.int8)
    return Layer(
        place.astype(np.int32),
        in_bytes,
        unit.astype(np.float32),
        learned.inner_base,
        learned.outer * np.float32(weight),
    )


def _told_apart(examples: Sequence[Example], reader: Reader) -> Linear:
    """What tells each label from the rest."""
    samples = _samples(examples, reader)
    labels, numbers = np.unique([e.label for e in examples], return_inverse=True)
    weights, base = _machine(samples, numbers)
    if len(labels) == 2:
        # Of two labels the machine keeps only the second.
        weights, base = np.hstack([-weights, weights]), np.concatenate([-base, base])
    return _linear_of(samples, [str(label) for label in labels], weights, base, _SMALL_FACT)


def _machine(samples: _Samples, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.svm import LinearSVC

    machine = LinearSVC(C=1.0, random_state=0)
    machine.fit(samples.table, numbers)
    return machine.coef_.T.astype(np.float32), machine.intercept_.astype(np.float32)


def _samples(examples: Sequence[Example], reader: Reader) -> _Samples:
    from sklearn.feature_extraction import DictVectorizer

    found = [counted(reader.read(e.text)) for e in examples]
    common = Counter(f for features in found for f in features)
    rarity = {f: float(np.log((1 + len(found)) / (1 + n)) + 1) for f, n in common.items() if n >= _RARE}
    vectorizer = DictVectorizer(dtype=np.float32)
    table = vectorizer.fit_transform([_weighed(features, rarity) for features in found])
    # The solver wants indices of this width.
    table.indices, table.indptr = table.indices.astype(np.int32), table.indptr.astype(np.int32)
    return _Samples(table, list(vectorizer.feature_names_), rarity)


def _linear_of(samples: _Samples, labels: Sequence[str], weights: np.ndarray, base: np.ndarray, small: float) -> Linear:
    """The weights that are not too small to matter."""
    big = np.abs(weights) > small
    rows, columns = np.nonzero(big)
    starts = np.searchsorted(rows, np.arange(len(samples.names) + 1))
    return Linear(
        tuple(labels),
        {name: row for row, name in enumerate(samples.names)},
        starts.astype(np.int32),
        columns.astype(np.uint16),
        weights[big],
        np.array([samples.rarity[n] for n in samples.names], dtype=np.float32),
        base.astype(np.float32),
    )


def _weighed(features: Mapping[str, int], rarity: Mapping[str, float]) -> dict[str, float]:
    strength = {f: (1 + np.log(n)) * rarity[f] for f, n in features.items() if f in rarity}
    length = float(np.sqrt(sum(v * v for v in strength.values()))) or 1.0
    return {f: v / length for f, v in strength.items()}


def _vocabulary(texts: Iterable[str]) -> dict[str, int]:
    """The words of all examples, with how often each is there: those that come once may be slips themselves."""
    found = Counter(word for text in texts for word in plain_words(text))
    return {word: n for word, n in found.items() if n > 1}


def _digest_of(examples: Iterable[Example]) -> str:
    plain = sorted([e.label, e.text] for e in examples)
    return hashlib.sha256(json.dumps(plain).encode()).hexdigest()[:16]


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.parent.name}/{path.name}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _arrays(name: str, linear: Linear) -> dict[str, np.ndarray]:
    return {
        f"{name}.labels": _text(linear.labels),
        f"{name}.features": _text(list(linear.rows)),
        f"{name}.starts": linear.starts,
        f"{name}.columns": linear.columns,
        f"{name}.weights": linear.weights.astype(np.float16),
        f"{name}.rarity": linear.rarity.astype(np.float16),
        f"{name}.base": linear.base,
    }


def _linear(kept: Any, name: str) -> Linear:
    features = _read(kept, f"{name}.features")
    return Linear(
        tuple(_read(kept, f"{name}.labels")),
        {feature: row for row, feature in enumerate(features)},
        kept[f"{name}.starts"],
        kept[f"{name}.columns"],
        kept[f"{name}.weights"].astype(np.float32),
        kept[f"{name}.rarity"].astype(np.float32),
        kept[f"{name}.base"],
    )


def _arrays_of_layer(layer: Layer) -> dict[str, np.ndarray]:
    return {
        "layer.place": layer.place,
        "layer.inner": layer.inner,
        "layer.unit": layer.unit.astype(np.float16),
        "layer.inner_base": layer.inner_base,
        "layer.outer": layer.outer.astype(np.float16),
    }


def _layer(kept: Any) -> Layer:
    return Layer(
        kept["layer.place"],
        kept["layer.inner"],
        kept["layer.unit"].astype(np.float32),
        kept["layer.inner_base"],
        kept["layer.outer"].astype(np.float32),
    )


def _arrays_of_facts(facts: Mapping[str, Linear]) -> dict[str, np.ndarray]:
    """All of them over one vocabulary: of each feature the models and the labels for which it counts."""
    features = sorted({feature for linear in facts.values() for feature in linear.rows})
    place = {feature: n for n, feature in enumerate(features)}
    rarity = np.zeros((len(features), len(facts)), dtype=np.float16)
    weights = np.zeros((len(features), sum(len(linear.labels) for linear in facts.values())), dtype=np.float16)
    first = 0
    for n, linear in enumerate(facts.values()):
        rows = np.array([place[feature] for feature in linear.rows], dtype=np.intp)
        rarity[rows, n] = linear.rarity
        weights[np.repeat(rows, np.diff(linear.starts)), first + linear.columns] = linear.weights
        first += len(linear.labels)
    return {
        "facts.labels": _text({fact: linear.labels for fact, linear in facts.items()}),
        "facts.features": _text(features),
        **_sparse("facts.rarity", rarity),
        **_sparse("facts.weights", weights),
        "facts.base": np.concatenate([linear.base for linear in facts.values()]),
    }


def _facts(kept: Any) -> Linears:
    labels = {fact: tuple(of) for fact, of in _read(kept, "facts.labels").items()}
    rows = {feature: row for row, feature in enumerate(_read(kept, "facts.features"))}
    rarity = _dense(kept, "facts.rarity", (len(rows), len(labels)))
    base = kept["facts.base"]
    return Linears(labels, rows, rarity, _dense(kept, "facts.weights", (len(rows), len(base))), base)


def _sparse(name: str, table: np.ndarray) -> dict[str, np.ndarray]:
    """A table of which little is filled: how many are in each row, in which columns, and what they are."""
    rows, columns = np.nonzero(table)
    counts = np.bincount(rows, minlength=len(table)).astype(np.uint16)
    return {f"{name}.counts": counts, f"{name}.columns": columns.astype(np.uint16), f"{name}.values": table[rows, columns]}


def _dense(kept: Any, name: str, shape: tuple[int, int]) -> np.ndarray:
    table = np.zeros(shape, dtype=np.float16)
    table[np.repeat(np.arange(shape[0]), kept[f"{name}.counts"]), kept[f"{name}.columns"]] = kept[f"{name}.values"]
    return table


def _text(value: object) -> np.ndarray:
    return np.frombuffer(json.dumps(value, ensure_ascii=False).encode(), dtype=np.uint8)


def _read(kept: Any, name: str) -> Any:
    return json.loads(kept[name].tobytes())


def _plain(catalogue: Catalogue) -> dict[str, Any]:
    questions = [
        [q.id, q.topic, q.title, {str(f): v for f, v in q.frame.items()}, q.facts, q.near] for q in catalogue.questions.values()
    ]
    facts = [[f.id, f.ask, [[o.value, o.label] for o in f.options]] for f in catalogue.facts.values()]
    return {"questions": questions, "facts": facts, "topics": dict(catalogue.topics)}


def _alarm(plain: Mapping[str, Any]) -> Alarm:
    report = ReportHint(plain["report"]["concern"], About(plain["report"]["about"]))
    return Alarm(plain["id"], report, tuple(plain["every"]), plain["unless"], plain["images"])


def _catalogue(plain: Mapping[str, Any]) -> Catalogue:
    """The catalogue without its examples, which only learning needs."""
    return Catalogue(
        {
            i: Question(i, topic, title, {Frame(f): v for f, v in frame.items()}, tuple(facts), tuple(near))
            for i, topic, title, frame, facts, near in plain["questions"]
        },
        {i: Fact(i, ask, tuple(Option(value, label) for value, label in options)) for i, ask, options in plain["facts"]},
        plain["topics"],
    )


def _write(path: Path, contents: Mapping[str, np.ndarray]) -> None:
    """An .npz file with the same bytes for the same contents. What hardly gets smaller is kept as it is."""
    with zipfile.ZipFile(path, "w", compresslevel=9) as file:
        for name, array in contents.items():
            body = BytesIO()
            np.save(body, array)
            plain = body.getvalue()
            dense = len(zlib.compress(plain)) > _HARDLY_SMALLER * len(plain)
            entry = zipfile.ZipInfo(f"{name}.npy", (2020, 1, 1, 0, 0, 0))
            file.writestr(entry, plain, zipfile.ZIP_STORED if dense else zipfile.ZIP_DEFLATED)
