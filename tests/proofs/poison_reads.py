"""What each way in reads of a bundle, stated by hand: poison in one of these files must be refused there, whatever it is."""

from collections import Counter
from collections.abc import Iterable
from random import Random

PROGRAM, GOLDEN, MANIFEST, ENTRY = "program.safetensors", "golden.json", "manifest.json", "aliases"
NECESSARY = (PROGRAM, GOLDEN, MANIFEST, ENTRY)
UNUSED = ("metrics.json", "model_metadata.json", "definition.json", "reference.json", "model_card.md",
          "pipeline-priority.joblib", "extra.bin")  # fmt: skip
"""Files of a bundle that nothing opens which answers rows."""

_ANSWERS = (
    *("firesteel predict", "firesteel score", "POST /classify", "POST /classify/batch"),
    *(f"POST /{name}" for name in ("predict", "explain", "attributions", "batch_predict")),
    *(f"POST /models/{{name}}/{name}" for name in ("predict", "explain", "attributions", "batch")),
    *(f"POST /models/{{name}}/{{segment}}/{name}" for name in ("predict", "explain", "attributions", "batch")),
    *(f"POST /v2/models/{{name}}{more}/infer" for more in ("", "/versions/{version}", "/{segment}")),
    "POST /v2/models/{name}/{segment}/versions/{version}/infer",
)
_PINNED = (
    "firesteel predict explained",
    *(
        f"POST /models/{{name}}{segment}/versions/{{version}}/{name}"
        for segment in ("", "/{segment}")
        for name in ("predict", "explain", "attributions", "batch")
    ),
)
_EXAMINES = (
    *("firesteel report", "firesteel verify all", "firesteel review", "doctor"),
    *("GET /health/ready", "GET /model/info", "GET /admin/review", "GET /v2/health/ready"),
    *(
        f"GET /v2/models/{{name}}{segment}{version}{ready}"
        for segment in ("", "/{segment}")
        for version in ("", "/versions/{version}")
        for ready in ("", "/ready")
    ),
)
READS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys((*_ANSWERS, *_EXAMINES), NECESSARY),
    **dict.fromkeys((*_PINNED, "firesteel verify", "firesteel promote"), (PROGRAM, GOLDEN, MANIFEST)),
    **dict.fromkeys(("firesteel show alias", "firesteel drift", "registry"), (MANIFEST, ENTRY)),
    "firesteel show": (MANIFEST,),
    **dict.fromkeys(("firesteel canary", "firesteel shadow"), (ENTRY,)),
    **dict.fromkeys(("GET /models/{name}", "GET /models/{name}/versions"), (ENTRY,)),
}
ROWS = frozenset((*_ANSWERS, *_PINNED))
"""Ways in that answer rows: they leave alone what is not needed for that."""
SILENT = {
    **dict.fromkeys(("firesteel versions", "firesteel gc"), "tell which versions are damaged, and go on"),
    **dict.fromkeys(("firesteel feedback", "firesteel inferences"), "read the monitor alone"),
    **dict.fromkeys(("firesteel switch",), "moves the alias from whatever it names to a version that is whole"),
    **dict.fromkeys(("firesteel rollback",), "refuses: the alias named nothing before"),
    **dict.fromkeys(
        ("GET /", "GET /health", "GET /health/live", "GET /version", "GET /model/status", "GET /models", "GET /docs"),
        "answer without a model",
    ),
    **dict.fromkeys(("GET /openapi.json", "GET /v2", "GET /v2/health/live", "POST /v2/repository/index"), "the same"),
    **dict.fromkeys(("GET /admin/recent_inferences", "GET /admin/drift", "GET /admin/feedback"), "read the monitor"),
    "POST /feedback": "refuses: no answer was given before",
    **dict.fromkeys(
        (
            f"GET /models/{{name}}{segment}{rest}"
            for segment in ("", "/{segment}")
            for rest in ("/aliases", "/versions/{version}", "/versions/{version}/files/{file}")
        ),
        "tell what is there and what is damaged",
    ),
    **dict.fromkeys(("GET /models/{name}/{segment}", "GET /models/{name}/{segment}/versions"), "the same"),
}
"""Ways in that need no bundle to be right, and why: they may answer or refuse."""


class Turns:
    """Which ways in are next: those that met the fewest bundles."""

    def __init__(self, names: Iterable[str], random: Random) -> None:
        self._names = sorted(names)
        self._random = random
        self._met: Counter[tuple[str, str]] = Counter()

    def next(self, kind: str, count: int, among: Iterable[str]) -> list[str]:
        """So many of them for a bundle of a kind."""
        able = [name for name in self._names if name in set(among)]
        self._random.shuffle(able)
        chosen = sorted(able, key=lambda name: self._met[kind, name])[:count]
        self._met.update((kind, name) for name in chosen)
        return chosen


def reading(file: str) -> list[str]:
    """The ways in that read a file."""
    return [name for name, files in READS.items() if file in files]
