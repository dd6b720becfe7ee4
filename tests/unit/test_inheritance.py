"""What a result inherits: what the owner said, and nothing that is about other bytes."""

import pytest

from cutout.inheritance import (
    MAX_METADATA_BYTES,
    inherited,
    inherited_cache_control,
    inherited_tags,
)

STAYS_BEHIND = [
    # rclone, "Amazon S3 Storage Providers", "Modification times and hashes"
    "md5chksum",
    "mtime",
    # s3cmd and MinIO's mc, with --preserve
    "s3cmd-attrs",
    "mc-attrs",
    # digests, as people and tools name them
    *("md5", "MD5", "content-md5", "file-md5", "md5sum", "md5_hash", "x-amz-meta-md5", "image.md5"),
    *("sha1", "sha256", "sha-256", "SHA_512", "file-sha256", "sha256sum", "large_file_sha1"),
    *("crc32c", "crc64nvme", "crc-32", "crc", "checksum", "file-checksum", "check-sum", "chksum"),
    *("etag", "source-etag", "e-tag", "hash", "file-hash", "contenthash", "xxhash", "blake3"),
    *("digest", "image-digest", "hmac", "signature", "s3sync-hash", "adler32"),
    # the S3 Encryption Client, all of its formats
    *("x-amz-key", "x-amz-key-v2", "x-amz-iv", "x-amz-matdesc", "x-amz-cek-alg", "x-amz-wrap-alg"),
    *("x-amz-tag-len", "x-amz-crypto-instr-file", "x-amz-unencrypted-content-md5"),
    *("x-amz-unencrypted-content-length", "x-amz-3", "x-amz-c", "x-amz-d", "x-amz-i", "x-amz-w"),
    # other clouds
    *("x-goog-hash", "x-goog-meta-a", "goog-reserved-file-mtime", "x-ms-blob-type"),
    "encryptiondata",
    # s3fs, DataSync and Storage Gateway, MSP360, Backblaze B2, S3 Browser
    *("ctime", "atime", "btime", "file-mtime", "file-atime", "cb-modifiedtime"),
    *("src_last_modified_millis", "s3b-last-modified", "lastmodified"),
    # headers that were meant and became metadata
    *("content-type", "content-length", "content-encoding", "content-disposition", "mime-type"),
    *("file-size", "filesize"),
    # ours
    *("cutout-job", "cutout-source-checksum", "cutout-anything"),
]
COMES_ALONG = [
    *("sku", "colour", "size", "price", "photographer", "copyright", "title", "width", "height"),
    *("hashtag", "hashtags", "shape-1", "shade-256", "address", "blake", "digestible", "crcular"),
    *("original-filename", "uid", "gid", "mode", "file-owner", "file-permissions", "uploaded-by"),
    *("time", "runtime", "lifetime", "showtime", "taken-at", "x-amzn", "amz", "retag", "tag"),
    *("contents", "contentious", "attributes", "attrs", "modified-by", "cutout", "cutouts"),
]


@pytest.mark.parametrize("name", STAYS_BEHIND)
def test_what_is_about_other_bytes_stays_behind(name: str) -> None:
    """A reader that believes it finds the result broken, old, or encrypted."""
    assert inherited({name: "x", "sku": "42"}, {}) == {"sku": "42"}


@pytest.mark.parametrize("name", COMES_ALONG)
def test_what_is_about_the_picture_comes_along(name: str) -> None:
    """Whatever it sounds like."""
    assert inherited({name: "x"}, {}) == {name: "x"}


def test_what_stays_behind_takes_no_room() -> None:
    """A long signature is no reason to trim what its owner said."""
    theirs = {"a-signature": "x" * 1900, "sku": "y" * 1000}

    assert inherited(theirs, {}) == {"sku": "y" * 1000}


def test_theirs_is_trimmed_to_what_s3_holds() -> None:
    """Ours always fits; of theirs, as much as there is room for."""
    theirs = {f"n{number:03}": "x" * 96 for number in range(40)}
    ours = {"cutout-job": "1" * 32}

    kept = inherited(theirs, ours)

    assert kept["cutout-job"] == "1" * 32
    size = sum(len(name) + len(value) for name, value in kept.items())
    assert MAX_METADATA_BYTES - 100 < size <= MAX_METADATA_BYTES


def test_theirs_counts_encoded() -> None:
    """What is not ASCII grows before it is measured."""
    kept = inherited({"a": "\u00fc" * 400}, {})

    assert kept == {}


def test_theirs_stays_as_it_is_when_it_is_ascii() -> None:
    """It is percent-encoded only where it is not."""
    assert inherited({"note": "50% off"}, {}) == {"note": "50% off"}


@pytest.mark.parametrize(
    ("name", "inherits"),
    [
        ("team", True),
        ("aws-team", True),
        ("paws:x", True),
        ("cutouts", True),
        ("aws:cloudformation:stack-name", False),
        ("AWS:x", False),
        ("aws:", False),
        ("GuardDutyMalwareScanStatus", False),
        ("guarddutymalwarescanstatus", False),
        ("cutout", False),
    ],
)
def test_tags_of_services_stay_behind(name: str, *, inherits: bool) -> None:
    """They are a verdict on other bytes, or refused."""
    assert inherited_tags({name: "x"}) == ({name: "x"} if inherits else {})


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (None, None),
        ("", None),
        ("max-age=60", "max-age=60"),
        ("public, max-age=31536000, immutable", "public, max-age=31536000"),
        ("immutable", None),
        ("Immutable,max-age=60", "max-age=60"),
        ("max-age=60,IMMUTABLE", "max-age=60"),
        ("max-age=60 , immutable , public", "max-age=60, public"),
        (
            'private="set-cookie, immutable", max-age=1',
            'private="set-cookie, immutable", max-age=1',
        ),
        ("x-immutable=1", "x-immutable=1"),
        (" , ", None),
    ],
)
def test_cache_control_is_never_immutable(theirs: str | None, ours: str | None) -> None:
    """A replaced source's result keeps its key."""
    assert inherited_cache_control(theirs) == ours
