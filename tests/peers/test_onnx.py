"""ONNX models answer as their programs do, on every step and estimator that they can express."""

import re
from collections.abc import Callable
from typing import Any

import lightgbm
import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from cli.peers import foreign
from cli.peers.onnx import model as onnx_model
from cli.peers.onnx import proof, texts
from cli.peers.onnx.graph import RUNTIME, TEXT, Graph
from firesteel import definition_file
from firesteel.errors import CompileError, ParityError
from firesteel.program import schema
from functions.train import compile
from tests.peers.conftest import NAMES, ROOT, Model

ABOUT = {"model": "m", "version": "1.0.0"}


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_model_answers_alike_on_real_rows_and_on_hostile_ones(
    name: str, model_of: Callable[[str], Model]
) -> None:
    model = model_of(name)
    written = onnx_model.convert(model.trained.program, ABOUT)
    assert proof.prove(written, model.loaded, model.rows) < 1e-9
    hostile = proof.hostile(model.loaded, model.rows)
    assert len(hostile) > 400
    assert proof.prove(written, model.loaded, hostile) < 1e-9


def test_labels_calibrated_probabilities_and_review_are_outputs(model_of: Callable[[str], Model]) -> None:
    model = model_of("tickets")
    asked = proof.session(onnx_model.convert(model.trained.program, ABOUT))
    names = [one.name for one in asked.get_outputs()]
    some = model.rows[:25] + proof.hostile(model.loaded, model.rows)[:25]
    answers = dict(zip(names, asked.run(names, proof.feed(model.loaded, some, ["title", "description"])), strict=True))
    predictions = model.loaded.predict_batch(some)
    assert list(answers["predicted_department"]) == [one.labels["department"] for one in predictions]
    assert list(answers["review"]) == [one.review for one in predictions]
    assert {one.review for one in predictions} == {True, False}
    assert answers["priority_probabilities"].shape == (50, 4)
    assert answers["priority_probabilities"].sum(1) == pytest.approx(1)
    assert answers["priority_probabilities"].max(1) == pytest.approx(answers["priority_confidence"])


def test_numbers_have_their_interval_and_the_metadata_says_which_version_it_is(
    model_of: Callable[[str], Model],
) -> None:
    asked = proof.session(onnx_model.convert(model_of("gifts").trained.program, ABOUT))
    assert [one.name for one in asked.get_outputs()] == [
        "selection_count", "selection_count_lower", "selection_count_upper",
    ]  # fmt: skip
    assert asked.get_modelmeta().custom_metadata_map == ABOUT


def test_the_proof_finds_a_model_that_is_another(model_of: Callable[[str], Model]) -> None:
    model = model_of("recruits/qb")
    graph = onnx.load_from_string(onnx_model.convert(model.trained.program, ABOUT))
    for constant in graph.graph.initializer:
        if constant.data_type == onnx.TensorProto.DOUBLE and len(constant.dims) == 2:
            constant.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(constant) * 1.01, constant.name))
    with pytest.raises(ParityError, match="disagree"):
        proof.prove(graph.SerializeToString(), model.loaded, model.rows[:50])


def numbers(rows: int = 300) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    X = generator.normal(size=(rows, 3))
    X[::5, 0] = np.nan
    X[::3, 1] = 0.0
    X[:, 2] = generator.integers(0, 6, rows)
    return X, np.nan_to_num(X[:, 0]) + 3 * np.isin(X[:, 2], (1, 4)) + X[:, 1]


@pytest.mark.parametrize(
    "estimator",
    [
        HistGradientBoostingRegressor(max_iter=15, categorical_features=[2]),
        lightgbm.LGBMRegressor(n_estimators=15, zero_as_missing=True, verbose=-1),
        lightgbm.LGBMRegressor(n_estimators=15, verbose=-1),
        HistGradientBoostingRegressor(max_iter=1, min_samples_leaf=300),  # a tree of one leaf
    ],
    ids=("sets", "zeros are missing", "lightgbm", "one leaf"),
)
def test_trees_of_every_kind(estimator: Any) -> None:
    X, y = numbers()
    fitted = foreign.translate("m", estimator.fit(X, y), target="y", text="text", names=["a", "b", "c"])
    rows = [dict(zip("abc", [None if value != value else value for value in row], strict=True)) for row in X.tolist()]
    rows += [{"a": None, "b": 1e-40, "c": code} for code in (-1.0, 0.4, 5.0, 6.0, 1e12)]
    assert proof.prove(onnx_model.convert(fitted.program, ABOUT), fitted.loaded, rows) < 1e-9


TEXTS = [
    "Refund my invoice",
    "charged twice, on my card!",
    "cannot log-in",
    "PASSWORD is locked",
    "a  plan\tnew",
    "çok güzel été",
]


@pytest.mark.parametrize(
    "vectorizer",
    [
        TfidfVectorizer(ngram_range=(1, 3), sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5)),
        TfidfVectorizer(analyzer="char", ngram_range=(1, 4), norm="l1", lowercase=False),
        TfidfVectorizer(stop_words=["my", "is"], use_idf=False),
        TfidfVectorizer(token_pattern=r"[^,\s]+", binary=True, norm=None),
        TfidfVectorizer(token_pattern=r"(?u)\b\w+\b", ngram_range=(2, 2)),
    ],
    ids=("words", "char_wb", "char", "stop words", "pattern", "pairs"),
)
def test_texts_are_cut_as_scikit_learn_cuts_them(vectorizer: TfidfVectorizer) -> None:
    pipeline = make_pipeline(vectorizer, LogisticRegression()).fit(TEXTS, list("aabbcc"))
    fitted = foreign.translate("m", pipeline, target="y", text="text", names=None)
    rows = [
        {"text": text}
        for text in (*TEXTS, "", " \n\u2003 ", "x", "log\x1cin", "ÉTÉ été", "漢字 仮名交じり文", "refund" * 900)
    ]
    written = onnx_model.convert(fitted.program, ABOUT)
    assert proof.prove(written, fitted.loaded, rows) < 1e-9
    assert proof.prove(written, fitted.loaded, [{"text": ""}]) < 1e-9
    assert proof.prove(written, fitted.loaded, proof.hostile(fitted.loaded, rows)) < 1e-9


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"strip_accents": "unicode"}, "strips accents"),
        ({"stop_words": ["my"], "ngram_range": (1, 2)}, "stop words"),
        ({"analyzer": "char_wb", "ngram_range": (1, 2)}, "spaces around words"),
        ({"token_pattern": r"\w+|\d"}, "token pattern"),
    ],
)
def test_a_step_that_onnx_cannot_express_is_refused_by_name(settings: dict[str, Any], message: str) -> None:
    pipeline = make_pipeline(TfidfVectorizer(**settings), LogisticRegression()).fit(TEXTS, list("aabbcc"))
    fitted = foreign.translate("m", pipeline, target="y", text="text", names=None)
    with pytest.raises(CompileError, match=rf"step tfidfvectorizer.*{message}"):
        onnx_model.convert(fitted.program, ABOUT)


def test_a_model_of_segments_is_exported_segment_by_segment() -> None:
    router = compile.to_router(definition_file.load(ROOT / "models/recruits.yaml"))
    with pytest.raises(CompileError, match="export one of them: qb, rb, wr"):
        onnx_model.convert(router, ABOUT)


PATTERNS = [
    r"(?u)\b\w\w+\b",
    r"(?u)\b\w+\b",
    r"[^|\s][^|]*[^|\s]",
    r"\w+",
    r"\d{2,}x?",
    r"[\w-]+",
    r"a\.b",
]


@pytest.mark.parametrize("pattern", PATTERNS)
@settings(max_examples=25, deadline=None)
@given(text=st.text(st.one_of(st.sampled_from("ab1-_|.x \t\n漢é\u0301"), st.characters(codec="utf-8")), max_size=40))
def test_a_token_pattern_finds_the_same_tokens_in_any_text(pattern: str, text: str) -> None:
    graph = Graph()
    graph.output(
        "tokens", texts._tokens(graph, graph.flat(graph.input("text", TEXT)), texts.token_pattern("s", pattern)), TEXT
    )
    told = proof.session(graph.finish("tokens", {})).run(None, {"text": np.array([[text]], object)})[0]
    assert [token for token in np.ravel(told) if token] == re.findall(pattern, text)


@pytest.mark.parametrize(
    "pattern", [r"a|b", r"(a)(b)", r"a+?", r"^a", r"\bx\b", r"(?i)a", r"a(?=b)", r"\S+", r"[^\W\d]+", ""]
)
def test_a_token_pattern_that_may_mean_another_thing_is_refused(pattern: str) -> None:
    with pytest.raises(CompileError, match="step words: the token pattern"):
        texts.token_pattern("words", pattern)


def test_the_length_of_a_category_is_counted_in_code_points() -> None:
    from cli.peers.onnx import steps

    graph = Graph()
    graph.output("length", steps._length(graph, graph.input("text", TEXT)), onnx.TensorProto.INT64, 1)
    given = ["", "a", "漢字", "👩‍💻", "a\nb"]
    told = proof.session(graph.finish("length", {})).run(None, {"text": np.array(given, object)[:, None]})[0]
    assert told.ravel().tolist() == [len(text) for text in given]


def test_a_missing_optional_value_is_nan_or_empty(model_of: Callable[[str], Model]) -> None:
    model = model_of("g2g")
    row = dict(model.rows[0]) | {"market_share": None, "audit_score": None}
    fed = proof.feed(model.loaded, [row], ["market_share", "region", "description"])
    assert np.isnan(fed["market_share"]).all()
    assert fed["region"].tolist() == [[row["region"]]]
    assert fed["description"].shape == (1, 1)


def test_operators_of_onnxruntime_alone_are_used_for_texts_and_hashes_only(model_of: Callable[[str], Model]) -> None:
    def domains(name: str) -> set[str]:
        graph = onnx.load_from_string(onnx_model.convert(model_of(name).trained.program, ABOUT))
        return {node.domain for node in graph.graph.node}

    assert RUNTIME not in domains("recruits/qb")
    assert RUNTIME in domains("gifts")


def test_timestamps_are_seconds_since_1970(model_of: Callable[[str], Model]) -> None:
    fed = proof.feed(model_of("inspections").loaded, [model_of("inspections").rows[0]], ["inspection_date"])
    assert fed["inspection_date"][0, 0] == schema.seconds(model_of("inspections").rows[0]["inspection_date"])
