import json
from pathlib import Path

import pytest
import yaml

from firesteel.definition import Definition
from firesteel.definition_file import load, parse
from firesteel.errors import DefinitionError

ROOT = Path(__file__).parents[2]
DEFINITIONS = sorted([*ROOT.glob("models/*.yaml"), *ROOT.glob("examples/*/*.yaml")])

TEXT = """\
model: tickets
description: Where a ticket goes.
inputs:
  title:
    kind: text
    max_length: 20
    example: Cannot log in
  email:
    kind: identifier
    required: false
targets:
  priority:
    task: classification
    labels: {High: [Blocker, High], Low: [Minor]}
  team:
    task: classification
    labels: [Tech, Sales]
features:
  words:
    step: tfidf
    inputs: [title]
    ngrams: [1, 2]
estimator:
  kind: logistic
  C: 4.0
search:
  folds: 3
  space: {C: [1.0, 4.0]}
split:
  test_share: 0.2
  stratify: [priority]
review:
  accuracy: 0.95
gates:
  - {metric: priority.macro_f1, at_least: 0.6}
golden:
  - title: Cannot log in
"""


def refusal(text: str) -> str:
    with pytest.raises(DefinitionError) as caught:
        parse(text, "my.yaml")
    return str(caught.value)


def changed(old: str, new: str) -> str:
    assert TEXT.count(old) == 1, old
    return TEXT.replace(old, new)


@pytest.mark.parametrize("path", DEFINITIONS, ids=lambda path: path.stem)
def test_the_shipped_definitions_are_valid(path: Path) -> None:
    assert load(path).golden


def test_what_is_not_written_has_a_default() -> None:
    definition = parse(TEXT, "my.yaml")
    assert (definition.data.max_bad_share, definition.data.min_rows_per_class) == (0.05, 10)
    assert definition.features["words"].analyzer == "word"
    assert definition.inputs["title"].required


def test_labels_merge_values_or_stand_for_themselves() -> None:
    targets = parse(TEXT, "my.yaml").targets
    assert targets["priority"].label_names == ("High", "Low")
    assert targets["priority"].values_of == {"High": ("Blocker", "High"), "Low": ("Minor",)}
    assert targets["team"].values_of == {"Tech": ("Tech",), "Sales": ("Sales",)}


def test_a_target_may_have_its_own_estimator_and_search() -> None:
    own = (
        "    labels: [Tech, Sales]\n    estimator: {kind: logistic, C: 9.0}\n    search: {folds: 5, space: {C: [1]}}\n"
    )
    definition = parse(changed("    labels: [Tech, Sales]\n", own), "my.yaml")
    assert [definition.estimator_of(name).C for name in ("priority", "team")] == [4.0, 9.0]
    assert [search.folds for name in ("priority", "team") if (search := definition.search_of(name))] == [3, 5]


def test_a_definition_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        parse(TEXT, "my.yaml").model = "other"  # type: ignore[misc]


def test_the_frozen_form_is_the_same_whatever_the_order_and_reads_back_the_same() -> None:
    definition = parse(TEXT, "my.yaml")
    turned = parse(yaml.safe_dump(yaml.safe_load(TEXT), sort_keys=True), "my.yaml")
    assert definition.to_json() == turned.to_json()
    assert definition.sha256 == turned.sha256
    assert Definition.model_validate(json.loads(definition.to_json())) == definition
    assert parse(changed("C: 4.0", "C: 4.5"), "my.yaml").sha256 != definition.sha256


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"nothing\.yaml: no such definition file"):
        load(tmp_path / "nothing.yaml")


def test_a_file_that_is_not_utf_8_is_named_with_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"model: caf\xe9")
    with pytest.raises(DefinitionError, match=r"latin\.yaml: not UTF-8 at byte 10"):
        load(path)


TEXT_FIELDS = "Allowed: kind, description, required, log, min_length, max_length, example"
IDENTIFIER_FIELDS = "Allowed: kind, description, required, log, max_length, example"
FIELDS = (
    "model, description, inputs, targets, features, leaks, estimator, search, segment_by, segments, segment, fallback, split, "
    "calibration, interval, review, gates, promote, inferences, feedback, data, request, answer, golden"
)
KINDS = "kind must be one of 'text', 'number', 'category', 'timestamp', 'identifier'"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "my.yaml:1: a definition is a mapping that begins with `model: <name>`"),
        ("- model", "my.yaml:1: a definition is a mapping that begins with `model: <name>`"),
        ("model:\n\tx", "my.yaml:2: not YAML: found character '\\t' that cannot start any token"),
        ("model: a\n---\nmodel: b", "my.yaml:2: not YAML: but found another document"),
        ("a: !!python/name:os.system x", "my.yaml:1: not YAML: could not determine a constructor"),
        (changed("description:", "model: other\ndescription:"), "my.yaml:2: 'model' stands twice"),
        (changed("inputs: [title]", "inputs: [title]\n    step: tfidf"), "my.yaml:22: 'step' stands twice"),
        (changed("golden:\n  - ", "golden:\n  - title: Hello\n    "), "my.yaml:38: 'title' stands twice"),
    ],
)
def test_what_is_no_yaml_or_says_a_thing_twice_is_refused_with_its_line(text: str, message: str) -> None:
    assert refusal(text).startswith(message)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("model: tickets", "model: Tickets", "1: model: String should match pattern '^[a-z0-9][a-z0-9-]{0,62}$'"),
        ("model: tickets\n", "", "1: model: this field is required (the mapping has: description, inputs, "),
        ("estimator:", "estimater:", "23: estimater: no such field, did you mean 'estimator'? Allowed: " + FIELDS),
        (
            "    max_length: 20",
            "    max_lenght: 20",
            f"6: inputs.title.max_lenght: no such field, did you mean 'max_length'? {TEXT_FIELDS}",
        ),
        (
            "    required: false",
            "    require: false",
            f"10: inputs.email.require: no such field, did you mean 'required'? {IDENTIFIER_FIELDS}",
        ),
        (
            "max_length: 20",
            "max_length: 0",
            "6: inputs.title.max_length: Input should be greater than or equal to 1. Got 0",
        ),
        ("max_length: 20", "max_length: long", "6: inputs.title.max_length: Input should be a valid integer"),
        (
            "    example: Cannot log in\n",
            "",
            "4: inputs.title.example: this field is required (the mapping has: kind, ",
        ),
        ("required: false", "required: perhaps", "10: inputs.email.required: Input should be a valid boolean"),
        (
            "  team:\n    task: classification",
            "  team:\n    task: clustering",
            "15: targets.team: task must be one of 'classification', 'regression', 'count'",
        ),
        ("    labels: [Tech, Sales]\n", "", "15: targets.team.labels: this field is required (the mapping has: task)"),
        (
            "    labels: [Tech, Sales]",
            "    labels: [Tech, Sales]\n    estimator: {kind: logistic, CC: 2}",
            "18: targets.team.estimator.CC: no such field, did you mean 'C'? Allowed: kind, C, class_weight",
        ),
        (
            "    labels: [Tech, Sales]",
            "    labels: [Tech, Sales]\n    search: {fold: 2, space: {C: [1]}}",
            "18: targets.team.search.fold: no such field, did you mean 'folds'? Allowed: method, trials, folds, met",
        ),
        (
            "    labels: [Tech, Sales]",
            "    labels: [Tech, Sales]\n    column: title",
            "15: targets.team: the column 'title' is an input already",
        ),
        ("step: tfidf", "step: word2vec", "19: features.words: step must be one of 'tfidf', 'number', 'onehot'"),
        ("[title]", "[body]", "21: features.words.inputs[0]: 'body' is not a text input; there are: title"),
        ("[title]", "[title, email]", "21: features.words.inputs[1]: 'email' is not a text input; there are: title"),
        ("[1, 2]", "[1, 9]", "22: features.words.ngrams[1]: Input should be less than or equal to 8. Got 9"),
        ("C: 4.0", "C: -1", "25: estimator.C: Input should be greater than 0. Got -1"),
        ("folds: 3", "folds: 1", "27: search.folds: Input should be greater than or equal to 2. Got 1"),
        (
            "folds: 3",
            "metric: f1",
            "27: search.metric: 'f1' is not a metric for classification; there are: macro_f1, accuracy, log_loss",
        ),
        ("C: [1.0, 4.0]", "C: [1.0, 0]", "28: search.space.C[1]: Input should be greater than 0. Got 0"),
        ("test_share: 0.2", "test_share: 20", "30: split.test_share: Input should be less than 1. Got 20"),
        ("test_share: 0.2", "share: 0.2", "30: split.share: no such field, did you mean 'test_share'? Allowed: "),
        (
            "[priority]",
            "[urgency]",
            "31: split.stratify[0]: 'urgency' is not a target with labels; there are: priority, team",
        ),
        ("accuracy: 0.95", "accuracy: 95", "33: review.accuracy: Input should be less than 1. Got 95"),
        (
            "priority.macro_f1",
            "urgency.macro_f1",
            "35: gates[0].metric: 'urgency' is not a target; there are: priority",
        ),
        ("priority.macro_f1", "macro_f1", "35: gates[0].metric: String should match pattern"),
        (", at_least: 0.6", "", "35: gates[0]: a gate has exactly one of at_least, at_most, max_drop, max_rise"),
        (
            "at_least: 0.6",
            "atleast: 0.6",
            "35: gates[0].atleast: no such field, did you mean 'at_least'? Allowed: metric, at_least, at_most, max_",
        ),
        (
            "  - title: Cannot",
            "  - titel: Cannot",
            "37: golden[0].titel: 'titel' is not an input; there are: title, email",
        ),
    ],
)
def test_a_wrong_field_is_refused_with_file_line_field_and_what_is_allowed(old: str, new: str, message: str) -> None:
    assert f"my.yaml:{message}" in refusal(changed(old, new))


def test_all_wrong_fields_are_named_at_once() -> None:
    message = refusal(TEXT.replace("C: 4.0", "C: 0").replace("folds: 3", "folds: 1").replace("0.95", "2"))
    assert [line.split(":")[1] for line in message.splitlines()] == ["25", "27", "33"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &a\n  b: *a\n", "my.yaml:1: model: this field is required"),
        ("a: " + "[" * 3000, "my.yaml: not YAML: "),
        ("model: 2020-13-01", "my.yaml:1: inputs: this field is required"),
        (f"model: {'9' * 5000}", "my.yaml: not YAML: "),
        ("model: a\nx: \0", "my.yaml:2: not YAML: the character U+0000 is not allowed"),
        (changed("example: Cannot log in", 'example: "\\ud800"'), "my.yaml:7: lone surrogates are no text"),
    ],
)
def test_hostile_yaml_is_refused(text: str, message: str) -> None:
    assert refusal(text).startswith(message)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            ", Sales]",
            ", Tech]",
            "17: targets.team.labels: labels and the values they stand for must be distinct: 'Tech'",
        ),
        (", High]", ", Minor]", "14: targets.priority.labels: labels and the values they stand for must be distinct"),
        ("[Minor]", "[]", "14: targets.priority.labels.Low: The list should have at least 1 item"),
        ("[Minor]", "Minor", "14: targets.priority.labels.Low: must be a list"),
        ("[Tech, Sales]", "[Tech]", "17: targets.team.labels: at least two labels are needed"),
        ("[Tech, Sales]", "Tech", "17: targets.team.labels: must be a list"),
        ("[Tech, Sales]", "[Tech, ' ']", "17: targets.team.labels[1]: String should match pattern"),
        (
            "[Tech, Sales]",
            "[yes, Sales]",
            "17: targets.team.labels[0]: Input should be a valid string. Got True: put it in",
        ),
        ("kind: text", "kind: picture", f"4: inputs.title: {KINDS}"),
        ("    kind: text\n", "", f"4: inputs.title: {KINDS}"),
        ("  title:", "  1title:", "4: inputs.1title: String should match pattern"),
        ("  team:", "  Team:", "15: targets.Team: String should match pattern"),
        ("max_length: 20", "max_length: 5", "7: inputs.title.example: must have at most 5 characters"),
        (
            "max_length: 20",
            "max_length: 20\n    min_length: 30",
            "6: inputs.title.max_length: must not be less than min",
        ),
        ("example: Cannot log in", "example: ' '", "7: inputs.title.example: must not be blank"),
        ("[title]", "[title, title]", "21: features.words.inputs: 'title' stands twice"),
        ("[1, 2]", "[2, 1]", "22: features.words.ngrams: must be [shortest, longest]. Got [2, 1]"),
        ("[1, 2]", "[1, 1]\n    token_pattern: '('", "23: features.words.token_pattern: a token pattern has "),
        ("[1, 2]", "[1, 1]\n    token_pattern: '(a+)+$'", "23: features.words.token_pattern: a token pattern has "),
        ("[1, 2]", "[1, 1]\n    weight: .inf", "23: features.words.weight: Input should be a finite number"),
        ("C: [1.0, 4.0]", "C: 1.0", "28: search.space.C: must be a mapping"),
        ("[priority]", "[]", "31: split.stratify: The list should have at least 1 item"),
        ("[priority]", "[priority, priority]", "31: split.stratify: 'priority' stands twice"),
        ("at_least: 0.6", "at_least: .nan", "35: gates[0].at_least: Input should be a finite number"),
        ("macro_f1,", "macrof1,", "35: gates[0].metric: no metric 'macrof1'; there are: accuracy, macro_f1, "),
        ("  - title: Cannot log in", "  - email: a", "37: golden[0]: the input 'title' is required"),
        (
            "  - title: Cannot log in",
            f"  - title: {'a' * 21}",
            "37: golden[0].title: must have at most 20 characters",
        ),
        ("estimator:", "zzz: 1\nestimator:", f"23: zzz: no such field. Allowed: {FIELDS}"),
        (
            "  email:\n    kind: identifier",
            "  identifier:\n    kind: text\n    exmple: a",
            f"10: inputs.identifier.exmple: no such field, did you mean 'example'? {TEXT_FIELDS}",
        ),
    ],
)
def test_what_cannot_work_later_is_refused_now(old: str, new: str, message: str) -> None:
    assert f"my.yaml:{message}" in refusal(changed(old, new))
