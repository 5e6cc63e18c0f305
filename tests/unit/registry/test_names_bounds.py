"""Which names can become keys, to the character, and what those keys are."""

import pytest

from firesteel.errors import NotFoundError
from firesteel.registry import names

LONGEST = "a" * 63


@pytest.mark.parametrize(
    "model", ["a", "0", "a-b", LONGEST, f"{LONGEST}/{LONGEST}", "recruits/qb", "a/aliases-of-b", "aliases"]
)
def test_a_model_is_a_folder_and_a_segment_one_inside_it(model):
    assert names.folder(model) == f"models/{model}/"
    assert names.version_folder(model, "1.2.0") == f"models/{model}/v1.2.0/"
    assert names.alias_folder(model, "latest") == f"models/{model}/aliases/latest/"


@pytest.mark.parametrize(
    "model",
    [
        "",
        "-a",
        "A",
        "a_b",
        "a b",
        LONGEST + "a",
        f"a/{LONGEST}a",
        "a/b/c",
        "a/",
        "/a",
        "a/aliases",
        "a\n",
        "a/b\n",
        "\u00e4",
        "a.b",
    ],
)
def test_anything_else_is_no_model(model):
    with pytest.raises(NotFoundError, match="is no model: names are a-z"):
        names.folder(model)


def test_what_is_no_name_is_told_by_its_beginning_alone():
    with pytest.raises(NotFoundError, match=f"^'{'A' * 80}' is no model"):
        names.folder("A" * 81)
    with pytest.raises(NotFoundError, match=f"^'{'A' * 80}' is no alias"):
        names.alias_folder("a", "A" * 81)
    with pytest.raises(NotFoundError, match=f"^'{'1' * 80}' is no version"):
        names.number("1" * 81)


@pytest.mark.parametrize("alias", ["", "-a", "A", "a/b", LONGEST + "a", "a\n", ".."])
def test_an_alias_has_no_folders(alias):
    with pytest.raises(NotFoundError, match="is no alias"):
        names.alias_folder("tickets", alias)
    assert names.alias_folder("tickets", LONGEST) == f"models/tickets/aliases/{LONGEST}/"


@pytest.mark.parametrize(
    ("text", "numbers"), [("0.0.0", (0, 0, 0)), ("1.20.3", (1, 20, 3)), ("999999999.0.10", (999999999, 0, 10))]
)
def test_a_version_is_three_numbers(text, numbers):
    assert names.number(text) == numbers
    assert names.is_version(text)
    assert names.is_version_folder(f"v{text}")


@pytest.mark.parametrize(
    "text",
    ["", "1.2", "1.2.3.4", "01.2.3", "1.2.03", "1.2.1000000000", "v1.2.3", "1.2.3\n", "1,2,3", "-1.2.3", "1x2.3"],
)
def test_anything_else_is_no_version(text):
    assert not names.is_version(text)
    assert not names.is_version_folder(f"v{text}")
    with pytest.raises(NotFoundError, match="is no version: versions look like"):
        names.version_folder("tickets", text)


def test_a_versions_folder_begins_with_a_v():
    assert not names.is_version_folder("1.2.3")
    assert not names.is_version_folder("x1.2.3")


@pytest.mark.parametrize(
    ("name", "segment"), [("qb", True), (LONGEST, True), ("aliases", False), ("v1.2.0", False), ("QB", False)]
)
def test_a_segments_folder_is_a_name_that_means_nothing_else(name, segment):
    assert names.is_segment(name) is segment


@pytest.mark.parametrize(
    ("name", "fits"),
    [("program.safetensors", True), ("a", True), ("a" * 64, True), ("a" * 65, False), (".a", False), ("-a", False),
     ("A", False), ("a/b", False), ("a\n", False), ("0_-.", True), ("", False)],
)  # fmt: skip
def test_a_file_has_a_plain_name(name, fits):
    assert bool(names.FILE.match(name)) is fits


@pytest.mark.parametrize(
    ("key", "record"),
    [
        ("models/a/v1.2.0/claim.json", True),
        ("models/a/v1.2.0/manifest.json", True),
        ("models/a/v1.2.0/collected.json", True),
        ("models/a/b/v1.2.0/claim.json", True),
        ("models/a/aliases/latest/00000001.json", True),
        ("models/a/b/aliases/latest/00000001.json", True),
        (f"models/{LONGEST}/{LONGEST}/aliases/{LONGEST}/12345678.json", True),
        ("models/a/v1.2.0/golden.json", False),
        ("models/a/v1.2.0/claim.json\n", False),
        ("models/a/v1.2/claim.json", False),
        ("models/a/v1.2.0/b/claim.json", False),
        ("models/a/v1.2.0/claimXjson", False),
        ("models/a/aliases/latest/0000001.json", False),
        ("models/a/aliases/latest/000000001.json", False),
        ("models/a/aliases/latest/0000000a.json", False),
        ("models/a/aliases/v1.2.0/claim.json", False),
        ("models/a/aliases/aliases/latest/00000001.json", False),
        ("models/a/b/c/aliases/latest/00000001.json", False),
        ("xmodels/a/v1.2.0/claim.json", False),
    ],
)  # fmt: skip
def test_records_are_what_is_written_of_bundles_and_aliases(key, record):
    assert bool(names.RECORD.match(key)) is record


@pytest.mark.parametrize(
    "key",
    [
        "models/m/aliases/latest/1.json",
        "aliases/x",
        "models/m/v1.0.0/claim.json",
        "manifest.json",
        "a\nb/collected.json",
    ],
)
def test_where_records_are_there_is_nothing_else(key):
    assert names.RESERVED.match(key)


@pytest.mark.parametrize(
    "key", ["models/m/v1.0.0/golden.json", "my-aliases/x", "models/m/v1.0.0/claim.json.bak", "aliases", "XXclaim.json"]
)
def test_anywhere_else_there_may_be(key):
    assert not names.RESERVED.match(key)


def test_the_last_generation_has_eight_digits():
    assert len(str(names.LAST_GENERATION)) == 8
    assert len(str(names.LAST_GENERATION + 1)) == 9
