"""The script that many accounts run from cron: delete every interface that is available and described as a CNI's."""

import boto3
from botocore.exceptions import ClientError

ec2 = boto3.client("ec2")
pages = ec2.get_paginator("describe_network_interfaces").paginate(Filters=[
    {"Name": "status", "Values": ["available"]},
    {"Name": "description", "Values": ["aws-K8S-i-*"]},
])
for page in pages:
    for interface in page["NetworkInterfaces"]:
        try:
            ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"])
        except ClientError as error:
            print(interface["NetworkInterfaceId"], error)
