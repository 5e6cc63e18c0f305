"""Queries on CloudWatch Logs Insights: start, wait, read."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cli.aws import AwsError, explained
from cli.insights.evaluate import MOST_ROWS, Result
from cli.insights.values import Value, number
from cli.output import errors

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient
    from types_boto3_logs.type_defs import GetQueryResultsResponseTypeDef

_EVERY = 0.5  # seconds between two looks


def ask(text: str, groups: Sequence[str], *, seconds: int, timeout: float) -> Result:
    """The result of a query over the last `seconds` of log groups, waited for `timeout` seconds at most.

    Raises AwsError.
    """
    import boto3
    from botocore.exceptions import ClientError

    now = int(time.time())
    with explained("CloudWatch Logs"):
        try:
            client = boto3.client("logs")
            started = client.start_query(
                logGroupNames=list(groups), startTime=now - seconds, endTime=now, queryString=text, limit=MOST_ROWS
            )
            return _table(_waited(client, started["queryId"], timeout))
        except ClientError as error:
            raise AwsError(_refusal(error, groups)) from None


def _waited(client: "CloudWatchLogsClient", query: str, timeout: float) -> "GetQueryResultsResponseTypeDef":
    deadline = time.monotonic() + timeout
    with errors.status("asking CloudWatch Logs") as status:
        while True:
            answer = client.get_query_results(queryId=query)
            if answer["status"] == "Complete":
                return answer
            if answer["status"] not in ("Scheduled", "Running"):
                raise AwsError(f"the query ended as {answer['status']}; nothing is known of its result")
            scanned = answer.get("statistics", {}).get("recordsScanned", 0)
            status.update(f"asking CloudWatch Logs: {scanned:,.0f} lines scanned")
            if time.monotonic() > deadline:
                client.stop_query(queryId=query)
                raise AwsError(
                    f"no result after {timeout:g} seconds, {scanned:,.0f} lines were scanned: "
                    "ask for less with --since, or wait longer with --timeout"
                )
            time.sleep(_EVERY)


def _table(answer: "GetQueryResultsResponseTypeDef") -> Result:
    """AWS gives strings; what is a number is made one, as in results from files."""
    rows = [
        {cell["field"]: cell.get("value") for cell in row if "field" in cell and cell["field"] != "@ptr"}
        for row in answer["results"]
    ]
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    return Result(columns, [tuple(_typed(row.get(name)) for name in columns) for row in rows])


def _typed(value: str | None) -> Value:
    amount = number(value)
    return value if amount is None else amount


def _refusal(error: Exception, groups: Sequence[str]) -> str:
    stated = getattr(error, "response", {}).get("Error", {})
    code, message = stated.get("Code", ""), stated.get("Message") or str(error)
    match code:
        case "ResourceNotFoundException":
            return f"one of the log groups does not exist: {', '.join(groups)}; set FIRESTEEL_LOG_GROUPS ({message})"
        case "AccessDeniedException" | "UnrecognizedClientException" | "ExpiredTokenException":
            return f"AWS refused: {message}; logs:StartQuery and logs:GetQueryResults are needed on the log groups"
        case "MalformedQueryException":
            return f"AWS does not understand the query: {message}"
        case "LimitExceededException":
            return f"too many queries run at the same time: {message}; try again in a moment"
    return f"CloudWatch Logs refused the query: {code}: {message}"
