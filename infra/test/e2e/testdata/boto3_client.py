"""Reads a simulated region with boto3, page by page, and prints what it saw as JSON.

Usage: boto3_client.py ENDPOINT SUBNET ATTACHED_ENI AVAILABLE_ENI
"""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint, subnet, attached, available = sys.argv[1:]
session = boto3.Session("AKIABOTO3", "secret", region_name="eu-west-1")
config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
ec2 = session.client("ec2", endpoint_url=endpoint, config=config)
autoscaling = session.client("autoscaling", endpoint_url=endpoint, config=config)


def pages(client, operation, key, **arguments):
    return [page[key] for page in client.get_paginator(operation).paginate(**arguments)]


def error(call, **arguments):
    try:
        call(**arguments)
        return "none"
    except ClientError as refused:
        return refused.response["Error"]["Code"]


def values(count):
    return [{"Name": "network-interface-id", "Values": [f"eni-{n:017x}" for n in range(count)]}]


cni = [
    {"Name": "status", "Values": ["available"]},
    {"Name": "description", "Values": ["aws-K8S-i-*"]},
]
size = {"PaginationConfig": {"PageSize": 100}}
interfaces = pages(ec2, "describe_network_interfaces", "NetworkInterfaces", Filters=cni, **size)
instances = pages(ec2, "describe_instances", "Reservations", **size)
groups = pages(autoscaling, "describe_auto_scaling_groups", "AutoScalingGroups", AutoScalingGroupNames=["asg"])
first = ec2.describe_network_interfaces(NetworkInterfaceIds=[available])["NetworkInterfaces"][0]

json.dump(
    {
        "pages": [len(page) for page in interfaces],
        "ids": sorted(i["NetworkInterfaceId"] for page in interfaces for i in page),
        "states": {i["InstanceId"]: i["State"]["Name"] for page in instances for r in page for i in r["Instances"]},
        "zones": [group["VPCZoneIdentifier"] for page in groups for group in page],
        "free": ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["AvailableIpAddressCount"],
        "addresses": len(first["PrivateIpAddresses"]),
        "tags": {tag["Key"]: tag["Value"] for tag in first["TagSet"]},
        "errors": {
            "201 filter values": error(ec2.describe_network_interfaces, Filters=values(201)),
            "200 filter values": error(ec2.describe_network_interfaces, Filters=values(200)),
            "page of 4": error(ec2.describe_network_interfaces, MaxResults=4),
            "page with ids": error(ec2.describe_network_interfaces, MaxResults=5, NetworkInterfaceIds=[available]),
            "unknown instance": error(ec2.describe_instances, InstanceIds=["i-0123456789abcdef0"]),
            "delete attached": error(ec2.delete_network_interface, NetworkInterfaceId=attached),
            "delete dry": error(ec2.delete_network_interface, NetworkInterfaceId=available, DryRun=True),
            "delete": error(ec2.delete_network_interface, NetworkInterfaceId=available),
            "delete again": error(ec2.delete_network_interface, NetworkInterfaceId=available),
            "no such action": error(ec2.describe_key_pairs),
        },
    },
    sys.stdout,
)
