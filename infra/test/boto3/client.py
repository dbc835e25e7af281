"""Calls AWS APIs by boto3: reads one call a line, [service, operation, arguments], and answers each
with a line of JSON, [answer, null] or [null, {"code": ..., "message": ...}]. Endpoint, region and
credentials come from the environment."""

import functools
import json
import sys

import boto3
from botocore.exceptions import BotoCoreError, ClientError

client = functools.cache(boto3.client)


def answer(service, operation, arguments):
    try:
        found = getattr(client(service), operation)(**arguments)
    except ClientError as error:
        return [None, {"code": error.response["Error"]["Code"], "message": error.response["Error"].get("Message", "")}]
    except BotoCoreError as error:
        return [None, {"code": type(error).__name__, "message": str(error)}]
    if hasattr(found.get("Payload"), "read"):  # of lambda invoke
        found["Payload"] = found["Payload"].read().decode()
    return [found, None]


for line in sys.stdin:
    print(json.dumps(answer(*json.loads(line)), default=str), flush=True)
