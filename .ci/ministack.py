"""Starts ministack, an AWS stand-in, with one change: `put-events` takes sources such as
aws.autoscaling, which AWS (and so ministack) refuses from anybody but its own services.

The tests speak for Auto Scaling here. The function that is changed is private to ministack, hence
the pinned version and the check."""

import functools
import inspect
import sys

del sys.path[0]  # this folder, where "ministack" would be this file

from ministack.services import eventbridge  # noqa: E402: not before the line above

put_events = getattr(eventbridge, "_put_events", None)
if put_events is None or "allow_aws_source" not in inspect.signature(put_events).parameters:
    sys.exit(
        "ministack no longer has eventbridge._put_events(data, allow_aws_source): use the version of "
        ".ci/requirements-ministack.txt, or teach .ci/ministack.py how this one takes aws.* events."
    )
eventbridge._put_events = functools.partial(put_events, allow_aws_source=True)

from ministack.app import main  # noqa: E402: not before the change

main()
