"""Writing an ONNX graph down, node after node. A tensor is known by its name."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

ML = "ai.onnx.ml"
RUNTIME = "com.microsoft"  # onnxruntime's own operators: Tokenizer, MurmurHash3
_VERSIONS = {"": 20, ML: 5, RUNTIME: 1}
_IR_VERSION = 10  # read by every onnxruntime since 1.18

DOUBLE, TEXT, BOOLEAN = onnx.TensorProto.DOUBLE, onnx.TensorProto.STRING, onnx.TensorProto.BOOL


class Graph:
    """A graph that grows. Rows are the first dimension of all inputs and outputs."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], onnx.TensorProto] = {}
        self._inputs: dict[str, onnx.ValueInfoProto] = {}
        self._outputs: list[onnx.ValueInfoProto] = []
        self._domains = {""}

    def input(self, name: str, kind: int) -> str:
        """A column [rows, 1] that callers give; the same one however often it is asked for."""
        self._inputs.setdefault(name, helper.make_tensor_value_info(name, kind, ["rows", 1]))
        return name

    def output(self, name: str, tensor: str, kind: int, width: int | None = None) -> None:
        """A tensor [rows], or [rows, width], that callers get."""
        self._nodes.append(helper.make_node("Identity", [tensor], [name]))
        shape: list[str | int] = ["rows"] if width is None else ["rows", width]
        self._outputs.append(helper.make_tensor_value_info(name, kind, shape))

    def constant(self, values: Any, kind: type = np.float64) -> str:
        """An array that stands in the graph, once."""
        array = np.asarray(values, object if kind is str else kind)
        content = "\x00".join(map(repr, array.ravel())).encode() if kind is str else array.tobytes()
        key = (kind.__name__, array.shape, content)
        if key not in self._constants:
            self._constants[key] = numpy_helper.from_array(array, f"constant_{len(self._constants)}")
        return self._constants[key].name

    def op(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """The output of a new node."""
        self._domains.add(domain)
        name = f"{operator.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, list(inputs), [name], domain=domain, **attributes))
        return name

    def cast(self, tensor: str, kind: int = DOUBLE) -> str:
        return self.op("Cast", tensor, to=kind)

    def joined(self, tensors: Sequence[str], axis: int = 1) -> str:
        """Tensors side by side."""
        return tensors[0] if len(tensors) == 1 else self.op("Concat", *tensors, axis=axis)

    def flat(self, tensor: str) -> str:
        """[rows] of [rows, 1]."""
        return self.op("Reshape", tensor, self.constant([-1], np.int64))

    def clipped(self, tensor: str, low: Any, high: Any) -> str:
        """Numbers within bounds; NaN stays NaN."""
        floor, ceiling = self.constant(low), self.constant(high)
        raised = self.op("Where", self.op("Less", tensor, floor), floor, tensor)
        return self.op("Where", self.op("Greater", raised, ceiling), ceiling, raised)

    def missing(self, tensor: str) -> str:
        """Where numbers are NaN."""
        return self.op("IsNaN", tensor)

    def finish(self, name: str, about: Mapping[str, str]) -> bytes:
        """The model file, checked by onnx itself."""
        graph = helper.make_graph(
            self._nodes, name, [*self._inputs.values()], self._outputs, [*self._constants.values()]
        )
        versions = [helper.make_opsetid(domain, _VERSIONS[domain]) for domain in sorted(self._domains)]
        model = helper.make_model(graph, opset_imports=versions, ir_version=_IR_VERSION, producer_name="firesteel")
        helper.set_model_props(model, dict(about))
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())
