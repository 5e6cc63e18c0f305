"""The tasks of a retraining after the check, one by one: what each is given, answers and leaves behind."""

import json

import pytest

from firesteel.definition import Gate, Promotion, Search
from firesteel.errors import DataError, NotFoundError, SettingsError
from firesteel.registry import alias, bundle
from firesteel.registry.store import MemoryStore
from firesteel.settings import Settings
from functions.train import dataset, published, tasks, train, tune
from functions.train.deployment import Deployment
from tests.unit.train.problems import define, problem
from tests.unit.train.world import SMALL, Execution, World, check, define_anew, pretend, put


@pytest.fixture
def world():
    return World()


@pytest.fixture
def pretended(monkeypatch):
    monkeypatch.setattr(train, "train", pretend)


def csv_of(task):
    """A training file of a small problem."""
    _, rows = problem(task, 200)
    labels = {"classification": ["low", "middle", "high"]}.get(task)
    values = [labels[value] if labels else value for value in rows.targets["y"].tolist()]
    lines = [f"{a!r},{y}" for a, y in zip(rows.inputs["a"].tolist(), values, strict=True)]
    return ("\n".join(["a,y", *lines]) + "\n").encode()


@pytest.mark.parametrize("method", ["grid", "random"])
@pytest.mark.parametrize(("task", "setting"), [("classification", "C"), ("regression", "alpha")])
def test_a_search_over_many_functions_finds_what_one_finds_and_gives_the_same_program(
    tmp_path, monkeypatch, task, setting, method
):
    space = {setting: [0.1, 1.0, 10.0] if method == "grid" else {"low": 0.01, "high": 100, "log": True}}
    search = {"method": method, "trials": 4, "space": space}
    numbers = {"inputs": {"a": {"kind": "number", "example": 1.0}}, "search": search}
    definition = define(task, split={"seed": 3}, **numbers)
    path = tmp_path / "data.csv"
    path.write_bytes(csv_of(task))
    alone = train.train(definition, dataset.read(path, definition))

    world = World(definition)
    checked = check(world, world.uploads.put("a.csv", path.read_bytes(), 1))
    about = {"run": "run", "model": "small", "segment": "", "upload": checked["upload"]}
    jobs = [{"task": "candidate", "candidate": one, **about} for one in checked["segments"][0]["candidates"]]
    trials = [json.loads(json.dumps(tasks.run(world.deployment, job))) for job in jobs]
    monkeypatch.setattr(tune.Journal, "_write", lambda *_: pytest.fail("a candidate was judged again"))
    order = {"task": "train", "data_sha256": checked["data_sha256"], "trials": trials[::-1], **about}
    answer = tasks.run(world.deployment, order)
    manifest = bundle.read_manifest(world.registry, "small", answer["version"])
    assert bundle.read_file(world.registry, manifest, "program.safetensors") == alone.program
    told = json.loads(bundle.read_file(world.registry, manifest, "model_metadata.json"))
    assert told["settings"] == alone.settings
    assert len(trials) == len(alone.trials["y"]) > 1


class TestTrain:
    def order(self, world, number=0, **more):
        checked = check(world, put(world, number))
        names = ("model", "upload", "data_sha256")
        return {"task": "train", "run": "run", "segment": "", "trials": [], **{n: checked[n] for n in names}, **more}

    def test_a_version_says_which_upload_and_which_run_it_is_of(self, world):
        order = self.order(world)
        answer = tasks.run(world.deployment, order)
        found = published.read(world.registry, "small", answer["version"])
        assert (found.run, found.upload._asdict()) == ("run", order["upload"])
        assert found.metadata["compared_with"] is None
        assert found.manifest.digest == answer["digest"]
        with pytest.raises(NotFoundError):
            alias.current(world.registry, "small", "latest")

    def test_the_answer_has_metrics_and_those_of_latest(self, world):
        world.execute("first", put(world, 0))
        order = self.order(world, 1)
        answer = tasks.run(world.deployment, order)
        assert answer["version"] == "1.1.0"
        assert set(answer["metrics"]) >= {"y.r2", "y.rmse", "y.mae"}
        assert answer["latest"]["version"] == "1.0.0"
        assert set(answer["latest"]["metrics"]) == set(answer["metrics"])
        assert (answer["rows_used"], answer["rows_refused"], answer["passed"], answer["reasons"]) == (11, 0, True, [])
        assert tasks.run(world.deployment, order) == answer

    def test_gates_that_fail_are_told_in_sentences(self, world):
        define_anew(world, gates=(Gate(metric="y.r2", at_least=0.999),))
        order = self.order(world)
        answer = tasks.run(world.deployment, order)
        assert not answer["passed"]
        assert answer["reasons"][0].startswith("FAILED: y.r2 = ")
        assert tasks.run(world.deployment, order) == answer

    def test_data_that_are_not_what_was_checked_are_not_trained(self, world):
        with pytest.raises(DataError, match="is not what was checked"):
            tasks.run(world.deployment, self.order(world, data_sha256="0" * 64))

    @pytest.mark.parametrize("trials", [[7], [{"target": "y"}], [{"target": "y", "settings": {}, "scores": 1}]])
    def test_trials_are_what_candidates_answer(self, world, trials):
        with pytest.raises(DataError, match="trials are what the candidate task gives"):
            tasks.run(world.deployment, self.order(world, trials=trials))

    @pytest.mark.parametrize(
        ("candidate", "message"),
        [
            (None, "a candidate is"),
            ({"target": "z", "settings": {}}, "no target 'z' with a search"),
            ({"target": "y", "settings": {"alpha": -1}}, "linear cannot have"),
        ],
    )
    def test_a_candidate_is_settings_of_a_target_with_a_search(self, world, candidate, message):
        define_anew(world, search=Search(space={"alpha": [1.0, 2.0]}))
        order = self.order(world) | {"task": "candidate", "candidate": candidate}
        with pytest.raises(DataError, match=message):
            tasks.run(world.deployment, order)


@pytest.mark.usefixtures("pretended")
class TestPromote:
    def ready(self, world, number=0, **promote):
        define_anew(world, promote=Promotion(**promote))
        return Execution(f"run-{number}", put(world, number)).advance(world).advance(world)

    def test_a_canary_needs_something_to_stand_beside(self, world):
        assert self.ready(world, 0, how="canary", weight=0.1).advance(world).answers["promote"]["kind"] == "promote"
        assert self.ready(world, 1, how="canary", weight=0.1).advance(world).answers["promote"]["kind"] == "canary"
        entry = alias.current(world.registry, "small", "latest")
        assert (entry.version, entry.canary.version, entry.canary.weight) == ("1.0.0", "1.1.0", 0.1)

    def test_what_needs_approval_is_promoted_by_whom_who_approved(self, world):
        ready = self.ready(world, how="approval")
        task = {"task": "promote", "run": "run-0", **ready._promote()}
        with pytest.raises(DataError, match="promoted only with `approved`"):
            tasks.run(world.deployment, task)
        assert tasks.run(world.deployment, task | {"approved": {"who": "ada", "why": "looks good"}})["moved"]
        entry = alias.current(world.registry, "small", "latest")
        assert (entry.who, entry.why) == ("ada", "looks good")

    def test_what_was_promoted_by_hand_gives_way_and_a_newer_upload_does_not(self, world):
        old, new = self.ready(world, 0), self.ready(world, 1)
        alias.promote(world.registry, "small", "latest", "1.0.0", who="ada")
        assert new.advance(world).answers["promote"]["moved"]
        kept = self.ready(world, 2)
        world.execute("newer", put(world, 3))
        answer = kept.advance(world).answers["promote"]
        assert not answer["moved"]
        assert "of the newer upload memory://incoming/small/c.csv" in answer["reason"]
        assert old.advance(world).answers["promote"]["moved"], "it was: by hand"
        assert world.served().version_id == "c.csv-0"

    def test_a_damaged_alias_is_mended(self, world):
        self.ready(world, 0).advance(world)
        world.registry._objects["models/small/aliases/latest/00000001.json"] = b"garbage"
        assert self.ready(world, 1).advance(world).answers["promote"] | {"reason": ""} == {
            "moved": True, "kind": "promote", "generation": 2, "reason": ""
        }  # fmt: skip

    @pytest.mark.parametrize("promote", [None, {}, {"how": "fast", "weight": 0.1}, {"how": "direct"}])
    def test_a_policy_has_how_and_weight(self, world, promote):
        task = {"task": "promote", "run": "run-0", **self.ready(world)._promote(), "promote": promote}
        with pytest.raises(DataError, match="promote must be"):
            tasks.run(world.deployment, task)


class TestAsk:
    @pytest.fixture
    def deployment(self, world, tmp_path):
        settings = Settings(work=f"file://{tmp_path}/work", incoming="memory://incoming")
        return Deployment(settings, world.registry, world.work, world.uploads, lambda _: SMALL)

    def test_the_newest_token_is_left_where_the_registry_function_finds_it(self, deployment, tmp_path):
        ask = {"task": "ask", "run": "r", "address": "recruits/qb", "version": "1.2.0"}
        for token in ("one", "two"):
            tasks.run(deployment, ask | {"token": token})
        approval = json.loads((tmp_path / "work/approvals/recruits/qb/1.2.0.json").read_bytes())
        assert approval.pop("when")
        assert approval == {"format": 1, "model": "recruits/qb", "version": "1.2.0", "token": "two", "run": "r"}

    @pytest.mark.parametrize("wrong", [{"address": "../x"}, {"version": "latest"}])
    def test_what_is_no_version_is_refused(self, deployment, wrong):
        with pytest.raises(NotFoundError):
            tasks.run(
                deployment, {"task": "ask", "run": "r", "address": "small", "version": "1.0.0", "token": "t", **wrong}
            )


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"task": "fly"}, "there is no task 'fly'; there are: check, candidate, train, ask, promote, route, tell"),
        ({"task": 7}, "there is no task 7"),
        ({"task": "check"}, "needs run, as text"),
        ({"task": "train", "run": "r"}, "needs model, as text"),
        ({"task": "train", "run": "r", "model": "small", "upload": {}}, "an upload has the fields"),
        ({"task": "promote", "run": "r"}, "needs address, as text"),
        ({"task": "tell", "run": "r"}, "needs outcome, as text"),
    ],
)
def test_a_task_that_says_too_little_is_refused(world, task, message):
    with pytest.raises(DataError, match=message):
        tasks.run(world.deployment, task)


@pytest.mark.parametrize("absent", ["work", "incoming"])
def test_tasks_need_somewhere_for_uploads_and_for_work(absent):
    settings = Settings(**{"work": "memory://", "incoming": "memory://", absent: ""})
    with pytest.raises(SettingsError, match=f"FIRESTEEL_{absent.upper()} is not set"):
        Deployment.open(settings, lambda _: SMALL)


def test_a_damaged_version_is_passed_over(world, pretended):
    world.execute("one", put(world, 0))
    world.execute("two", put(world, 1))
    world.registry._objects["models/small/v1.1.0/model_metadata.json"] = b"{}"
    assert [one.manifest.version for one in published.newest_first(world.registry, "small")] == ["1.0.0"]
    assert published.newest_first(MemoryStore(), "small") is not None
    assert not list(published.newest_first(MemoryStore(), "small"))
