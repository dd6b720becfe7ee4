"""Dead letters: how many there are, and the way back to where they came from.

Message by message, received, sent and then deleted: a crash in between leaves one twice, which
everything behind the queues bears. SQS's own move task can't do it for EventBridge's queue.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tools.site import QUEUE, Site

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

# EventBridge names the target that it could not reach in this attribute (EventBridge User Guide,
# "Using dead-letter queues to process undelivered events").
TARGET = "TARGET_ARN"
HANDLED_S = 60
_WAIT_S = 1
_BATCH = 10
_DEAD = "DeadLetterQueue"


def queues(site: Site) -> dict[str, str]:
    """Return the URLs of the dead-letter queues, by logical id."""
    every = site.of_type(QUEUE)
    return {name: url for name, url in every.items() if name.endswith(_DEAD)}


def count(site: Site, url: str) -> int:
    """Return about how many letters are in a queue."""
    name = "ApproximateNumberOfMessages"
    answer = site.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    return int(answer["Attributes"][name])


def move(site: Site, name: str, most: int) -> Iterator[bool]:
    """Send letters of a queue back; yield for each whether it had a way back.

    What has none is the minute's schedule, of which the next minute did the work: it is dropped.
    No more than were counted: those that fail again are for another time.
    """
    sqs: SQSClient = site.client("sqs")
    url = queues(site)[name]
    moved = 0
    while moved < most and (letters := _receive(sqs, url, most - moved)):
        for letter in letters:
            target = _target(site, name, letter)
            if target:
                sqs.send_message(QueueUrl=target, MessageBody=letter["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=letter["ReceiptHandle"])
            moved += 1
            yield bool(target)


def _receive(sqs: "SQSClient", url: str, most: int) -> "list[MessageTypeDef]":
    return sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=min(most, _BATCH),
        MessageAttributeNames=[TARGET],
        VisibilityTimeout=HANDLED_S,
        WaitTimeSeconds=_WAIT_S,
    ).get("Messages", [])


def _target(site: Site, name: str, letter: "MessageTypeDef") -> str:
    """Return the URL of the queue that a letter was for; empty: it was for a function."""
    every = site.of_type(QUEUE)
    own = every.get(name.removesuffix(_DEAD) + "Queue")
    if own is not None:
        return own
    said = letter.get("MessageAttributes", {})
    wanted = said[TARGET]["StringValue"].rpartition(":")[2] if TARGET in said else ""
    return next((url for url in every.values() if url.rpartition("/")[2] == wanted), "")
