"""Calls AWS APIs by boto3: reads one call a line, [service, operation, arguments, query], and answers
each with a line of JSON, {"answer": ...} or {"error": {"code": ..., "message": ...}}. Arguments may
be null; the query is JMESPath, "" for the whole answer. Endpoint, region and credentials come from
the environment."""

import functools
import json
import signal
import sys

import boto3
import jmespath
from botocore.exceptions import ClientError

signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the caller, who has calls to make after it
client = functools.cache(boto3.client)


def call(service, operation, arguments):
    api = client(service)
    if api.can_paginate(operation):
        return api.get_paginator(operation).paginate(**arguments).build_full_result()
    return getattr(api, operation)(**arguments)


def reply(service, operation, arguments, query):
    try:
        answer = call(service, operation, arguments or {})
    except ClientError as error:
        return {"error": {"code": error.response["Error"]["Code"], "message": error.response["Error"].get("Message", "")}}
    except Exception as error:  # a later call, as to delete what was made, must still be possible
        return {"error": {"code": type(error).__name__, "message": str(error)}}
    if hasattr(answer.get("Payload"), "read"):  # of lambda invoke
        answer["Payload"] = answer["Payload"].read().decode()
    return {"answer": jmespath.search(query, answer) if query else answer}


for line in sys.stdin:
    print(json.dumps(reply(*json.loads(line)), default=str), flush=True)
