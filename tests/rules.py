"""Rules about what code may refer to, read from its syntax: who may unpickle, delete, start, open or call what."""

import ast
import builtins
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUILTINS = frozenset(dir(builtins))
PRODUCT = ("layers", "functions", "cli", "models", "infra")
DEPLOYED = ("layers", "functions")


@dataclass(frozen=True)
class Rule:
    """References that only some files may have: dotted names as imports make them, `.method`s, `.method/arguments`,
    `keyword=constant`s.
    """

    name: str
    forbidden: tuple[str, ...]
    control: str
    """Code that the rule must find."""
    folders: tuple[str, ...] = PRODUCT
    but: set[str] = field(default_factory=set)
    """The files that may."""

    def found(self, references: frozenset[str]) -> set[str]:
        return {one for one in references for pattern in self.forbidden if fnmatchcase(one, pattern)}

    def __str__(self) -> str:
        return self.name


OPENED = {
    "functions/classify/score.py": {"_settings.work"},
    "functions/classify/server.py": {"settings.monitor"},
    "functions/classify/serving.py": {"monitor"},
    "functions/registry/approvals.py": {"work"},
    "functions/train/deployment.py": {"settings.work"},
    "functions/train/drift/daily.py": {"deployment.settings.monitor"},
    "functions/train/snapshot.py": {"deployment.settings.monitor"},
    "cli/drift.py": {"settings().monitor"},
    "cli/feedback.py": {"settings().monitor"},
    "cli/inferences.py": {"settings().monitor"},
    "cli/report.py": {"settings().monitor"},
    "cli/review.py": {"settings().monitor"},
    "cli/score.py": {"out if '://' in out else f'file://{quote(str(Path(out).absolute()))}'"},
    "cli/train.py": {"settings().monitor"},
}
"""Who opens a store that is not the registry, and which."""

RULES = (
    Rule(
        "unpickles",
        ("*pickle", "*pickle.*", "joblib.load", "marshal", "marshal.*", "shelve", "shelve.*", "dill*", "numpy.load",
         "allow_pickle=True", "yaml.load", "yaml.load_all", "yaml.unsafe_load*", "yaml.full_load*", "skops*", "torch*",
         "jsonpickle*", "pandas.read_pickle"),
        "import numpy as np\nnp.load(path)",
        but={"cli/compile.py", "cli/peers/mlflow_source.py"},
    ),
    Rule(
        "runs text",
        ("eval", "exec", "compile", "__import__", "runpy*", "types.FunctionType", "types.CodeType"),
        "def f(text):\n    return eval(text)",
    ),
    Rule(
        "imports by name",
        ("importlib.import_module", "importlib.util.module_from_spec", "importlib.util.spec_from*"),
        "from importlib import import_module\nimport_module(meta['kind'])",
        DEPLOYED,
        but={
            "functions/classify/coldstart.py",  # names that stand in the code, as in the next two
            "functions/classify/operations.py",
            "functions/train/estimators.py",
            "layers/firesteel/firesteel/program/steps/__init__.py",  # a step's kind, when it is one of its table
        },
    ),
    Rule(
        "leaves Python",
        ("ctypes*", "cffi*", "mmap*", "os.system", "os.popen", "os.exec*", "os.spawn*", "pty*", "shell=True"),
        "import subprocess\nsubprocess.run(text, shell=True)",
    ),
    Rule(
        "starts processes",
        ("subprocess*", "os.fork*", "os.posix_spawn*", "multiprocessing*"),
        "from subprocess import run\nrun(x)",
        DEPLOYED,
        but={"functions/train/metadata.py"},
    ),
    Rule(
        "calls addresses",
        ("urllib.request*", "http.client*", "socket*", "requests*", "httpx*", "aiohttp*", "urllib3*", "ftplib*", "smtplib*"),
        "from urllib.request import urlopen\nurlopen(body['url'])",
        DEPLOYED,
        but={"functions/classify/extension.py"},  # Lambda's own address of extensions
    ),
    Rule(
        "trusts any certificate",
        ("verify=False", "ssl.CERT_NONE", "ssl._create*", "*allow_invalid*", "check_hostname=False", "use_ssl=False"),
        "import boto3\nboto3.client('s3', verify=False)",
    ),
    Rule(
        "takes archives apart",
        ("zipfile*", "tarfile*", "shutil.unpack_archive", "lzma*", "bz2*"),
        "import tarfile\ntarfile.open(path)",
        DEPLOYED,
    ),
    Rule(
        "parses forms or XML",
        ("multipart*", "python_multipart*", ".form", "cgi*", "xml*", "lxml*", "email*"),
        "async def f(request):\n    await request.form()",
        DEPLOYED,
    ),
    Rule("makes guessable files", ("tempfile.mktemp", "os.tempnam", "os.tmpnam"), "import tempfile\ntempfile.mktemp()"),
    Rule(
        "collects garbage",
        ("firesteel.registry.collect*",),
        "from firesteel.registry import collect\ncollect.sweep()",
        but={"cli/gc.py"},
    ),
    Rule(
        "deletes or overwrites",
        (".delete", ".delete_object", ".delete_objects", ".unlink", ".rmdir", ".rename", ".replace/1", "os.remove", "os.unlink",
         "os.rmdir", "os.rename", "os.replace", "os.truncate", "shutil.rmtree", "shutil.move"),
        "from pathlib import Path\nPath(folder, name).replace(place)",
        DEPLOYED,
        but={
            "layers/firesteel/firesteel/registry/collect.py",
            "layers/firesteel/firesteel/registry/disk.py",  # the seam itself, as the next two
            "layers/firesteel/firesteel/registry/s3.py",
            "layers/firesteel/firesteel/registry/seal.py",
            "layers/firesteel/firesteel/registry/signer.py",  # what it wrote aside itself, as the others
            "layers/firesteel/firesteel/monitor/spool.py",
            "functions/train/intake.py",
            "functions/train/quarantine.py",
        },
    ),
    Rule(
        "opens a store",
        ("firesteel.registry.store.open_store", "*.DiskStore", "*.S3Store", "*.MemoryStore", "firesteel.registry.disk",
         "firesteel.registry.s3"),
        "from firesteel.registry import store\nurl = settings.store\nstore.open_store(url=url)",
        but={
            "layers/firesteel/firesteel/registry/store.py",
            "layers/firesteel/firesteel/registry/seal.py",  # opens the registry, for everybody
            "layers/firesteel/firesteel/registry/s3.py",
            "functions/classify/scoring/place.py",  # rows that are scored, and their answers
            "functions/train/upload.py",  # takes a client for uploads
            *OPENED,
        },
    ),
)  # fmt: skip


@cache
def sources(folder: str) -> dict[str, str]:
    paths = sorted((ROOT / folder).rglob("*.py"))
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def imports(tree: ast.AST) -> dict[str, str]:
    """What names stand for, by the imports anywhere in a module."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                names[one.asname or one.name.partition(".")[0]] = one.name if one.asname else one.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom):
            names |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    return names


@cache
def parsed(source: str) -> ast.Module:
    return ast.parse(source)


@cache
def references(source: str) -> frozenset[str]:
    tree = parsed(source)
    known, found = imports(tree), set[str]()
    found |= set(known.values())
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
        elif isinstance(node, ast.Name):
            found |= {known.get(node.id, node.id if node.id in BUILTINS else "?")} - defined
        elif isinstance(node, ast.Attribute):
            found |= {f".{node.attr}", _dotted(node, known)}
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            several = any(isinstance(one, ast.Starred) for one in node.args)
            found.add(f".{node.func.attr}/{'*' if several else len(node.args)}")
        elif isinstance(node, ast.keyword) and isinstance(node.value, ast.Constant):
            found.add(f"{node.arg}={node.value.value}")
    return frozenset(found)


def _dotted(node: ast.expr, known: dict[str, str]) -> str:
    match node:
        case ast.Name(name):
            return known.get(name, f"?{name}")
        case ast.Attribute(value, name):
            return f"{_dotted(value, known)}.{name}"
        case _:
            return "?"
