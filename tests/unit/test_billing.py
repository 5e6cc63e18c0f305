"""Benchmarks turn measured time into dollars: what Lambda bills of a log, and what it asks for that."""

import pytest

from benchmarks import billing

LOG = (
    "START RequestId: 5c08 Version: $LATEST\n"
    '{"message":"request","note":"REPORT RequestId: x\\tDuration: 99.00 ms"}\n'
    "REPORT RequestId: 5c08\tInit Duration: 0.06 ms\tDuration: 193.44 ms\tBilled Duration: 194 ms\tMemory Size: 512 MB\n"
    "REPORT RequestId: 5c09\tDuration: 1.59 ms\tBilled Duration: 2 ms\tMemory Size: 512 MB\tMax Memory Used: 512 MB\n"
    "REPORT RequestId: 5c0a\tDuration: 2.00 ms\tBilled Duration: 2 ms\tMemory Size: 512 MB\tMax Memory Used: 512 MB\n"
)


def test_every_invocation_of_a_log_is_billed_once_and_up_to_the_next_millisecond() -> None:
    assert billing.billed(LOG) == [194, 2, 2]


def test_a_million_requests_of_2_ms_at_1_gb() -> None:
    price = billing.lambda_price(1_000_000, 2, 1024)
    assert price.requests == pytest.approx(0.20)
    assert price.duration == pytest.approx(2000 * 0.0000166667)
    assert price.total == price.requests + price.duration


def test_arm_costs_a_fifth_less_for_the_same_time() -> None:
    x86, arm = (billing.lambda_price(1000, 100, 512, architecture) for architecture in ("x86_64", "arm64"))
    assert arm.duration / x86.duration == pytest.approx(0.8, abs=1e-4)
    assert arm.requests == x86.requests


@pytest.mark.parametrize(("share", "mean"), [(0, 2), (1, 300), (0.01, 4.98)])
def test_cold_starts_count_by_their_share(share: float, mean: float) -> None:
    assert billing.mean_billed(2, 300, share) == pytest.approx(mean)
