"""Clients of the Open Inference Protocol, as others wrote them, against a running server: they work unchanged."""

import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from firesteel.registry.store import open_store
from tests.unit.classify import handmade
from tests.unit.classify.bundles import TICKET, release
from tests.unit.classify.handmade import HOUSE


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Where a server answers over tickets, houses and recruits with segments."""
    url = f"file://{tmp_path_factory.mktemp('store')}"
    release(open_store(url), "1.2.0")
    handmade.publish(open_store(url), "houses", "3.0.0", handmade.houses())
    handmade.recruits(open_store(url))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    script = "from firesteel.settings import Settings; from functions.classify import server; "
    script += (
        f"server.run(Settings(store={url!r}, port={port}, rate_limit=0, monitor='memory://', log_level='CRITICAL'))"
    )
    with subprocess.Popen([sys.executable, "-W", "error", "-c", script], env=os.environ) as process:
        try:
            _wait(process, port)
            yield f"127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)


def _wait(process, port):
    give_up = time.monotonic() + 30
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            assert process.poll() is None
            assert time.monotonic() < give_up
            time.sleep(0.05)


@pytest.fixture
def triton(address):
    with InferenceServerClient(address) as client:
        yield client


def tensors(binary_data=True, **columns):
    inputs = []
    for name, values in columns.items():
        array = np.asarray(values)
        array = array.astype(object) if array.dtype.kind == "U" else array
        tensor = InferInput(name, array.shape, np_to_triton_dtype(array.dtype))
        inputs.append(tensor.set_data_from_numpy(array, binary_data=binary_data))
    return inputs


def test_triton_sees_a_server_and_its_models(triton):
    assert triton.is_server_live()
    assert triton.is_server_ready()
    assert triton.get_server_metadata()["name"] == "firesteel"
    assert {model["name"]: model["state"] for model in triton.get_model_repository_index()} == dict.fromkeys(
        ["houses", "recruits", "recruits/qb", "recruits/rb", "tickets"], "READY"
    )
    assert triton.is_model_ready("houses")
    assert triton.is_model_ready("recruits/qb", "1.0.0")
    assert not triton.is_model_ready("houses", "2.0.0")
    assert not triton.is_model_ready("nope")


def test_triton_learns_the_tensors_of_a_model_and_gets_what_they_promise(triton):
    metadata = triton.get_model_metadata("houses", "3.0.0")
    kinds = {"BYTES": object, "FP64": np.float64, "INT64": np.int64}
    inputs = {one["name"]: np.array([HOUSE[one["name"]]] * 2, kinds[one["datatype"]]) for one in metadata["inputs"]}
    result = triton.infer("houses", tensors(**inputs), "3.0.0", request_id="42")
    answer = result.get_response()
    assert (answer["id"], answer["model_name"], answer["model_version"]) == ("42", "houses", "3.0.0")
    assert [one["name"] for one in answer["outputs"]] == [one["name"] for one in metadata["outputs"]]
    for one in metadata["outputs"]:
        assert result.as_numpy(one["name"]).dtype == kinds[one["datatype"]]
    np.testing.assert_array_equal(result.as_numpy("price"), [170.0, 170.0])


@pytest.mark.parametrize("binary_data", [True, False])
@pytest.mark.parametrize("number", [np.float64, np.float32, np.float16, np.int64, np.int32, np.uint8])
def test_numbers_of_every_kind_arrive(triton, number, binary_data):
    columns = {"area": np.array([80, 100], number), "rooms": np.array([3, 3], number)}
    result = triton.infer("houses", tensors(binary_data, **columns))
    np.testing.assert_array_equal(result.as_numpy("price"), [190.0, 230.0])


@pytest.mark.parametrize("binary_data", [True, False])
def test_texts_arrive_in_lines_and_in_columns(triton, binary_data):
    wanted = [InferRequestedOutput("predicted_department", binary_data), InferRequestedOutput("department_confidence")]
    line = {name: np.array([value, "I was billed twice: a refund 🙂"], object) for name, value in TICKET.items()}
    column = {name: values.reshape(2, 1) for name, values in line.items()}
    for texts in (line, column):
        result = triton.infer("tickets", tensors(binary_data, **texts), outputs=wanted)
        assert result.as_numpy("predicted_department").tolist() == ["Tech Support", "Billing"]
        assert (result.as_numpy("department_confidence") > 1 / 3).all()
        assert result.as_numpy("review") is None


def test_missing_numbers_are_nan(triton):
    columns = {"area": [80.0, 80.0], "rooms": [3, 3], "age": [np.nan, 20.0]}
    np.testing.assert_array_equal(triton.infer("houses", tensors(**columns)).as_numpy("price"), [190.0, 170.0])


def test_rows_of_several_segments_come_back_in_order(triton):
    columns = {
        "position": ["RB", "QB"], "speed": [1.0, 2.0], "arm": [np.nan, 10.0], "weight": [100.0, np.nan],
    }  # fmt: skip
    result = triton.infer("recruits", tensors(**columns))
    np.testing.assert_array_equal(result.as_numpy("rating"), [301.0, 22.0])
    assert result.as_numpy("model_version").tolist() == ["1.0.0", "1.0.0"]


def test_triton_answers_many_requests_at_once(triton):
    pending = [triton.async_infer("houses", tensors(area=[float(area)], rooms=[3])) for area in range(20)]
    prices = [one.get_result().as_numpy("price").item() for one in pending]
    assert prices == [2.0 * area + 30 for area in range(20)]


@pytest.mark.parametrize(
    ("model", "version", "columns", "status", "said"),
    [
        ("nope", "", {"area": [1.0]}, "404", "There is no such model."),
        ("houses", "2.0.0", {"area": [1.0]}, "404", "only the live version is served: 3.0.0"),
        ("houses", "", {"area": [1.0]}, "422", "tensor rooms, row 0: is required"),
        ("houses", "", {"area": [1.0, -1.0], "rooms": [1, 1]}, "422", "tensor area, row 1: must be between 0 and 1000"),
        ("houses", "", {"area": [1.0] * 1001, "rooms": [1] * 1001}, "422", "between 1 and 1000 rows"),
        ("tickets", "", {"title": ["x" * 2_000_000]}, "413", "more than 1024 KiB"),
    ],
)
def test_triton_is_told_what_is_wrong(triton, model, version, columns, status, said):
    with pytest.raises(InferenceServerException) as caught:
        triton.infer(model, tensors(**columns), version)
    assert caught.value.status() == status
    assert said in caught.value.message()


def test_triton_is_told_what_this_server_does_not_offer(triton):
    with pytest.raises(InferenceServerException, match="classification"):
        triton.infer("houses", tensors(area=[1.0], rooms=[1]), outputs=[InferRequestedOutput("price", class_count=2)])
    with pytest.raises(InferenceServerException, match="not compressed"):
        triton.infer("houses", tensors(area=[1.0], rooms=[1]), request_compression_algorithm="gzip")
    with pytest.raises(InferenceServerException, match="nothing at this path"):
        triton.unload_model("houses")


class Kserve:
    """What the KServe SDK's InferenceRESTClient sends and reads: no media type for JSON, the model's name in the body."""

    def __init__(self, address):
        self._base = f"http://{address}/v2"

    def get(self, path):
        return httpx.get(f"{self._base}{path}").raise_for_status().json()

    def infer(self, model, inputs, raw=b""):
        body = {"id": "7d0b", "model_name": model, "inputs": inputs}
        head = httpx.Request("POST", "http://a", json=body).content
        lengths = {"inference-header-content-length": str(len(head)), "content-type": "application/octet-stream"}
        answer = httpx.post(f"{self._base}/models/{model}/infer", content=head + raw, headers=lengths if raw else None)
        return answer.raise_for_status().json()


def test_kserve_gets_health_and_predictions(address):
    kserve = Kserve(address)
    assert kserve.get("/health/live")["live"] is True
    assert kserve.get("/health/ready")["ready"] is True
    assert kserve.get("/models/houses/ready")["ready"] is True
    number = {"name": "area", "shape": [1, 1], "datatype": "FP64", "parameters": {"binary_data_size": 8}}
    rooms = {"name": "rooms", "shape": [1, 1], "datatype": "INT64", "data": [[3]]}
    age = {"name": "age", "shape": [1, 1], "datatype": "FP64", "data": [[None]]}
    answer = kserve.infer("houses", [number, rooms, age], np.array([80.0]).tobytes())
    assert (answer["id"], answer["outputs"][0]["data"]) == ("7d0b", [190.0])
    answer = kserve.infer("houses", [{**number, "parameters": None, "data": [80.0]}, rooms])
    assert answer["outputs"][0]["data"] == [190.0]
