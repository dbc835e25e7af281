"""The same work as a Python Lambda would do it, for make bench: list the CNI's available interfaces,
read their owners' states, delete what a terminated instance left. Speaks the Lambda runtime API itself,
as the function's binary does, so that the two differ in language and SDK only."""

import json
import os
import urllib.request

import boto3
from botocore.config import Config

PREFIX = "aws-K8S-"
API = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation/"
DRY_RUN = os.environ["DRY_RUN"] == "true"
retries = Config(retries={"mode": "standard"})
ec2 = boto3.client("ec2", config=retries)
autoscaling = boto3.client("autoscaling", config=retries)


def filters(**named):
    return [{"Name": name.replace("_", "-"), "Values": values} for name, values in named.items()]


def handle(event):
    pages = ec2.get_paginator("describe_network_interfaces").paginate(
        Filters=filters(status=["available"], description=[PREFIX + "i-*"]), PaginationConfig={"PageSize": 1000})
    found = [interface for page in pages for interface in page["NetworkInterfaces"]]
    owners = sorted({interface["Description"].removeprefix(PREFIX) for interface in found})
    dead = set()
    for start in range(0, len(owners), 200):
        for page in ec2.get_paginator("describe_instances").paginate(Filters=filters(instance_id=owners[start:start + 200])):
            dead |= {instance["InstanceId"] for reservation in page["Reservations"]
                     for instance in reservation["Instances"] if instance["State"]["Name"] == "terminated"}
    leaked = [interface for interface in found if interface["Description"].removeprefix(PREFIX) in dead]
    if not DRY_RUN:
        for interface in leaked[:60]:
            ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"])
    return {"found": len(found), "released": len(leaked)}


while True:
    with urllib.request.urlopen(API + "next") as invocation:
        request, event = invocation.headers["Lambda-Runtime-Aws-Request-Id"], json.load(invocation)
    answer = json.dumps(handle(event)).encode()
    urllib.request.urlopen(urllib.request.Request(API + request + "/response", data=answer)).close()
