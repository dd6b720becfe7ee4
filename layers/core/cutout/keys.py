"""Names: which keys are in scope, what a result is called, what a job is called. Pure.

The first two loop guards are here and in the template's rule: a key that looks like a result is
never an input, whatever wrote it.
"""

import base64
import hashlib
import json
import posixpath
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from cutout.errors import ResultError
from cutout.models import Model, SourceObject

RESULT_FORMATS = ("png", "webp")
MAX_KEY_BYTES = 1024  # S3 User Guide, "Creating object key names"
JOB_METADATA = "cutout-job"
ETAG_METADATA = "cutout-source-etag"
CHECKSUM_METADATA = "cutout-source-checksum"  # of the content, whatever made its ETag
MD5, SHA256 = "MD5", "SHA256"

_JOB_ID = re.compile(r"[0-9a-f]{32}")
_WILDCARDS = re.compile(r"(\*\*/|\*|\?)")
_MD5_ETAG = re.compile(r"[0-9a-f]{32}")

# Printable ASCII may stand in S3 metadata as it is; "%" is escaped so that decoding is exact.
_METADATA_SAFE = "".join(chr(c) for c in range(0x20, 0x7F) if chr(c) != "%")


class KeyRules(Model):
    """Which keys are inputs, by prefix and by globs (`matches`).

    What was uploaded by a form of ours (`uploads_prefix`) is one wherever the others are.
    """

    result_suffix: str
    input_prefix: str = ""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    uploads_prefix: str = ""


def out_of_scope(key: str, rules: KeyRules) -> str | None:
    """Return the reason code why this key is not an input; None: it is one."""
    if key.endswith("/"):
        return "folder_marker"
    if is_result_name(key, rules.result_suffix):
        return "own_result"
    ours = bool(rules.uploads_prefix) and key.startswith(rules.uploads_prefix)
    if not ours and not key.startswith(rules.input_prefix):
        return "outside_prefix"
    if not ours and rules.include and not matches(key, rules.include):
        return "not_included"
    if matches(key, rules.exclude):
        return "excluded"
    return None


def matches(key: str, globs: Iterable[str]) -> bool:
    """Tell whether one of these globs matches the whole key.

    As in IAM, `*` stands for anything, `/` too, and `?` for one character. `**/` stands for any
    folders or none, as in a shell: `photos/**/*.jpg` matches `photos/a.jpg`. Everything else stands
    for itself, brackets and braces too.
    """
    return any(_matches(key, glob) for glob in globs)


def _matches(key: str, glob: str) -> bool:
    """Follow all places of the key at once where the parts of the glob so far may end.

    Nothing is tried twice, so that no name makes it slow.
    """
    ends = {0}
    for part in _WILDCARDS.split(glob):
        first = min(ends, default=len(key) + 1)
        match part:
            case "*":
                ends = set(range(first, len(key) + 1))
            case "**/":
                ends |= {i + 1 for i in range(first, len(key)) if key[i] == "/"}
            case "?":
                ends = {i + 1 for i in ends if i < len(key)}
            case _:
                ends = {i + len(part) for i in ends if key.startswith(part, i)}
    return len(key) in ends


def is_result_name(key: str, suffix: str) -> bool:
    """Tell whether the key has the form of a result, in either output format."""
    return key.endswith(tuple(f"{suffix}.{output}" for output in RESULT_FORMATS))


def has_dot_segments(key: str) -> bool:
    """Tell whether `.` or `..` is a folder of the key: HTTP clients take them out of a URL's path.

    A presigned URL of it is then another address than the one that was signed (RFC 3986, 5.2.4).
    """
    return not {".", ".."}.isdisjoint(key.split("/"))


def result_names(bucket: str, key: str, suffix: str, output_format: str) -> tuple[str, ...]:
    """Return the names a result may take, in order of preference (DESIGN 4.2).

    `a/shoe.jpg` gives `a/shoe.cutout.png`; when another source owns that, the extension stays in:
    `a/shoe.jpg.cutout.png`; when even that belongs to somebody (`a/shoe.jpg.png` side by side), a
    part of the source's hash is added.

    Raises:
        ResultError: `result_key_too_long`, the first choice is over S3's 1,024 bytes.
    """
    stem, extension = posixpath.splitext(key)
    end = f"{suffix}.{output_format}"
    names = [stem + end, key + end] if extension else [stem + end]
    names.append(f"{key}.{source_id(bucket, key)[:8]}{end}")
    if len(names[0].encode()) > MAX_KEY_BYTES:
        code = "result_key_too_long"
        message = f"The result's key would be longer than S3's {MAX_KEY_BYTES} bytes."
        raise ResultError(code, message)
    return tuple(name for name in names if len(name.encode()) <= MAX_KEY_BYTES)


def source_id(bucket: str, key: str) -> str:
    """Return 16 hex digits that stand for an object, whatever its version."""
    return _digest(bucket, key)


def job_id(source: SourceObject) -> str:
    """Return the 32 hex digits of a version's job; the first half is the object's `source_id`.

    The version is its VersionId, or ETag and LastModified where the bucket is not versioned, so
    the same event seen twice names the same job and A-B-A uploads name three (DESIGN 4.3).
    """
    if source.version_id is not None:
        version = _digest("version", source.version_id)
    else:
        version = _digest("etag", source.etag, str(source.last_modified_ms))
    return source_id(source.bucket, source.key) + version


def is_job_id(text: str) -> bool:
    """Tell whether a text has the form of a job id."""
    return _JOB_ID.fullmatch(text) is not None


def same_source(one_job_id: str, other_job_id: str) -> bool:
    """Tell whether two jobs belong to the same object."""
    return one_job_id[:16] == other_job_id[:16]


def is_result_of(metadata: Mapping[str, str], source: SourceObject) -> bool:
    """Tell whether an object with this metadata is the result of the source's content."""
    ours = same_source(metadata.get(JOB_METADATA, ""), job_id(source))
    return ours and metadata.get(ETAG_METADATA) == source.etag


def content_mark(metadata: Mapping[str, str]) -> str:
    """Return the checksum of the content that a result with this metadata was made from.

    It is `{algorithm}:{base64}`. Older results have none, but their source's ETag, which is an MD5
    more often than not; if it is not, it equals none. Empty: nothing is known.
    """
    etag = metadata.get(ETAG_METADATA, "")
    return metadata.get(CHECKSUM_METADATA) or md5_of_etag(etag) or ""


def md5_of_etag(etag: str) -> str | None:
    """Return the MD5 that an ETag may be, as a checksum; None for the ETag of an upload in parts.

    S3 API Reference, "Object": whether it is one depends on the encryption, too.
    """
    return checksum(MD5, bytes.fromhex(etag)) if _MD5_ETAG.fullmatch(etag) else None


def checksum(algorithm: str, digest: bytes) -> str:
    """Return a checksum as the marks of results have it."""
    return f"{algorithm}:{base64.b64encode(digest).decode()}"


def metadata_value(text: str) -> str:
    """Return the text as S3 metadata can hold it: percent-encoded where not printable ASCII."""
    return quote(text, safe=_METADATA_SAFE)


def _digest(*parts: str) -> str:
    """Return the first 64 bits of the parts' SHA-256, as 16 hex digits."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
