"""What an Application Load Balancer takes for an answer. Imported when one asks.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any


def shaped(answer: Mapping[str, Any], event: Mapping[str, Any]) -> dict[str, Any]:
    """An answer with its status in words; with headers as lists, where the target group sends them so."""
    status, headers = answer["statusCode"], answer["headers"]
    several = {name: [value] for name, value in headers.items()}
    told = {"multiValueHeaders": several} if "multiValueHeaders" in event else {"headers": headers}
    kept = {name: value for name, value in answer.items() if name != "headers"}
    return {**kept, **told, "statusDescription": f"{status} {HTTPStatus(status).phrase}"}
