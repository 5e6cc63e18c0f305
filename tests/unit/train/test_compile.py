"""What cannot be expressed as data is refused, by the name of the step."""

import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import MaxAbsScaler

from firesteel.errors import CompileError
from firesteel.program import predictor
from functions.train import compile

TEXTS = ["one two", "two three", "three four", "four one"] * 3
LABELS = ["a", "b", "a", "b"] * 3
SCHEMA = compile.text_schema("text", 100)


def shout(text):
    return text.upper()


def strip(text):
    return text


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        (make_pipeline(TfidfVectorizer(), RandomForestClassifier(2)), r"label\.randomforestclassifier \(RandomForest"),
        (
            make_pipeline(TfidfVectorizer(), CalibratedClassifierCV(LogisticRegression(), cv=2)),
            "CalibratedClassifierCV",
        ),
        (make_pipeline(TfidfVectorizer(), TruncatedSVD(2), LogisticRegression()), r"truncatedsvd \(TruncatedSVD\)"),
        (make_pipeline(CountVectorizer(), TfidfTransformer(), MaxAbsScaler(), LogisticRegression()), "maxabsscaler"),
        (make_pipeline(HashingVectorizer(n_features=64), LogisticRegression()), "hashingvectorizer"),
        (make_pipeline(TfidfVectorizer(preprocessor=shout), LogisticRegression()), "preprocessor=.* is code"),
        (
            make_pipeline(TfidfVectorizer(tokenizer=str.split, token_pattern=None), LogisticRegression()),
            "tokenizer=.*code",
        ),
        (make_pipeline(TfidfVectorizer(analyzer=str.split), LogisticRegression()), "analyzer=.* is code"),
        (make_pipeline(TfidfVectorizer(strip_accents=strip), LogisticRegression()), "strip_accents=.* is code"),
        (
            Pipeline([("both", FeatureUnion([("h", HashingVectorizer(n_features=8))])), ("clf", LogisticRegression())]),
            r"both\.h \(HashingVectorizer\)",
        ),
        (
            Pipeline([("none", "passthrough"), ("tfidf", TfidfVectorizer()), ("clf", "passthrough")]),
            "not fitted",
        ),
    ],
)
def test_a_step_that_does_not_fit_is_named(pipeline, message):
    if pipeline.steps[-1][1] != "passthrough":
        pipeline.fit(TEXTS, LABELS)
    with pytest.raises(CompileError, match=message):
        compile.to_program("m", SCHEMA, {"label": pipeline})


@pytest.mark.parametrize("thing", [LogisticRegression(), Pipeline([("clf", LogisticRegression())]), "pipeline"])
def test_what_is_no_pipeline_is_refused(thing):
    with pytest.raises(CompileError, match="not a Pipeline"):
        compile.to_program("m", SCHEMA, {"label": thing})


def test_a_classifier_of_other_features_is_refused():
    vectorizer = TfidfVectorizer().fit(TEXTS)
    classifier = LogisticRegression().fit(vectorizer.transform(TEXTS), LABELS)
    classifier.coef_ = classifier.coef_[:, :2]
    with pytest.raises(CompileError, match="has 2 features"):
        compile.to_program("m", SCHEMA, {"label": Pipeline([("tfidf", vectorizer), ("clf", classifier)])})


def test_a_vocabulary_with_every_separator_is_refused():
    texts = ["\n", "\t", "\x00", "\x1f", "\ue000", "x"] * 2
    pipeline = make_pipeline(TfidfVectorizer(token_pattern="(?s).", lowercase=False), LogisticRegression())
    pipeline.fit(texts, ["a", "b"] * 6)
    with pytest.raises(CompileError, match="every separator"):
        compile.to_program("m", SCHEMA, {"label": pipeline})


def test_passthrough_steps_change_nothing():
    pipeline = Pipeline([("nothing", "passthrough"), ("tfidf", TfidfVectorizer()), ("clf", LogisticRegression())])
    program = compile.to_program("m", SCHEMA, {"label": pipeline.fit(TEXTS, LABELS)})
    assert predictor.load(program).predict({"text": "one two"}).labels == {"label": pipeline.predict(["one two"])[0]}


def test_the_same_pipeline_gives_the_same_bytes():
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, LABELS)
    assert compile.to_program("m", SCHEMA, {"a": pipeline}) == compile.to_program("m", SCHEMA, {"a": pipeline})
