"""A run's results: never of two runs, never of half a part, and the manifest only over all."""

import hashlib
import json

import pytest

from firesteel.errors import ConflictError, IntegrityError, StoreError
from firesteel.registry.store import MemoryStore
from functions.classify.scoring import run
from functions.classify.scoring.layout import Layout, Start
from functions.classify.scoring.part import Scored
from functions.classify.scoring.results import Results
from functions.classify.scoring.run import Bundle, Input, Run

RUN = Run(
    (Bundle("tickets", "1.0.0", "a" * 64),),
    Input("rows.csv", 100, "b" * 64),
    Layout("csv", ",", ("title",)),
    Start(6, 2),
    "jsonl",
    explained=False,
    part_rows=10,
    begun="2026-11-01T00:00:00Z",
)
OTHERS = {
    "it has another": [
        RUN._replace(answers="csv"),
        RUN._replace(explained=True),
        RUN._replace(part_rows=11),
        RUN._replace(layout=Layout("csv", ";", ("title",))),
    ],
    "its rows are those of": [
        RUN._replace(input=Input("rows.csv", 100, "c" * 64)),
        RUN._replace(input=Input("rows.csv", 99, "b" * 64)),
    ],
    "its rows are answered by tickets 1.0.0": [
        RUN._replace(bundles=(Bundle("tickets", "1.0.0", "d" * 64),)),
        RUN._replace(bundles=(Bundle("tickets", "1.1.0", "a" * 64),)),
    ],
}
SCORED = Scored(3, 1, b'{"line":1}\n', b'{"line":2}\n')


def test_a_run_is_read_back_as_it_was_claimed():
    store = MemoryStore()
    assert run.claim(store, "x/", RUN) == run.read(store, "x/") == RUN


def test_a_run_that_is_gone_on_with_keeps_the_time_at_which_it_began():
    store = MemoryStore()
    run.claim(store, "", RUN)
    later = RUN._replace(begun="2026-12-01T00:00:00Z", input=RUN.input._replace(name="copy.csv"))
    assert run.claim(store, "", later) == RUN


@pytest.mark.parametrize(("why", "other"), [(why, other) for why, others in OTHERS.items() for other in others])
def test_a_folder_takes_no_second_run_and_says_what_differs(why, other):
    store = MemoryStore()
    run.claim(store, "x/", RUN)
    with pytest.raises(ConflictError, match=f"x/ holds another run: {why}"):
        run.claim(store, "x/", other)
    assert other.identity != RUN.identity


def test_a_damaged_run_is_no_run():
    store = MemoryStore()
    store.create("run.json", b'{"format":1}')
    with pytest.raises(IntegrityError, match=r"run\.json is not what its format says"):
        run.claim(store, "", RUN)


def test_a_part_is_done_once_its_record_is_there():
    results = Results(MemoryStore(), "x/")
    assert results.done(0) is None
    done = results.write(RUN, 0, (6, 50, 2), SCORED, 0.5)
    assert results.done(0) == done
    assert (done.rows, done.failed, done.answers["name"]) == (3, 1, "part-00000.jsonl")
    assert results.store.get("x/failed-00000.jsonl", limit=100) == SCORED.refused


def test_a_part_without_failed_rows_has_no_file_of_them():
    results = Results(MemoryStore())
    assert results.write(RUN, 0, (6, 50, 2), SCORED._replace(failed=0, refused=b""), 0.5).refused is None
    assert results.store.keys("parts/") == ["parts/00000.json"]


def test_a_rival_that_wrote_the_same_part_is_agreed_with_and_another_answer_is_not():
    results = Results(MemoryStore())
    first = results.write(RUN, 0, (6, 50, 2), SCORED, 0.5)
    assert results.write(RUN, 0, (6, 50, 2), SCORED, 9.9) == first
    with pytest.raises(ConflictError):
        results.write(RUN, 0, (6, 50, 2), SCORED._replace(answers=b"x"), 0.5)


@pytest.mark.parametrize("lost", ["part-00000.jsonl", "failed-00000.jsonl", "parts/00000.json"])
def test_a_part_whose_writing_was_cut_off_is_written_again(lost):
    class Cut(MemoryStore):
        def create(self, key, data):
            if key == lost:
                raise StoreError("cut off")
            super().create(key, data)

    store = Cut()
    with pytest.raises(StoreError):
        Results(store).write(RUN, 0, (6, 50, 2), SCORED, 0.5)
    assert Results(store).done(0) is None
    whole = MemoryStore()
    whole._objects = store._objects
    assert Results(whole).write(RUN, 0, (6, 50, 2), SCORED, 0.5).rows == 3


def held(lost=None, altered=None):
    """Results of a part that was done; since then a file was lost, or some have other bytes."""
    results = Results(MemoryStore(), "x/")
    results.write(RUN, 0, (6, 50, 2), SCORED, 0.5)
    results.store._objects |= {f"x/{name}": data for name, data in (altered or {}).items()}
    results.store._objects.pop(f"x/{lost}", None)
    return results


@pytest.mark.parametrize("lost", ["part-00000.jsonl", "failed-00000.jsonl"])
def test_a_part_whose_file_is_gone_is_answered_again_and_its_record_stays(lost):
    results = held(lost)
    assert results.done(0) is None
    assert results.write(RUN, 0, (6, 50, 2), SCORED, 9.9).seconds == 0.5
    assert results.done(0).answers["sha256"] == hashlib.sha256(SCORED.answers).hexdigest()


@pytest.mark.parametrize("data", [b'{"line":9}\n', b"", SCORED.answers * 2])
@pytest.mark.parametrize("name", ["part-00000", "failed-00000"])
def test_a_part_whose_file_was_altered_is_named_with_what_to_do(name, data):
    with pytest.raises(
        IntegrityError, match=rf"x/{name}\.jsonl is not what was answered: .*; delete it, and run again"
    ):
        held(altered={f"{name}.jsonl": data}).done(0)


@pytest.mark.parametrize("data", [b"", b"{", b'{"format":1}'])
def test_a_record_that_cannot_be_read_is_named_with_what_to_do(data):
    with pytest.raises(IntegrityError, match=r"x/parts/00000\.json .*; delete that file, and run again"):
        held(altered={"parts/00000.json": data}).done(0)


def test_a_record_whose_files_are_none_is_refused():
    results = held()
    value = json.loads(results.store.get("x/parts/00000.json", limit=10_000)) | {"answers": {}}
    with pytest.raises(IntegrityError, match=r"x/parts/00000\.json names no files"):
        held(altered={"parts/00000.json": json.dumps(value).encode()}).done(0)


@pytest.mark.parametrize("data", [b"{", b"[1]", b'{"rows":3}'])
def test_a_manifest_that_says_another_thing_than_the_parts_is_refused(data):
    results = held()
    results.store.create("x/manifest.json", data)
    with pytest.raises(IntegrityError, match=r"x/manifest\.json does not say .*; delete it, and run again"):
        results.manifest(RUN, range(1))


def test_the_rows_that_were_set_aside_are_told_with_their_lines():
    results = Results(MemoryStore())
    refused = b'{"line":2,"problems":[{"field":"title","kind":"missing","message":"is required"}]}\n'
    done = results.write(RUN, 0, (6, 50, 2), SCORED._replace(refused=refused), 0.5)
    assert [(line, str(why)) for line, why in results.refused(done.refused)] == [(2, "title is required")]


@pytest.mark.parametrize(
    "left", ["manifest.json", "part-00000.csv", "part-00000.jsonl", "failed-00000.jsonl", "parts/00007.json"]
)
def test_files_of_a_run_that_nothing_tells_of_are_leftovers(left):
    results = Results(MemoryStore(), "x/")
    assert results.leftover() is None
    results.store.create(f"x/{left}", b"some")
    assert results.leftover().removeprefix("x/") == left
    run.claim(results.store, "x/", RUN)
    assert results.leftover() is None


def test_the_manifest_adds_all_parts_up_and_is_written_once():
    results = Results(MemoryStore())
    for part in range(3):
        results.write(RUN, part, (part * 10, part * 10 + 10, part + 2), SCORED, 0.5)
    told = results.manifest(RUN, range(3))
    assert (told["rows"], told["answered"], told["failed"], told["seconds"]) == (9, 6, 3, 1.5)
    assert [one["line"] for one in told["parts"]] == [2, 3, 4]
    assert (told["model"], told["version"], told["input"]["sha256"]) == ("tickets", "1.0.0", "b" * 64)
    assert results.manifest(RUN, range(3)) == told == json.loads(results.store.get("manifest.json", limit=10_000))


def test_no_manifest_is_written_while_a_part_is_missing():
    results = Results(MemoryStore())
    results.write(RUN, 1, (0, 10, 2), SCORED, 0.5)
    with pytest.raises(IntegrityError, match="2 of 3 parts are not done: 0, 2; run it again"):
        results.manifest(RUN, range(3))
    assert "manifest.json" not in results.store._objects
