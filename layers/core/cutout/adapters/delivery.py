"""The notifications of the user's bucket."""

from typing import TYPE_CHECKING

from cutout.adapters.aws import translated
from cutout.errors import ConfigurationError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Delivery:
    """Whether one bucket sends its events to EventBridge."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        """Keep the client and the bucket's name."""
        self._client = client
        self._bucket = bucket

    def is_on(self) -> bool | None:
        """Tell whether the bucket sends its events to EventBridge; None: this may not be read.

        Raises:
            StorageError: S3 did not answer, or has no such bucket.
        """
        try:
            with translated("reading the bucket's notifications failed"):
                found = self._client.get_bucket_notification_configuration(Bucket=self._bucket)
        except ConfigurationError:
            return None
        return "EventBridgeConfiguration" in found
