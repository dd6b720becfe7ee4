"""The notifications of the user's bucket, in front of S3 on moto."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from botocore.stub import Stubber
from moto import mock_aws

from cutout.adapters.aws import s3_client
from cutout.adapters.delivery import S3Delivery
from cutout.errors import StorageError
from tests.stack import create_bucket

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import NotificationConfigurationResponseTypeDef

pytestmark = pytest.mark.integration


@pytest.fixture
def s3(fake_account: None) -> Iterator["S3Client"]:
    """S3 on moto."""
    with mock_aws():
        yield s3_client()


def test_a_bucket_without_notifications_tells_nobody(s3: "S3Client") -> None:
    """As a new bucket is."""
    assert S3Delivery(s3, create_bucket(s3)).is_on() is False


def test_a_bucket_with_eventbridge_on_is_known(s3: "S3Client") -> None:
    """S3 answers with an empty element, which moto leaves out."""
    with Stubber(s3) as stub:
        answer: NotificationConfigurationResponseTypeDef = {"EventBridgeConfiguration": {}}  # type: ignore[typeddict-item]  # S3 leaves out the rest
        stub.add_response("get_bucket_notification_configuration", answer)

        assert S3Delivery(s3, "images").is_on() is True


def test_a_denied_look_is_unknown(s3: "S3Client") -> None:
    """Not off: nobody is alarmed."""
    with Stubber(s3) as stub:
        stub.add_client_error("get_bucket_notification_configuration", "AccessDenied")

        assert S3Delivery(s3, "images").is_on() is None


def test_a_bucket_that_is_gone_is_a_fault(s3: "S3Client") -> None:
    """The round fails, which is alarmed."""
    with pytest.raises(StorageError, match="NoSuchBucket"):
        S3Delivery(s3, "images-that-are-gone").is_on()
