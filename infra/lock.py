"""Writes the hashed locks of what is developed with, deployed, and of the tools: `python infra/lock.py [NAME ...]`.

Without names, all of them; `--upgrade` renews what is already locked. A package that two parts use has one version: the
developers' lock holds all of them and constrains the others. What the layer brings is left out of the functions' locks,
so it is installed once. Hashes are those of every platform's wheels: one lock serves x86_64 and arm64.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAMBDA = ("--python-platform=x86_64-manylinux_2_28",)


@dataclass(frozen=True)
class Lock:
    name: str
    wanted: str
    constraints: tuple[str, ...] = ()
    options: tuple[str, ...] = LAMBDA

    def write(self, *options: str) -> None:
        """Resolves the wanted packages; what is already locked stays unless `--upgrade` is among the options."""
        constraints = [f"--constraint=requirements/{name}.txt" for name in self.constraints]
        fixed = ["--generate-hashes", "--no-emit-index-url", "--no-annotate", "--no-header", "--python-version=3.13"]
        output = f"--output-file=requirements/{self.name}.txt"
        uv = [sys.executable, "-m", "uv", "pip", "compile", "--quiet"]
        subprocess.run([*uv, *fixed, *self.options, *constraints, *options, output, self.wanted], check=True, cwd=ROOT)


IN_LAYER = ("--no-emit-package=numpy", "--no-emit-package=obstore")
LOCKS = (
    Lock("dev", "requirements/dev.in", options=()),
    Lock("uv", "requirements/uv.in", ("dev",), options=()),
    Lock("layer", "layers/firesteel/requirements.in", ("dev",)),
    Lock("classify", "functions/classify/requirements.in", ("dev",), LAMBDA + IN_LAYER),
    Lock("registry", "functions/registry/requirements.in", ("dev",), LAMBDA + IN_LAYER),
    Lock("smoke", "functions/smoke/requirements.in", ("dev",), LAMBDA + IN_LAYER),
    Lock("train", "functions/train/requirements.in", ("dev",), LAMBDA + IN_LAYER),
    # these run on the developer's machine, whatever that is
    Lock("sam", "requirements/sam.in", options=("--universal",)),
    Lock("checkov", "requirements/checkov.in", options=("--universal",)),
)


def main() -> None:
    names = {argument for argument in sys.argv[1:] if not argument.startswith("-")}
    if unknown := names - {lock.name for lock in LOCKS}:
        raise SystemExit(
            f"no lock is called {', '.join(sorted(unknown))}; there are: {', '.join(x.name for x in LOCKS)}"
        )
    options = [argument for argument in sys.argv[1:] if argument.startswith("-")]
    for lock in LOCKS:
        if names and lock.name not in names:
            continue
        lock.write(*options)
        print(f"requirements/{lock.name}.txt")


if __name__ == "__main__":
    main()
