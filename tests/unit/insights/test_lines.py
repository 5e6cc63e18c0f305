"""Files as rows."""

import gzip
import json
from io import BytesIO, TextIOWrapper

import pytest

from cli.insights.lines import Lines
from tests.unit.insights import recorded


def read(path, **options):
    lines = Lines([str(path)], **options)
    return list(lines), lines


def test_what_is_no_json_object_is_skipped_and_counted(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b'{"a": 1}\n\nplain text\n[1]\n{"broken": \n"x"\n\xff\xfe\n  {"a": 2}  \n' + b'{"x":' * 5000)
    rows, lines = read(path)
    assert [row.event for row in rows] == [{"a": 1}, {"a": 2}]
    assert (lines.read, lines.skipped) == (9, 6)


def test_the_time_of_a_line_is_the_one_it_states_or_that_of_the_line_before(tmp_path):
    path = tmp_path / "log"
    events = [
        {"no": "time"},
        {"timestamp": "2026-11-21T15:00:00.250+00:00"},
        {"time": "2026-11-21T15:00:01.500Z", "type": "platform.report"},
        {"_aws": {"Timestamp": 1795273203000}},
        {"no": "time"},
        {"timestamp": "yesterday", "requestTimeEpoch": "1795273204000"},
        {"timestamp": "2026-11-21T15:00:05"},
        {"timestamp": "21/Nov/2026:16:00:06 +0100", "message": "access"},
    ]
    path.write_text("\n".join(map(json.dumps, events)))
    start = 1795273200000
    rows, _ = read(path)
    assert [row.time for row in rows] == [None, *[start + ms for ms in (250, 1500, 3000, 3000, 4000, 5000, 6000)]]
    younger, _ = read(path, since=start + 3000)
    assert [row.time for row in younger] == [start + ms for ms in (3000, 3000, 4000, 5000, 6000)]


def test_reports_in_text_are_read_as_the_json_format_has_them(tmp_path):
    path = tmp_path / "log"
    aws = (
        "REPORT RequestId: r-1\tDuration: 1.5 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 60 MB\t"
        "Init Duration: 99.5 ms\t\nXRAY TraceId: 1-2\tSegmentId: 3\tSampled: true"
    )
    path.write_text("\n".join([aws, *recorded.EMULATOR]))
    rows, lines = read(path)
    assert [row.event["type"] for row in rows] == ["platform.report", "platform.initReport", "platform.report"]
    assert rows[0].event["record"]["requestId"] == "r-1"
    billed = {"durationMs": 1.5, "billedDurationMs": 2, "memorySizeMB": 128, "maxMemoryUsedMB": 60}
    assert rows[0].event["record"]["metrics"] == billed | {"initDurationMs": 99.5}
    assert rows[2].event["record"]["metrics"].keys() == billed.keys()
    assert lines.skipped == 4


def test_files_are_read_one_after_the_other_also_compressed_and_from_standard_input(tmp_path, monkeypatch):
    packed = tmp_path / "log.gz"
    packed.write_bytes(gzip.compress(b'{"a": 1}\n'))
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(b'{"a": 2}\n')))
    rows = list(Lines([str(packed), "-"]))
    assert [(row.event["a"], row.log) for row in rows] == [(1, str(packed)), (2, "-")]


def test_a_file_that_is_not_there_is_an_error_that_names_it(tmp_path):
    with pytest.raises(OSError, match="nothing"):
        list(Lines([str(tmp_path / "nothing")]))


def test_lines_are_let_go_of_while_a_file_is_read(tmp_path):
    """Reading stops with the one who asks: nothing reads ahead."""
    path = tmp_path / "log"
    path.write_text('{"a": 1}\n' * 100_000)
    lines = Lines([str(path)])
    next(iter(lines))
    assert lines.read == 1
