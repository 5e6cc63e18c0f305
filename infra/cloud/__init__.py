"""The whole stack on this machine, without an account: what template.yaml says, run by what is built from it.

moto's server stands for S3, EventBridge, SQS, SNS and Step Functions, whose interpreter executes the state machines; the
built functions run in Lambda's runtime emulator, and an API Gateway of our own gives them real REST events.
"""
