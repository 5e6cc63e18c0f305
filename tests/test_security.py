"""What the code may not do at all, read from the code itself; each rule finds its own example, so it can fail."""

import ast

import pytest

from tests.rules import OPENED, PRODUCT, ROOT, RULES, parsed, references, sources


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_no_file_does_what_only_some_may(rule):
    found = {
        name: broken
        for folder in rule.folders
        for name, source in sources(folder).items()
        if name not in rule.but and (broken := rule.found(references(source)))
    }
    assert found == {}, f"a file {rule.name}"


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_a_rule_finds_its_example(rule):
    assert rule.found(references(rule.control))


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.but], ids=str)
def test_who_may_does(rule):
    """An exception that nobody needs any longer is none."""
    for name in rule.but:
        assert rule.found(references((ROOT / name).read_text(encoding="utf-8"))), f"{name} need not be excepted"


def calls(source: str, function: str) -> list[ast.Call]:
    """The calls of a function or method by the last part of its name."""
    return [
        node
        for node in ast.walk(parsed(source))
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == function
    ]


def opened(source: str) -> set[str]:
    """The stores that a file opens, as it names them."""
    return {", ".join(map(ast.unparse, [*call.args, *call.keywords])) for call in calls(source, "open_store")}


@pytest.mark.parametrize("name", OPENED)
def test_who_opens_a_store_opens_that_one_and_not_the_registry(name):
    """The registry is opened where its seals are checked: `seal.open_registry`."""
    assert opened((ROOT / name).read_text(encoding="utf-8")) == OPENED[name]


def test_a_registry_that_is_opened_past_its_seals_is_found():
    assert opened("open_store(settings().store); store.open_store(url=url)") == {"settings().store", "url=url"}
    rule = next(rule for rule in RULES if rule.name == "opens a store")
    for source in (
        "from firesteel.registry.disk import DiskStore\nDiskStore(place)",
        "from firesteel.registry import disk\ndisk.DiskStore(place)",
        "import firesteel.registry.s3 as s3\ns3.S3Store(bucket, '')",
        "from firesteel.registry.store import open_store as op\nop(settings.store)",
    ):
        assert rule.found(references(source)), source


def test_whatever_does_away_with_a_file_is_found():
    rule = next(rule for rule in RULES if rule.name == "deletes or overwrites")
    for call in (
        "path.unlink()",
        "path.rmdir()",
        "path.rename(other)",
        "path.replace(other)",
        "os.replace(a, b)",
        "store.delete(key)",
    ):
        assert rule.found(references(f"import os\n{call}")), call
    assert not rule.found(references("text.replace('a', 'b'); moment.replace(tzinfo=UTC); text.replace(*pair)"))


PLAIN = "startswith('http://')"


def unencrypted(source: str) -> list[str]:
    """Values of `allow_http` that are not: the address itself says http."""
    tree = parsed(source)
    pairs = [
        pair
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
        for pair in zip(node.keys, node.values, strict=True)
    ]
    values = [value for key, value in pairs if isinstance(key, ast.Constant) and key.value == "allow_http"]
    values += [node.value for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "allow_http"]
    return [told for value in values if not (told := ast.unparse(value)).endswith(PLAIN)]


def test_connections_are_encrypted_unless_the_address_says_otherwise():
    found = {
        name: bad for folder in PRODUCT for name, source in sources(folder).items() if (bad := unencrypted(source))
    }
    assert found == {}
    assert unencrypted("S3Store(client_options={'allow_http': True})") == ["True"]
    assert unencrypted("S3Store(allow_http=settings.plain)") == ["settings.plain"]


def swallowed(source: str) -> list[str]:
    """Handlers that do away with something where a write failed, or whatever happened."""
    handlers = [node for node in ast.walk(parsed(source)) if isinstance(node, ast.ExceptHandler)]
    removing = {"delete", "unlink", "remove", "rmtree", "rmdir"}
    return [
        ast.unparse(one)
        for one in handlers
        if any(calls(ast.unparse(part), name) for part in one.body for name in removing)
    ]


@pytest.mark.parametrize("folder", ["layers/firesteel/firesteel/registry", "functions"])
def test_no_failure_cleans_up_after_itself(folder):
    """Whether a write landed is not known when it failed: what removed it might remove what others already name."""
    assert {name: bad for name, source in sources(folder).items() if (bad := swallowed(source))} == {}
    assert swallowed("try:\n    put()\nexcept OSError:\n    store.delete(key)")
