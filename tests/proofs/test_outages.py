import pytest

from functions.classify import serving
from functions.classify.refresh import Freshness, State
from tests.faults.proxy import Fault
from tests.proofs.outages_faults import CORRUPT, Outage
from tests.proofs.outages_trial import SHARED, Plan, Trial, publish
from tests.proofs.outages_worlds import Environment, s3
from tests.proofs.proof import SEED, Run, holds

PLAN = Plan(ttl=0.2, still=0.3, moving=0.3, requests=40, told=2.0)


def test_what_is_warm_answers_whatever_s3_does():
    proof = holds("outages")
    assert proof.figures["outages"] >= 12
    assert float(proof.figures["slowest_request_Environment"].removesuffix(" s")) < 4


class Fragile(Freshness):
    """Serves nothing once a look failed."""

    def _attempt(self, newest):
        super()._attempt(newest)
        if self.state.trouble:
            self.state = State(trouble=self.state.trouble)


class Trusting(Freshness):
    """Says that all is well."""

    def _attempt(self, newest):
        super()._attempt(newest)
        if self.state.sides:
            self.state = self.state._replace(trouble=None)


@pytest.mark.parametrize(
    ("freshness", "said"), [(Fragile, "/classify: 503"), (Trusting, "/health says"), (Freshness, "")]
)
def test_what_gives_up_its_model_or_hides_its_trouble_is_found_out(monkeypatch, freshness, said):
    monkeypatch.setattr(serving, "Freshness", freshness)
    wrong_bits = Outage("wrong bits", Fault(spoil=True), only=lambda path: path.endswith(".safetensors"), code=CORRUPT)
    with s3() as place:
        publish(place, SHARED)
        trial = Trial(Environment, wrong_bits, place, PLAN, Run("outages", SEED, full=False).random()).run()
    assert any(said in sentence for sentence in trial.wrong) if said else not trial.wrong
