"""What signed bundles cost a cold start: the built function over one registry without keys, and the same one signed.

Both are asked in turn, each in a fresh runtime emulator, with the registry on S3 over HTTP. With public keys the function
imports PyNaCl and verifies two signatures, of the alias's entry and of the manifest, before it serves.
"""

import tempfile
import time
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

from benchmarks import report, s3
from benchmarks.lambdas import Contest, contest
from benchmarks.report import Target
from benchmarks.s3 import BUCKET, S3
from benchmarks.workload import arguments, subject
from firesteel.registry.seal import open_registry
from firesteel.registry.signer import FileSigner

TARGETS = (Target("cold ms", "signed", "unsigned", 1.10, 1.05),)
_LIMIT = 1 << 30


def signed(registry: Path, folder: Path) -> str:
    """A copy of a registry in which every record is signed by a key made for it: the public key."""
    signer = FileSigner.new(folder / "key")
    public = b64encode(signer.public_key).decode()
    source, target = open_registry(registry.as_uri()), open_registry((folder / "registry").as_uri(), [public], signer)
    for key in source.keys("models/"):
        target.create(key, source.get(key, limit=_LIMIT))
    return public


def entrants(store: S3, registry: Path, folder: Path, one: Contest) -> Contest:
    """The function as it is, and over the signed copy."""
    public = signed(registry, folder)
    store.upload(folder / "registry", "signed")
    own = one.functions["firesteel"]
    environment = {"FIRESTEEL_STORE": f"s3://{BUCKET}/signed", "FIRESTEEL_PUBLIC_KEYS": public}
    over_signed = replace(own, environment={**own.environment, **environment})
    return Contest({"unsigned": own, "signed": over_signed}, one.event)


def cold(contested: Contest, name: str) -> dict[str, float]:
    """Milliseconds from the emulator's start to the checked answer of its first request."""
    function = contested.functions[name]
    started = time.perf_counter()
    with function.emulator() as emulator:
        answer, _ = emulator.invoke(contested.event)
        elapsed = time.perf_counter() - started
    function.check(answer)
    return {"cold ms": elapsed * 1e3}


def main() -> None:
    options = arguments(__doc__, rounds=15).parse_args()
    with s3.serve() as store, tempfile.TemporaryDirectory() as folder:
        chosen = subject(options)
        contested = entrants(store, chosen.registry, Path(folder), contest(store, chosen, ("firesteel",)))
        names = ("unsigned", "signed")
        samples = report.alternate(names, options.rounds, lambda name: cold(contested, name), warmups=1)
    report.finish("signed", samples, TARGETS, notes={"rounds": options.rounds})


if __name__ == "__main__":
    main()
