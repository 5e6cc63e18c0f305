"""What the built parts weigh, and the gate: `python infra/sizes.py [--build .aws-sam/build]`, exit code 1 when too big.

Lambda unzips a function and its layers together and refuses above 250 MiB. Each part has a bound of its own below that, the
same for either architecture: what is downloaded and unpacked is part of a cold start.
"""

import argparse
import io
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

MIB = 2**20
BUILD = Path(__file__).resolve().parent.parent / ".aws-sam" / "build"


class Size(NamedTuple):
    """Bytes as unpacked on Lambda and as sent to it (zipped)."""

    unzipped: int
    zipped: int


@dataclass(frozen=True)
class Bound:
    """Artifacts that Lambda unpacks together, and the most they may weigh, in bytes."""

    artifacts: tuple[str, ...]
    most: Size


BOUNDS = (
    Bound(("ClassifyFunction", "FiresteelLayer"), Size(100 * MIB, 35 * MIB)),
    Bound(("RegistryFunction", "FiresteelLayer"), Size(70 * MIB, 25 * MIB)),
    Bound(("SmokeFunction", "FiresteelLayer"), Size(70 * MIB, 25 * MIB)),
    Bound(("TrainFunction", "FiresteelLayer"), Size(240 * MIB, 90 * MIB)),
)


def size(artifact: Path) -> Size:
    """Raises FileNotFoundError when the artifact was not built."""
    if not artifact.is_dir():
        raise FileNotFoundError(f"{artifact} is not there: run `make build` first")
    archive, unzipped = io.BytesIO(), 0
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as bundle:
        for file in sorted(path for path in artifact.rglob("*") if path.is_file()):
            bundle.write(file, file.relative_to(artifact))
            unzipped += file.stat().st_size
    return Size(unzipped, archive.tell())


def over(bound: Bound, sizes: dict[str, Size]) -> tuple[Size, bool]:
    """What the bound's artifacts weigh together, and whether that is too much."""
    total = Size(
        sum(sizes[name].unzipped for name in bound.artifacts), sum(sizes[name].zipped for name in bound.artifacts)
    )
    return total, total.unzipped > bound.most.unzipped or total.zipped > bound.most.zipped


def main() -> int:
    parser = argparse.ArgumentParser(description="Weigh what `sam build` made, and fail when it is too heavy.")
    parser.add_argument("--build", type=Path, default=BUILD)
    build = parser.parse_args().build
    sizes = {name: size(build / name) for name in sorted({name for bound in BOUNDS for name in bound.artifacts})}
    print(f"{'MiB':<34}{'unzipped':>10}{'of':>8}{'zipped':>10}{'of':>8}")
    for name, one in sizes.items():
        print(f"{name:<34}{one.unzipped / MIB:>10.1f}{'':>8}{one.zipped / MIB:>10.1f}")
    failed = False
    for bound in BOUNDS:
        total, too_big = over(bound, sizes)
        failed |= too_big
        unzipped = f"{total.unzipped / MIB:>10.1f}{bound.most.unzipped / MIB:>8.1f}"
        zipped = f"{total.zipped / MIB:>10.1f}{bound.most.zipped / MIB:>8.1f}"
        print(f"{' + '.join(bound.artifacts):<34}{unzipped}{zipped}{'  TOO BIG' if too_big else ''}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
