"""What `sam build` leaves: small, compiled, complete. And that it runs in Lambda's own runtime emulator."""

import fcntl
import importlib.util
import marshal
import os
import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import CodeType

import pytest

from cli.emulator import Emulator, EmulatorError
from infra import build, sizes
from infra.cloud.cloud import ARTIFACTS
from tests.aws.conftest import sam

slow = pytest.mark.slow
PARTS = {
    "layer": "FiresteelLayer",
    "classify": "ClassifyFunction",
    "registry": "RegistryFunction",
    "smoke": "SmokeFunction",
    "train": "TrainFunction",
}


@pytest.fixture(scope="session")
def built_for_arm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `sam build` makes when the template's parameter asks for arm64; nothing of it can run here."""
    temporary = tmp_path_factory.getbasetemp()
    shared = temporary.parent if "PYTEST_XDIST_WORKER" in os.environ else temporary
    folder = shared / "sam-build-arm64"
    with (shared / "sam-build-arm64.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "template.yaml").exists():
            outcome = sam("build", "--parameter-overrides", "Architecture=arm64", "--build-dir", str(folder))
            assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return folder


@pytest.fixture(params=build.MACHINES)
def each_built(request: pytest.FixtureRequest) -> tuple[str, Path]:
    """An architecture, and what was built for it."""
    folder: Path = request.getfixturevalue("built" if request.param == "x86_64" else "built_for_arm")
    return request.param, folder


@cache
def weighed(artifact: Path) -> sizes.Size:
    return sizes.size(artifact)


def sources(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*.py") if path.is_file())


@slow
@pytest.mark.parametrize("bound", sizes.BOUNDS, ids=lambda bound: bound.artifacts[0])
def test_what_lambda_unpacks_together_is_within_its_bound(each_built: tuple[str, Path], bound: sizes.Bound) -> None:
    architecture, folder = each_built
    total, too_big = sizes.over(bound, {name: weighed(folder / name) for name in bound.artifacts})
    assert not too_big, f"{bound.artifacts} weigh {total} for {architecture}, the most is {bound.most}"


@slow
def test_every_shared_object_is_made_for_the_architecture(each_built: tuple[str, Path]) -> None:
    architecture, folder = each_built
    wanted = {"x86_64": 62, "arm64": 183}[architecture]  # EM_X86_64, EM_AARCH64 in elf.h
    found = {}
    for path in (path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            head = file.read(20)
        if head[:4] == b"\x7fELF":
            found[path.relative_to(folder).as_posix()] = struct.unpack_from("<H", head, 18)[0]
    assert any(name.startswith("FiresteelLayer/python/numpy/") for name in found)
    assert {name: machine for name, machine in found.items() if machine != wanted} == {}


@slow
@pytest.mark.parametrize("part", PARTS)
def test_every_module_ships_as_bytecode_that_is_never_checked_against_a_source(built: Path, part: str) -> None:
    artifact = built / PARTS[part]
    for source in sources(artifact):
        assert Path(importlib.util.cache_from_source(str(source))).exists(), f"{source} has no bytecode"
    compiled = list(artifact.rglob("*.pyc"))
    assert compiled
    for file in compiled:
        magic, flags = file.read_bytes()[:4], file.read_bytes()[4:8]
        assert magic == importlib.util.MAGIC_NUMBER
        assert flags == b"\x01\x00\x00\x00", f"{file} would be checked against its source"


@slow
@pytest.mark.parametrize("part", PARTS)
def test_only_our_own_modules_bring_their_source(built: Path, part: str) -> None:
    artifact = built / PARTS[part]
    ours = {path.relative_to(artifact).parts[:2] for path in sources(artifact)}
    assert ours
    assert ours <= {("functions", part), *((("python", "firesteel"),) if part == "layer" else ())}


@slow
@pytest.mark.parametrize("part", PARTS)
def test_bytecode_names_files_as_lambda_does(built: Path, part: str) -> None:
    artifact, mount = built / PARTS[part], build.PARTS[part].mount
    for file in artifact.rglob("*.pyc"):
        code = marshal.loads(file.read_bytes()[16:])
        assert isinstance(code, CodeType)
        assert code.co_filename.startswith(f"{mount}/"), f"{file} says {code.co_filename}"


@slow
@pytest.mark.parametrize("part", PARTS)
def test_nothing_is_shipped_that_no_import_reads(built: Path, part: str) -> None:
    artifact = built / PARTS[part] / build.PARTS[part].inside
    files = [path.relative_to(artifact).as_posix() for path in artifact.rglob("*") if path.is_file()]
    unread, services = build.lines(build.UNREAD), build.PARTS[part].services
    assert [path for path in files if build.is_unread(path, unread, services)] == []


@slow
@pytest.mark.parametrize("part", PARTS)
def test_licences_stay_with_their_packages(built: Path, part: str) -> None:
    for package in (built / PARTS[part]).rglob("*.dist-info"):
        kept = [path.name.lower() for path in package.rglob("*")]
        assert "metadata" in kept


@slow
@pytest.mark.parametrize(("name", "of"), ARTIFACTS.items())
def test_functions_of_one_part_are_the_same_bytes(built: Path, name: str, of: str) -> None:
    def files(artifact: Path) -> dict[Path, bytes]:
        return {path.relative_to(artifact): path.read_bytes() for path in artifact.rglob("*") if path.is_file()}

    assert files(built / name) == files(built / of)


@slow
def test_the_emulator_shows_a_function_its_layer_and_nothing_of_this_environment(built: Path, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import importlib.util, numpy, os\n"
        "def handler(event, context):\n"
        "    print('seen', event['name'])\n"
        "    return {'numpy': numpy.__file__, 'pytest': importlib.util.find_spec('pytest') is not None,\n"
        "            'home': os.environ.get('HOME'), 'ours': os.environ['FIRESTEEL_STORE']}\n"
    )
    with Emulator(tmp_path, "app.handler", {"FIRESTEEL_STORE": "memory://"}, [built / "FiresteelLayer"]) as emulator:
        answer, cold = emulator.invoke({"name": "first"})
        _, warm = emulator.invoke({"name": "second"})
        log = emulator.log()
    assert answer == {
        "numpy": str(built / "FiresteelLayer/python/numpy/__init__.pyc"),
        "pytest": False,
        "home": None,
        "ours": "memory://",
    }
    assert cold > warm
    assert "seen first" in log
    assert "seen second" in log
    assert [path.name for path in tmp_path.iterdir()] == ["app.py"], "the artifact is left as it was"


def test_an_exception_in_a_function_is_its_answer(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def handler(event, context):\n    raise KeyError('ticket')\n")
    with Emulator(tmp_path, "app.handler") as emulator:
        answer, _ = emulator.invoke({})
    assert answer["errorType"] == "KeyError"


def test_the_emulator_ends_what_it_started(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import os\ndef handler(event, context):\n    return os.getpid()\n")
    with Emulator(tmp_path, "app.handler") as emulator:
        runtime, _ = emulator.invoke({})
        assert Path(f"/proc/{runtime}").exists()
    status = Path(f"/proc/{runtime}/status")
    assert not status.exists() or "Z (zombie)" in status.read_text()


def test_a_missing_artifact_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EmulatorError, match="nowhere: no such folder; run `make build` first"):
        Emulator(tmp_path / "nowhere", "app.handler")


def test_the_same_sources_make_the_same_bytecode_wherever_they_are_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    for place, seed in (("here", "1"), ("there/below", "2")):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        folder = tmp_path / place
        (folder / "package").mkdir(parents=True)
        (folder / "package" / "module.py").write_text("COLOURS = 'x' in {'red', 'green', 'blue', 'grey'}\n")
        build.compile_packages(folder, "/var/task")
        made.append({path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()})
    assert made[0] == made[1]
    assert [path.name for path in made[0]] == ["module.pyc"]


def test_a_build_never_mixes_with_what_is_already_there(tmp_path: Path) -> None:
    (tmp_path / "leftover").touch()
    with pytest.raises(SystemExit, match="is not empty"):
        build.build("classify", tmp_path)


def test_a_shared_object_for_another_machine_stops_the_build(tmp_path: Path) -> None:
    (tmp_path / "module.so").write_bytes(b"\x7fELF" + bytes(14) + struct.pack("<H", 62))
    build.check_machine(tmp_path, "x86_64")
    with pytest.raises(SystemExit, match=r"module\.so is not made for arm64"):
        build.check_machine(tmp_path, "arm64")


def test_services_that_nobody_calls_are_unread() -> None:
    path = "botocore/data/{}/2016-11-23/service-2.json.gz"
    assert build.is_unread(path.format("ec2"), [], ("stepfunctions",))
    assert not build.is_unread(path.format("stepfunctions"), [], ("stepfunctions",))
    assert not build.is_unread("botocore/data/endpoints.json", [], ("stepfunctions",))


def test_unread_is_what_a_pattern_of_the_list_says(tmp_path: Path) -> None:
    listed = tmp_path / "unread.txt"
    listed.write_text("# fonts\n\nfonts/*\n*/tests/*\n")
    unread = build.lines(listed)
    assert unread == ["fonts/*", "*/tests/*"]
    assert build.is_unread("fonts/a/b.ttf", unread)
    assert build.is_unread("numpy/tests/test_a.py", unread)
    assert not build.is_unread("numpy/fonts.py", unread)


def test_too_big_is_too_big_unzipped_or_zipped() -> None:
    bound = sizes.Bound(("A", "B"), sizes.Size(100, 50))
    assert sizes.over(bound, {"A": sizes.Size(60, 20), "B": sizes.Size(40, 30)}) == (sizes.Size(100, 50), False)
    assert sizes.over(bound, {"A": sizes.Size(61, 20), "B": sizes.Size(40, 30)})[1]
    assert sizes.over(bound, {"A": sizes.Size(60, 21), "B": sizes.Size(40, 30)})[1]
