"""AWS as commands see it: clients of its services, and what it refuses as one error that says what was asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from firesteel.errors import FiresteelError

if TYPE_CHECKING:  # boto3 costs a third of a second that `--help` need not wait for
    from types_boto3_stepfunctions import SFNClient


class AwsError(FiresteelError):
    """AWS could not be reached, refused, or ended what it was asked for as failed. The message says which."""


@contextmanager
def explained(what: str) -> Iterator[None]:
    """What AWS or the network refuses while `what` is asked becomes an AwsError."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        told = error.response.get("Error", {})
        raise AwsError(f"{what}: {told.get('Code')}: {told.get('Message') or error}") from error
    except BotoCoreError as error:
        raise AwsError(
            f"{what} cannot be asked: {str(error).rstrip('.')}; look at the credentials and the region"
        ) from None


def step_functions(machine: str) -> "SFNClient":
    """A client in the region of a state machine, whose ARN names it."""
    import boto3

    client: SFNClient = boto3.client("stepfunctions", region_name=machine.split(":")[3])
    return client
