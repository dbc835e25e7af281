"""Calls AWS APIs by boto3: reads one call a line, [service, operation, arguments], and answers each
with a line of JSON. Endpoint, region and credentials come from the environment."""

import functools
import json
import sys

import boto3

client = functools.cache(boto3.client)

for line in sys.stdin:
    service, operation, arguments = json.loads(line)
    answer = getattr(client(service), operation)(**arguments)
    print(json.dumps(answer, default=str), flush=True)
