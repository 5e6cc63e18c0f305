"""What a cold start need not pay for. Imported before anything that imports numpy or Powertools.

Measured on the way from process to first answer, about 110 ms now:

- OpenBLAS starts a thread a core when numpy is imported: 50 ms. Scoring one row never uses them.
- The garbage collector looks through everything that imports make, and finds nothing: 6 ms. It is off until all is
  loaded; then what is there is frozen, so that no request pays for a look through it.
- numpy attaches docstrings to its C functions, one by one: 5 ms. Nobody reads them here.
- numpy imports its linear algebra: 5 ms. Scoring needs products only, and those are in its core.
- Powertools' Logger imports JMESPath for an option we do not use (`correlation_id_path`): 5 ms.
- Powertools imports botocore, where there is one, to name itself in calls to AWS: 2 ms. We make none through it.

Linear algebra and JMESPath are imported when one of their functions is called, botocore when somebody else asks for it.
"""

import gc
import sys
from collections.abc import Callable, MutableMapping
from importlib import import_module
from types import ModuleType
from typing import Any

_DOCSTRINGS = ("numpy._core._add_newdocs", "numpy._core._add_newdocs_scalars")
_ABSENT = ("botocore",)
_ON_USE = ("numpy.linalg", "aws_lambda_powertools.utilities.jmespath_utils")


class _OnUse(ModuleType):
    """Stands in for a module: its functions import it when they are called, its classes when they are named."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._real(), name) if name[0].isupper() else self._function(name)

    def _function(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            return getattr(self._real(), name)(*args, **options)

        return call

    def _real(self) -> ModuleType:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return import_module(self.__name__)


def begin(environ: MutableMapping[str, str]) -> None:
    """Leave out what no answer needs. Packages that are imported already stay as they are."""
    gc.disable()
    environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    for name in _DOCSTRINGS:
        _put(ModuleType(name))
    for name in _ON_USE:
        _put(_OnUse(name))
    for name in _ABSENT:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type] # how Python spells "there is no such module"


def _put(module: ModuleType) -> None:
    if module.__name__.partition(".")[0] not in sys.modules:
        sys.modules[module.__name__] = module


def end() -> None:
    """Everything is loaded: let modules be found as usual, and collect garbage again, but only what requests leave."""
    for name in _ABSENT:
        if sys.modules.get(name) is None:
            sys.modules.pop(name, None)
    for name in _ON_USE:
        parent, _, child = name.rpartition(".")
        if isinstance(module := sys.modules.get(name), _OnUse) and parent in sys.modules:
            setattr(sys.modules[parent], child, module)  # as the import of a submodule does
    gc.freeze()
    gc.enable()
