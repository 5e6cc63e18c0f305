"""The floor: a function that imports nothing and answers a constant."""

ANSWER = {
    "statusCode": 200,
    "headers": {"content-type": "application/json"},
    "body": '{"message":"hello world"}',
    "isBase64Encoded": False,
}


def handler(_event: object, _context: object) -> dict[str, object]:
    return ANSWER
