"""What a cold start need not pay for. Imported before anything that imports numpy or Powertools.

Measured on the way from process to first answer (about 115 ms now, most of it these two imports):

- OpenBLAS starts a thread a core when numpy is imported: 50 ms. Scoring one row never uses them.
- numpy attaches docstrings to its C functions, one by one: 5 ms. Nobody reads them here.
- The garbage collector looks through everything that imports make, and finds nothing: 6 ms. It is off until all is
  loaded; then what is there is frozen, so that no request pays for a look through it.
- Powertools' Logger imports JMESPath for an option we do not use (`correlation_id_path`): 5 ms. It is imported on use.
"""

import gc
import sys
from collections.abc import MutableMapping
from importlib import import_module
from types import ModuleType
from typing import Any

_DOCSTRINGS = ("numpy._core._add_newdocs", "numpy._core._add_newdocs_scalars")
_ON_USE = "aws_lambda_powertools.utilities.jmespath_utils"


class _OnUse(ModuleType):
    """Stands in for a module until one of its names is asked for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        sys.modules.pop(self.__name__, None)
        return getattr(import_module(self.__name__), name)


def begin(environ: MutableMapping[str, str]) -> None:
    """Leave out what no answer needs. What is imported already stays as it is."""
    gc.disable()
    environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if "numpy" not in sys.modules:
        for name in _DOCSTRINGS:
            sys.modules[name] = ModuleType(name)
    if "aws_lambda_powertools" not in sys.modules:
        sys.modules[_ON_USE] = _OnUse(_ON_USE)


def end() -> None:
    """Everything is loaded: collect garbage again, but only what requests leave behind."""
    gc.freeze()
    gc.enable()
