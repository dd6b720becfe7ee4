"""Write a verified result beside its source, under the first name that is free or its own."""

from cutout import keys
from cutout.errors import ConflictError, ImageError, ResultError, SourceReplacedError
from cutout.models import Job, ObjectRef, Result, ResultAttributes, SourceObject
from cutout.ports import ImageStore, VerifiedImage
from cutout.settings import Settings

_TRIES = 5


class Publisher:
    """Names, markers and conditional writes of results (DESIGN 4.2).

    An older result never overwrites a newer one. A version's result is written only after that
    version was uploaded; so who finds another version's result at its name looks at the source
    again, and writes only if its own version is still, or again, the current one.
    """

    def __init__(self, images: ImageStore, settings: Settings) -> None:
        """Keep the collaborators."""
        self._images = images
        self._settings = settings

    def publish(self, job: Job, provider: str, image: VerifiedImage) -> Result:
        """Write the image and return what was written.

        Raises:
            ResultError: `result_name_taken`, every name belongs to somebody else.
            SourceReplacedError: the source has a newer version.
            ObjectMissingError: the source was deleted.
            ConflictError: others wrote the name every time.
        """
        source = self._current(job)
        marks = self._marks(job, provider, source)
        suffix, output = self._settings.result_suffix, self._settings.output_format
        for name in keys.result_names(job.bucket, job.key, suffix, output):
            result = self._write(job, name, source, image, marks)
            if result is not None:
                return result
        code, message = "result_name_taken", "Every name for the result belongs to another object."
        raise ResultError(code, message)

    def _current(self, job: Job) -> SourceObject:
        """Return the source as it is now, if that is still the job's version.

        An image on the web has none: nothing is inherited.
        """
        if job.image_url is not None:
            return SourceObject(
                bucket=job.bucket, key=job.key, version_id=None, etag="", last_modified_ms=0, size=0
            )
        source = self._images.inspect(ObjectRef(bucket=job.bucket, key=job.key))
        if keys.job_id(source) != job.job_id:
            raise SourceReplacedError("The source was replaced before its result was stored.")
        return source

    def _write(
        self,
        job: Job,
        name: str,
        source: SourceObject,
        image: VerifiedImage,
        metadata: dict[str, str],
    ) -> Result | None:
        """Write one name if it is free or holds a result of the same source; None: it does not."""
        attributes = ResultAttributes(
            content_type=image.content_type,
            metadata=metadata,
            cache_control=self._settings.result_cache_control or None,
        )
        for _ in range(_TRIES):
            etag = self._images.write_result(source, name, image.file, attributes)
            if etag is not None:
                return Result(
                    key=name,
                    etag=etag,
                    size=image.size,
                    content_type=image.content_type,
                    width=image.width,
                    height=image.height,
                    replaced_etag=attributes.replaces,
                )
            there = self._images.find_result(job.bucket, name)
            owner = there.metadata.get(keys.JOB_METADATA, "") if there is not None else ""
            if there is not None and not keys.same_source(owner, job.job_id):
                return None
            if there is not None and owner != job.job_id:
                self._current(job)
            replaces = there.etag if there is not None else None
            attributes = attributes.model_copy(update={"replaces": replaces})
        raise ConflictError("the result's name was written by others every time")

    def _marks(self, job: Job, provider: str, source: SourceObject) -> dict[str, str]:
        """Return the metadata that says where the result comes from."""
        marks = {
            keys.JOB_METADATA: job.job_id,
            "cutout-provider": keys.metadata_value(provider),
        }
        if job.image_url is not None:
            return marks
        marks[keys.ETAG_METADATA] = source.etag
        marks["cutout-source-version"] = keys.metadata_value(source.version_id or "")
        try:
            checksum = self._images.checksum(source)
        except ImageError:  # it was archived meanwhile; its result was paid for
            return marks
        return marks if checksum is None else marks | {keys.CHECKSUM_METADATA: checksum}
