"""What queries make of lines."""

import json
import math
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.insights.evaluate import Plan
from cli.insights.expressions import Row
from cli.insights.parser import parse

EVENTS = [
    {"n": 1, "name": "b", "flag": True, "in": {"a": 1, "list": [{"x": 7}]}, "a.b": 5},
    {"n": "2", "name": "a", "flag": False, "in": {"a": None}},
    {"n": 3.5, "name": "B"},
    {"name": "c10", "n": "x"},
]


def rows_of(events):
    return [Row(dict(event), json.dumps(event), 1000 * index, "file") for index, event in enumerate(events)]


def ask(query, events=EVENTS):
    """The rows of the result; of one column, its values."""
    result = Plan(parse(query)).run(rows_of(events))
    return [row[0] for row in result.rows] if len(result.columns) == 1 else result.rows


def value(expression, event):
    [found] = ask(f"fields {expression} as it", [event])
    return found


def kept(condition):
    return ask(f"filter {condition} | fields name | sort @timestamp asc")


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ('name = "b"', ["b"]),
        ('name = "B"', ["B"]),
        ("n = 2", ["a"]),
        ('n = "2"', ["a"]),
        ('n = "2.0"', ["a"]),
        ("n > 1", ["a", "B"]),
        ("n < 'y'", ["c10"]),
        ("n >= 1 and n < 3.5", ["b", "a"]),
        ("flag = 1", ["b"]),
        ("flag", ["b"]),
        ("flag = 0", ["a"]),
        ("in.a = 1", ["b"]),
        ("in.list.0.x = 7", ["b"]),
        ("in.list.1.x = 7", []),
        ("a.b = 5", ["b"]),
        ("ispresent(in.a)", ["b"]),
        ("ispresent(in)", []),
        ("not ispresent(flag)", ["B", "c10"]),
        ("nothing = 1 or nothing < 1 or nothing > 1", []),
        ("flag != 1", ["a", "B", "c10"]),
        ('name in ["a", "b"]', ["b", "a"]),
        ('name not in ["a", "b"]', ["B", "c10"]),
        ("n in [1, 2]", ["b", "a"]),
        ("name like /^[a-z]$/", ["b", "a"]),
        ("name like /(?i)^b/", ["b", "B"]),
        ("name =~ /^(?i)B$/", ["b", "B"]),
        ('name like "1"', ["c10"]),
        ('name like "."', []),
        ('name not like "1"', ["b", "a", "B"]),
        ('strcontains(name, "c1")', ["c10"]),
        ("not n = 1 and not n = 2", ["B", "c10"]),
        ("n = 1 or n = 2 and name = 'x'", ["b"]),
        ('@message like "c10"', ["c10"]),
        ("toMillis(@timestamp) >= 2000", ["B", "c10"]),
    ],
)
def test_a_filter_keeps(condition, names):
    assert kept(condition) == names


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 + 2 * 3 ^ 2", 19),
        ("(1 + 2) * -3", -9),
        ("7 % 3 + 1 / 4", 1.25),
        ("n - 1", 3),
        ("text + 1", None),
        ("nothing + 1", None),
        ("n / 0", None),
        ("sqrt(0 - 1)", None),
        ("coalesce(nothing, n)", "4"),
        ("floor(n / 3) + ceil(n / 3)", 3),
        ("greatest(n, 9, nothing)", 9),
        ("least(n, 9, nothing)", 4),
        ("concat(text, '-', n, nothing)", "A b -4"),
        ("toupper(text)", "A B "),
        ("strlen(trim(text))", 3),
        ("substr(text, 2, 1)", "b"),
        ("replace(text, ' ', '')", "Ab"),
        ("isempty(nothing) + isblank(' ')", 2),
        ("n > 3", 1),
        ("flag", 1),
        ("list", None),
    ],
)
def test_an_expression_is(expression, expected):
    assert value(expression, {"n": "4", "text": "A b ", "flag": True, "list": [1]}) == expected


def test_fields_become_columns_in_their_order_unless_display_chooses():
    query = "fields name, n as number | fields number + 1 as more"
    assert Plan(parse(query)).run(rows_of(EVENTS[:1])) == (("name", "number", "more"), [("b", 1, 2)])
    assert Plan(parse(f"{query} | display more, n")).run(rows_of(EVENTS[:1])) == (("more", "n"), [(2, 1)])


def test_without_fields_there_are_the_time_and_the_line():
    result = Plan(parse("limit 1")).run(rows_of(EVENTS))
    assert result.columns == ("@timestamp", "@message")
    assert [str(cell) for cell in result.rows[0]] == ["1970-01-01 00:00:03.000", json.dumps(EVENTS[3])]


def test_the_newest_lines_come_first_where_nothing_else_is_said():
    assert ask("fields name") == ["c10", "B", "a", "b"]
    assert ask("fields name | limit 2") == ["c10", "B"]
    assert ask("fields name | sort name asc | limit 2") == ["B", "a"]


def test_ascending_order_is_missing_then_natural_then_numbers():
    words = ["2", "10", "1", "!", "#", "*%04", "0#", "5A", "111A", "2345_", "@", "@_", "A", "A9876fghj", "a12345hfh"]
    events = [{"w": word} for word in [*words, None, 3, "01", 0.5]]
    expected = [None, "!", "#", "*%04", "0#", "5A", "111A", "2345_", "@", "@_", "A", "A9876fghj", "a12345hfh"]
    ordered = ask("fields w | sort w asc", events)
    assert ordered[: len(expected)] == expected
    assert [float(word) for word in ordered[len(expected) :]] == [0.5, 1, 1, 2, 3, 10]
    backward = ask("fields w | sort w desc", events)
    assert [float(word) for word in backward[:6]] == [10, 3, 2, 1, 1, 0.5]
    assert backward[6:] == expected[::-1]


def test_orders_by_several_fields_keep_what_is_equal_as_it_was():
    events = [{"a": a, "b": b, "c": c} for c, (a, b) in enumerate([(1, 2), (2, 1), (1, 1), (1, 2)])]
    assert ask("fields c | sort a desc, b asc", events) == [1, 2, 0, 3]


def test_groups_have_what_is_missing_as_one_of_their_values():
    rows = ask("stats count(*) as lines, sum(n) as total by flag | sort lines desc, flag asc")
    assert rows == [(None, 2, 3.5), (0, 1, 2), (1, 1, 1)]


def test_aggregates():
    events = [{"n": 5}, {"n": "15"}, {"n": "x"}, {}, {"n": 10.0}]
    measures = "count(*), count(n), count(), sum(n), avg(n), min(n), max(n), count_distinct(n), earliest(n), latest(n)"
    assert ask(f"stats {measures}", events) == [(5, 4, 5, 30, 10, "x", "15", 4, 5, 10)]


def test_measures_can_be_calculated_from_aggregates_and_from_each_other():
    assert ask("stats max(n) - min(n) as apart, 100 * apart / count(*) as share", [{"n": 1}, {"n": 5}]) == [(4, 200)]


def test_of_no_lines_there_is_one_row_without_groups_and_none_with():
    assert ask("stats count(*) as n, sum(x), avg(x), pct(x, 50), max(x)", []) == [(0, None, None, None, None)]
    assert ask("stats count(*) by x", []) == []


def test_lines_are_binned_by_their_time():
    rows = ask("stats count(*) as lines by bin(2s) as start | sort start asc")
    assert [(str(start), lines) for start, lines in rows] == [
        ("1970-01-01 00:00:00.000", 2),
        ("1970-01-01 00:00:02.000", 2),
    ]


def test_what_stats_made_can_be_filtered_and_aggregated_again():
    assert ask("stats count(*) as lines by flag | filter lines > 1 | fields lines * 10 as more | display more") == [20]
    assert ask("stats count(*) as lines by flag | stats max(lines) as most") == [2]


def test_duplicates_are_dropped_and_what_is_missing_is_none():
    assert ask("fields flag, name | sort name asc | dedup flag") == [(None, "B"), (0, "a"), (1, "b"), (None, "c10")]
    assert ask("fields x | dedup x | limit 5", [{"x": 1}, {"x": 2}, {"x": "1"}]) == ["1", 2]


def test_parse_takes_fields_out_of_text():
    events = [{"m": "user=ada, method:PUT, took 12 ms"}, {"m": "nothing"}]
    taken = ask(
        'parse m "user=*, method:*, took * ms" as who, how, ms | fields who, how, ms | sort @timestamp asc', events
    )
    assert taken == [("ada", "PUT", "12"), (None, None, None)]
    assert ask("parse m /took (?<ms>\\d+)/ | stats sum(ms) as sum", events) == [12]
    assert ask("parse m /user=(\\w+)/ as who | filter ispresent(who) | fields who", events) == ["ada"]


def test_a_result_has_at_most_ten_thousand_rows():
    events = [{"n": number} for number in range(10_050)]
    assert len(ask("fields n", events)) == 10_000
    assert ask("fields n | sort n desc | limit 3", events) == [10_049, 10_048, 10_047]
    assert len(ask("stats count(*) as c by n", events)) == 10_000


@pytest.mark.parametrize(
    "query",
    [
        "filter n > 5 | fields n, pad | sort n desc | limit 10",
        "filter n > 5 | fields n | limit 10",
        "stats count(*) as lines, sum(n) as total, max(pad) as most by kind",
    ],
)
def test_memory_does_not_grow_with_the_number_of_lines(query):
    def peak(count):
        lines = (Row({"n": number, "kind": number % 7, "pad": f"{number:0500}"}) for number in range(count))
        tracemalloc.start()
        Plan(parse(query)).run(lines)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(100)  # the grammar is read once
    assert peak(20_000) < 1.2 * peak(2_000) + 10_000


@given(st.lists(st.floats(-1e6, 1e6) | st.integers(-100, 100), min_size=1), st.floats(0.1, 100))
def test_a_percentile_is_the_least_number_that_so_many_do_not_exceed(numbers, percent):
    [(found, lines)] = ask(
        f"stats pct(n, {percent:.9f}) as p, count(*) as lines", [{"n": number} for number in numbers]
    )
    percent = float(f"{percent:.9f}")
    assert lines == len(numbers)
    assert found in numbers
    needed = math.ceil(len(numbers) * percent / 100)
    assert sum(number <= found for number in numbers) >= needed
    assert sum(number < found for number in numbers) < needed


@given(st.lists(st.tuples(st.sampled_from(["x", "y", None]), st.integers(-50, 50)), max_size=40))
def test_groups_are_those_of_plain_python(pairs):
    events = [{"key": key, "n": number} for key, number in pairs]
    found = {row[0]: row[1:] for row in ask("stats count(*) as lines, sum(n) as s, max(n) as m by key", events)}
    keys = {key for key, _ in pairs}
    values = {key: [number for one, number in pairs if one == key] for key in keys}
    assert found == {key: (len(of), sum(of), max(of)) for key, of in values.items()}


@given(st.lists(st.one_of(st.none(), st.integers(), st.text(max_size=5)), max_size=30), st.integers(1, 10))
def test_a_limit_after_sort_is_the_beginning_of_the_whole_order(values, count):
    events = [{"v": value} for value in values]
    assert ask(f"fields v | sort v desc | limit {count}", events) == ask("fields v | sort v desc", events)[:count]
