"""URLs and forms that let callers of the jobs API reach S3 themselves."""

from typing import TYPE_CHECKING

from cutout.adapters.aws import translated
from cutout.models import UploadForm

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Handouts:
    """Signed with the role of the function, so they end with its session at the latest."""

    def __init__(self, client: "S3Client") -> None:
        """Keep the client."""
        self._client = client

    def result_url(self, bucket: str, key: str, seconds: int) -> str:
        """Return a URL that reads a result; never log it."""
        with translated("presigning failed"):
            return self._client.generate_presigned_url(
                "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=seconds
            )

    def upload_form(
        self, bucket: str, key: str, *, content_type: str, max_bytes: int, seconds: int
    ) -> UploadForm:
        """Return a form that writes exactly this key with this type and at most this size.

        boto adds the conditions on bucket and key itself.
        """
        with translated("presigning failed"):
            form = self._client.generate_presigned_post(
                bucket,
                key,
                Fields={"Content-Type": content_type},
                Conditions=[
                    {"Content-Type": content_type},
                    ["content-length-range", 1, max_bytes],
                ],
                ExpiresIn=seconds,
            )
        return UploadForm(url=form["url"], fields=form["fields"])
