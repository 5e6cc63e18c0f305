import pytest

from firesteel.errors import ProgramError
from firesteel.program import predictor
from functions.classify import shape
from tests.unit.classify import bundles, zoo


def of(content):
    return predictor.load(content)


def test_a_classification_gives_back_its_texts_and_identifiers():
    assert list(shape.of(of(bundles.program()))) == [
        "title",
        "description",
        "predicted_priority",
        "predicted_department",
        "priority_confidence",
        "department_confidence",
        "customer_email",
        "review",
        "model_version",
    ]


def test_numbers_come_with_identifiers_alone():
    assert list(shape.of(of(zoo.readiness(answer=None)))) == [
        "score",
        "score_lower",
        "score_upper",
        "gid",
        "model_version",
    ]


@pytest.mark.parametrize(
    "source",
    ["score", "score.label", "score.mean", "grade.value", "input.nothing", "input.", "version", "", "score.value.x"],
)
def test_a_program_that_answers_with_what_it_has_not_is_refused(source):
    with pytest.raises(ProgramError, match="does not have"):
        shape.of(of(zoo.readiness(answer={"a": source})))


def test_every_aspect_of_every_task_can_be_answered_with():
    aspects = {aspect: f"score.{aspect}" for aspect in ("value", "lower", "upper", "level", "score")}
    assert list(shape.of(of(zoo.readiness(answer=aspects))))
    general = {name: name for name in ("review", "model", "model_version", "timestamp")}
    assert list(shape.of(of(zoo.readiness(answer=general))))


def test_what_there_is_no_interval_for_is_null():
    loaded = of(zoo.segment("qb"))
    row = zoo.PLAYERS["qb"]
    live = bundles.serving_over(zoo.stocked()).live_of("recruits/qb")
    answer = shape.answer(row, loaded.predict(row), live)
    assert (answer["rating"], answer["rating_lower"], answer["rating_upper"]) == (80.0, None, None)
