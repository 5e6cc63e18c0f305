"""A lost reply is no conflict; where it is not told from one, as by other clients, the proof says so."""

import pytest
from botocore.exceptions import ClientError

from firesteel.errors import StoreError
from firesteel.registry import alias, bundle
from tests.faults.proxy import DOWN, PASS, Fault, Proxy, refused
from tests.proofs import replies
from tests.proofs.proof import Run, holds
from tests.proofs.replies_world import TIMEOUT, bucket


@pytest.fixture(scope="module")
def s3():
    with bucket() as found:
        yield found


def test_a_lost_reply_is_no_false_conflict_and_deletes_nothing():
    holds("replies")


def test_a_writer_that_does_not_read_back_is_found(monkeypatch):
    for module in (bundle, alias):
        monkeypatch.setattr(module, "put_once", lambda store, key, data: store.create(key, data))
    run = Run("replies", seed=1, full=False)
    replies.trial(run, 40)
    assert any("told='conflict') is there 1 times" in one or "were in nobody's way" in one for one in run.wrong)


def test_a_stock_client_takes_its_own_write_for_somebody_elses(s3):
    cut = iter([Fault(keep=0.0)])
    with Proxy(s3.url, lambda *_: next(cut, PASS)) as proxy:
        client = s3.client(proxy.url)
        with pytest.raises(ClientError, match="PreconditionFailed"):
            client.put_object(Bucket=s3.name, Key="stock", Body=b"mine", IfNoneMatch="*")
        client.close()
    assert s3.store(s3.url).get("stock", limit=4) == b"mine"


@pytest.mark.parametrize("number", range(len(replies.LOST)))
def test_the_registry_takes_it_for_its_own(s3, number):
    cut, model = iter([replies.LOST[number]]), f"one-{number}"
    with Proxy(s3.url, lambda method, _: next(cut, PASS) if method == "PUT" else PASS) as proxy:
        store = s3.store(proxy.url)
        bundle.publish(store, model, "1.0.0", {"program": b"x"}, who="w")
    store = s3.store(s3.url)
    assert bundle.verify(store, model, "1.0.0") == []
    assert [key.rpartition("/")[2] for key in store.keys(f"models/{model}/")] == [
        "claim.json",
        "manifest.json",
        "program",
    ]


def test_what_lands_after_its_writer_stopped_waiting_was_unknown_to_it(s3):
    late = Fault(late=3 * TIMEOUT)
    with Proxy(s3.url, lambda method, _: late if method == "PUT" else PASS) as proxy:
        with pytest.raises(StoreError):
            bundle.publish(s3.store(proxy.url), "late", "1.0.0", {"program": b"x"}, who="w")
        proxy.settle()
    assert [one.complete for one in bundle.versions(s3.store(s3.url), "late")] == [False]


@pytest.mark.parametrize("fault", [DOWN, refused(503)], ids=str)
def test_what_never_lands_is_unknown_and_not_there(s3, fault):
    model = f"none-{fault.status}"
    with Proxy(s3.url, lambda method, _: fault if method == "PUT" else PASS) as proxy, pytest.raises(StoreError):
        bundle.publish(s3.store(proxy.url), model, "1.0.0", {"program": b"x"}, who="w")
    assert s3.store(s3.url).keys(f"models/{model}/") == []
