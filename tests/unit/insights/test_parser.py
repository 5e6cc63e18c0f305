"""The form of queries, and what is said of one that has another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.insights.evaluate import Plan
from cli.insights.parser import parse
from cli.insights.syntax import QueryError

PIECES = [
    *("fields", "filter", "stats", "sort", "limit", "display", "dedup", "parse", "by", "as", "and", "or", "not", "in"),
    *(
        "like",
        "asc",
        "desc",
        "|",
        ",",
        "(",
        ")",
        "[",
        "]",
        "=",
        "!=",
        "<",
        "=~",
        "+",
        "-",
        "*",
        "/",
        "^",
        "%",
        "5m",
        "1",
    ),
    *(
        "0.5",
        "a",
        "b.c",
        "@timestamp",
        "`x y`",
        '"text"',
        "'x'",
        "/re.*/",
        "count",
        "pct",
        "bin",
        "avg",
        "# note\n",
        "\n",
    ),
]


def problem(query):
    with pytest.raises(QueryError) as caught:
        Plan(parse(query))
    return str(caught.value)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "line 1, column 1: the query ends too early"),
        ("filter x =", "line 1, column 11: the query ends too early"),
        ("fields a,, b", "line 1, column 10: `,` is not expected here"),
        ("filter a == 2", "line 1, column 11: `=` is not expected here"),
        ("filter x = 1 limit 3", "line 1, column 14: `limit` is not expected here"),
        ("# first\nfields a\n| patterns @message", "line 3, column 3: `patterns` is no command"),
        ("fields a | | sort b", "line 1, column 12: `|` is no command"),
        ("limit 0", "line 1, column 1: `limit` takes a whole number from 1 to 10000"),
        ("limit 2.5", "`limit` takes a whole number"),
        ("filter a like /(/", "line 1, column 15: /(/ is no regular expression"),
        ("filter a like b", "line 1, column 15: `b` is not expected here"),
        ("dedup a | sort b", "line 1, column 1: only `limit` may follow `dedup`"),
        ('parse @message "a * b *" as x', "the pattern has 2 * and 1 names"),
        ("parse @message /(a)(b)/ as x", "the pattern's groups must be"),
        (
            "fields\n  strlength(a)",
            "line 2, column 3: strlength is no function that is evaluated here; did you mean strlen?",
        ),
        ("fields abs(a, b)", "line 1, column 8: abs takes 1 arguments, not 2"),
        ("fields sum(a)", "line 1, column 8: sum is for `stats` alone"),
        ("stats sum(max(a))", "line 1, column 11: max is for `stats` alone"),
        ("stats sum(*)", "line 1, column 7: only count takes `*`"),
        ("stats pct(a)", "pct takes 2 arguments, not 1"),
        ("stats pct(a, 101)", "must be a number from 0 to 100"),
        ("stats pct(a, b)", "must be a number from 0 to 100"),
        ("stats count(*) + a", "line 1, column 18: after `stats` there is no `a`"),
        (
            "stats count(*) as n by b | filter c = 1",
            "line 1, column 35: after `stats` there is no `c`; there are: b, n",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(query, said):
    assert said in problem(query)


def test_keywords_and_functions_have_no_case():
    parse("FIELDS a AS b | Filter IsPresent(b) AND b LIKE 'x' | SORT b DESC | LIMIT 3")
    parse("Stats COUNT(*) BY Bin(5m)")


def test_words_of_the_language_can_be_fields_where_nothing_else_can_stand():
    assert parse("fields limit, sort, count") == parse("fields `limit`, `sort`, `count`")


def test_comments_and_line_breaks_mean_nothing():
    assert parse("# what\nfields a # why\n  | limit 3 # how many") == parse("fields a|limit 3")
    assert parse("filter a = '# no comment'") != parse("filter a = ''")


@given(st.lists(st.sampled_from(PIECES), max_size=14).map(" ".join) | st.text(max_size=40))
def test_any_text_is_a_query_or_has_a_place_where_it_is_none(text):
    try:
        Plan(parse(text))
    except QueryError as error:
        line, column = str(error).split(":")[0].removeprefix("line ").split(", column ")
        assert 1 <= int(line) <= text.count("\n") + 1
        assert 1 <= int(column) <= len(text) + 1
