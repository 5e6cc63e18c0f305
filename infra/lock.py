"""Writes the hashed locks of what is developed with, deployed, and of SAM: `python infra/lock.py [--upgrade]`.

A package that two parts use has one version: the developers' lock holds all of them and constrains the others. What the
layer brings is left out of the functions' locks, so it is installed once.
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
    Lock("layer", "layers/firesteel/requirements.in", ("dev",)),
    Lock("classify", "functions/classify/requirements.in", ("dev",), LAMBDA + IN_LAYER),
    Lock("registry", "functions/registry/requirements.in", ("dev",), LAMBDA + IN_LAYER),
    Lock("train", "functions/train/requirements.in", ("dev",), LAMBDA + IN_LAYER),
    Lock("sam", "requirements/sam.in", options=("--universal",)),  # runs on the developer's machine, whatever that is
)


def main() -> None:
    for lock in LOCKS:
        lock.write(*sys.argv[1:])
        print(f"requirements/{lock.name}.txt")


if __name__ == "__main__":
    main()
