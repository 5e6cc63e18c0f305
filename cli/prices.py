"""AWS's public list prices in USD: us-east-1, first tier, without free tiers and discounts, as published in August 2025."""

AS_OF = "August 2025"
REGION = "us-east-1"
SAID = f"public list prices, {REGION}, as published in {AS_OF}"

GB_SECOND = {"x86_64": 0.0000166667, "arm64": 0.0000133334}
INVOCATION = 0.20e-6
TRANSITION = 25e-6
"""Of a standard execution of Step Functions."""
PUT, GET = 5e-6, 0.4e-6
"""A request to S3."""
GATEWAY_REQUEST = {"REST API": 3.50e-6, "HTTP API": 1.00e-6}
