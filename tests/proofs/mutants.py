"""The tests can fail: of the mutants of what compiles, registers and parses, at least nine in ten are noticed by the
tests of their own module, and survivors.yaml explains each of the others. `mutants_operators` has what is changed,
`mutants_nursery` how a mutant is tried; nothing is changed here but a copy of the tree.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from tests.proofs.mutants_nursery import KILLED, Job
from tests.proofs.mutants_operators import mutants
from tests.proofs.proof import Run

ROOT = Path(__file__).parents[2]
SURVIVORS = Path(__file__).with_name("survivors.yaml")
ENOUGH = 0.9
COPIED = ("cli", "docs", "events", "examples", "functions", "infra", "layers", "models", "requirements", "tests", "web")
QUICK = {"firesteel.strictjson": 8, "firesteel.registry.names": 4}
"""Of which modules the bounded part takes how many mutants."""


@dataclass(frozen=True)
class Target:
    """A module and the tests that stand for it."""

    module: str
    path: str
    tests: tuple[str, ...]


def _layer(module: str, *tests: str) -> Target:
    return Target(module, f"layers/firesteel/{module.replace('.', '/')}.py", tests)


def _function(module: str, *tests: str) -> Target:
    return Target(module, f"{module.replace('.', '/')}.py", tests)


REGISTRY, PROGRAM, CLASSIFY, TRAIN = (f"tests/unit/{part}" for part in ("registry", "program", "classify", "train"))
ALIASES = tuple(f"{REGISTRY}/test_{name}.py" for name in ("alias", "alias_bounds", "alias_keys", "rollout"))
BUNDLES = (f"{REGISTRY}/test_bundle.py", f"{REGISTRY}/test_bundle_bounds.py")
STORES = ("tests/contract/test_store.py", f"{REGISTRY}/test_put_once.py", f"{REGISTRY}/test_store_bounds.py")
S3 = (
    "tests/contract/test_store.py",
    *(f"{REGISTRY}/test_{name}.py" for name in ("container_credentials", "s3_bounds")),
)
SCHEMAS = tuple(f"{PROGRAM}/test_{name}.py" for name in ("schema", "schema_kinds", "schema_bounds"))
LINEAR = (
    f"{TRAIN}/test_compile.py",
    f"{TRAIN}/test_compile_bounds.py",
    f"{TRAIN}/test_compile_program.py",
    f"{TRAIN}/test_weights.py",
    f"{PROGRAM}/test_parity.py",
)
TREES = (*(f"{TRAIN}/test_compile{of}.py" for of in ("_boosters", "_trees", "")), f"{PROGRAM}/test_trees.py")
FRAMES = (f"{TRAIN}/test_compile_frames.py", "tests/peers/test_frames.py")
TARGETS = (
    _layer("firesteel.strictjson", "tests/unit/test_strictjson.py", "tests/unit/test_strictjson_bounds.py"),
    _layer("firesteel.registry.store", *STORES),
    _layer("firesteel.registry.disk", "tests/contract/test_store.py", f"{REGISTRY}/test_store_bounds.py"),
    _layer("firesteel.registry.record", f"{REGISTRY}/test_record_bounds.py"),
    _layer("firesteel.registry.bundle", *BUNDLES),
    _layer("firesteel.registry.entry", f"{REGISTRY}/test_entry_bounds.py", *ALIASES),
    _layer("firesteel.registry.alias", *ALIASES),
    _layer("firesteel.registry.seal", f"{REGISTRY}/test_seal.py", f"{REGISTRY}/test_seal_bounds.py"),
    _layer("firesteel.registry.signer", f"{REGISTRY}/test_signer.py", f"{REGISTRY}/test_signer_bounds.py"),
    _layer("firesteel.registry.collect", f"{REGISTRY}/test_collect.py", f"{REGISTRY}/test_collect_bounds.py"),
    _layer("firesteel.registry.s3", *S3),
    _layer("firesteel.registry.names", f"{REGISTRY}/test_names_bounds.py"),
    _layer("firesteel.program.format", f"{PROGRAM}/test_format.py", f"{PROGRAM}/test_format_bounds.py"),
    _layer("firesteel.program.schema", *SCHEMAS),
    _function("functions.classify.events", f"{CLASSIFY}/test_events.py", f"{CLASSIFY}/test_events_bounds.py"),
    _function("functions.classify.body", f"{CLASSIFY}/test_body.py", f"{CLASSIFY}/test_predict.py"),
    _function("functions.classify.query", f"{CLASSIFY}/test_query.py", f"{CLASSIFY}/test_query_bounds.py"),
    _function("functions.train.compile.program", *LINEAR),
    _function("functions.train.compile.weights", *LINEAR),
    _function("functions.train.compile.trees", *TREES),
    _function("functions.train.compile.boosters", *TREES),
    _function("functions.train.compile.pipeline", *LINEAR),
    _function("functions.train.compile.frames", *FRAMES),
    _function("functions.train.private", f"{TRAIN}/test_private.py", f"{TRAIN}/test_private_bounds.py"),
    _function("functions.train.gate", f"{TRAIN}/test_gate.py", f"{TRAIN}/test_gate_bounds.py"),
)


@dataclass(frozen=True)
class Tried:
    """What became of a mutant."""

    module: str
    name: str
    line: int
    killed: bool


def explained(path: Path = SURVIVORS) -> dict[str, dict[str, str]]:
    """The mutants that nothing can or need notice, by module, each with the reason."""
    modules = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    return {
        module: {name: group["why"] for group in groups for name in group["mutants"]}
        for module, groups in modules.items()
    }


def copied(folder: Path) -> Path:
    """The tree's sources, somewhere else: whoever edits meanwhile changes no mutant, and no mutant changes a source."""
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    for file in (path for path in ROOT.iterdir() if path.is_file()):
        shutil.copy(file, folder)
    return folder


def tried(target: Target, wanted: list[str] | None, tree: Path) -> Iterator[Tried]:
    """Tries a module's mutants (None: all) in a copy of the tree. Raises RuntimeError when its tests fail without any."""
    job = tree / f"{target.module}.job"
    job.write_text(json.dumps(asdict(Job(target.module, target.path, list(target.tests), wanted))))
    environment = os.environ | {
        "PYTHONPATH": f"{tree}{os.pathsep}{tree / 'layers' / 'firesteel'}",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONWARNINGS": "",
    }
    command = [sys.executable, "-m", "tests.proofs.mutants_nursery", str(job)]
    with (
        (tree / f"{target.module}.log").open("w+") as log,
        subprocess.Popen(command, cwd=tree, env=environment, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        assert process.stdout
        for line in process.stdout:
            name, number, verdict = json.loads(line)
            yield Tried(target.module, name, number, verdict == KILLED)
        if process.wait():
            log.seek(0)
            raise RuntimeError(f"the mutants of {target.module} were not tried to the end:\n{log.read()[-2000:]}")


def prove(run: Run) -> None:
    """Tries every mutant; says of each that survives without an explanation, or is explained and does not, which it is."""
    targets = [target for target in TARGETS if run.full or target.module in QUICK]
    known = explained()
    every = {
        target.module: [mutant.name for mutant in mutants((ROOT / target.path).read_text(encoding="utf-8"), "")]
        for target in targets
    }
    for target in targets:
        for name in known.get(target.module, {}).keys() - set(every[target.module]):
            run.check(False, f"survivors.yaml explains a mutant of {target.module} that there is not: {name}")
    wanted = every
    if not run.full:
        wanted = {
            module: run.random(module).sample(
                [name for name in every[module] if name not in known.get(module, {})], count
            )
            for module, count in QUICK.items()
        }
    killed = judge(run, targets, wanted, known)
    if run.full:
        count = sum(len(names) for names in every.values())
        run.check(killed >= ENOUGH * count, f"{killed} of {count} mutants are killed")
        run.note(mutants=count, killed=f"{killed / count:.1%}", explained=sum(len(each) for each in known.values()))


def judge(run: Run, targets: list[Target], wanted: dict[str, list[str]], known: dict[str, dict[str, str]]) -> int:
    """Tries them, the modules side by side; how many were killed."""
    killed = 0
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.process_cpu_count()) as pool:
        tree = copied(Path(folder))
        for answers in pool.map(lambda target: list(tried(target, wanted[target.module], tree)), targets):
            for one in answers:
                is_known = one.name in known.get(one.module, {})
                what = "is killed, so survivors.yaml need not explain it," if one.killed else "survives"
                run.check(one.killed != is_known, f"{what} in {one.module}, line {one.line}: {one.name}")
                killed += one.killed
    return killed
