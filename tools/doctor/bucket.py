"""The images bucket: there, here, telling EventBridge, and readable by the functions."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from cutout import keys
from cutout.adapters.aws import code_of
from cutout.settings import Settings
from tools.account import is_denied
from tools.doctor import delivery
from tools.doctor.access import describe_key, roles_without_key
from tools.doctor.findings import Finding, fault, ok, warning
from tools.site import Site

_KMS_USE = (
    ("SubmitFunction", "kms:Decrypt"),
    ("PrepareFunction", "kms:Decrypt"),
    ("BackfillFunction", "kms:Decrypt"),
    ("StoreFunction", "kms:Decrypt"),
    ("StoreFunction", "kms:GenerateDataKey"),
    ("ApiFunction", "kms:Decrypt"),
    ("ApiFunction", "kms:GenerateDataKey"),
)
_WILD = "*?"
_PAIRS = (("[", "]"), ("{", "}"), ("(", ")"))


def check_bucket(site: Site) -> Iterator[Finding]:
    """Is the bucket there, in the stack's region, and does it tell EventBridge of uploads?"""
    bucket = site.settings.images_bucket
    try:
        head = site.client("s3").head_bucket(Bucket=bucket)
    except ClientError as error:
        yield _not_there(bucket, code_of(error), site.account.region)
        return
    region = head.get("BucketRegion") or site.account.region
    if region != site.account.region:
        yield fault("bucket.region", _elsewhere(bucket, region, site.account.region))
        return
    yield ok("bucket.found", f"The bucket {bucket} is in {region}, like the stack.")
    yield from delivery.check_delivery(site)


def check_encryption(site: Site) -> Iterator[Finding]:
    """Can the functions read and write what the bucket encrypts?"""
    bucket = site.settings.images_bucket
    try:
        answer = site.client("s3").get_bucket_encryption(Bucket=bucket)
    except ClientError as error:
        if code_of(error) != "ServerSideEncryptionConfigurationNotFoundError":
            raise
        yield ok("bucket.encryption", "The bucket has S3's own encryption.")
        return
    rule = answer["ServerSideEncryptionConfiguration"]["Rules"][0]
    default = rule.get("ApplyServerSideEncryptionByDefault", {})
    key_id = default.get("KMSMasterKeyID")
    if not (default.get("SSEAlgorithm", "").startswith("aws:kms") and key_id):
        yield ok("bucket.encryption", "The bucket's encryption needs no key of yours.")
        return
    yield from _check_key(site, key_id)


def check_paths(site: Site) -> Iterator[Finding]:
    """Do the prefix, the globs and the suffix leave anything to cut out?"""
    problems = list(judge_paths(site.settings))
    yield from problems
    if not problems:
        prefix = site.settings.input_prefix
        where = f"below {prefix}" if prefix else "in the whole bucket"
        suffix = site.settings.result_suffix
        message = f"Uploads {where} are inputs, except results (*{suffix}.png, *{suffix}.webp)."
        yield ok("paths.sane", message)


def judge_paths(settings: Settings) -> Iterator[Finding]:
    """Say which settings contradict each other."""
    prefix, suffix = settings.input_prefix, settings.result_suffix
    if keys.is_result_name(prefix, suffix):
        yield fault(
            "paths.prefix_is_result",
            f"InputPrefix {prefix} ends as a result does ({suffix}.png): choose another.",
        )
    if prefix.startswith("/"):
        yield warning(
            "paths.leading_slash",
            f"InputPrefix {prefix} begins with a slash; keys in S3 rarely do: probably "
            f"{prefix.lstrip('/')} is meant.",
        )
    if settings.include_paths and not any(_may_meet(g, prefix) for g in settings.include_paths):
        yield fault(
            "paths.nothing_included",
            f"No glob of IncludePaths can match a key below InputPrefix {prefix}: globs match the "
            "whole key, so they begin with the prefix too.",
        )
    if any(_covers(glob, prefix) for glob in settings.exclude_paths):
        yield fault("paths.all_excluded", "A glob of ExcludePaths matches every key: remove it.")
    for glob in (*settings.include_paths, *settings.exclude_paths):
        if any(glob.count(left) != glob.count(right) for left, right in _PAIRS):
            yield warning(
                "paths.cut_glob",
                f"The glob {glob} has one half of a pair of brackets: a comma separates globs, "
                "between brackets too, and only * and ? are special. Name each glob by itself.",
            )
    if suffix[0].isalnum():
        yield warning(
            "paths.suffix_in_names",
            f"ResultSuffix {suffix} begins with a letter or digit, so uploads whose names merely "
            f"end so (photo{suffix}.png) are taken for results: begin it with a dot or a hyphen.",
        )


def _may_meet(glob: str, prefix: str) -> bool:
    """Tell whether a glob can match some key below the prefix, by its literal beginning."""
    literal = glob[: min((glob.index(c) for c in _WILD if c in glob), default=len(glob))]
    return literal.startswith(prefix) or prefix.startswith(literal)


def _covers(glob: str, prefix: str) -> bool:
    """Tell whether a glob matches every key below the prefix."""
    return glob.endswith("*") and keys.matches(prefix, [glob])


def _not_there(bucket: str, code: str, region: str) -> Finding:
    if is_denied(code):
        return fault(
            "bucket.denied",
            f"The bucket {bucket} refuses you: it belongs to another account, or its policy or "
            "yours forbids s3:ListBucket.",
        )
    if code in ("301", "PermanentRedirect"):
        return fault("bucket.region", _elsewhere(bucket, "another region", region))
    return fault(
        "bucket.missing",
        f"There is no bucket {bucket}: make it, or deploy again with another BucketName.",
    )


def _elsewhere(bucket: str, there: str, here: str) -> str:
    return (
        f"The bucket {bucket} is in {there} and the stack in {here}; EventBridge rules do not see "
        "events of other regions: deploy the stack where the bucket is."
    )


def _check_key(site: Site, key_id: str) -> Iterator[Finding]:
    """Look at a key of the user's: on, and usable by the roles."""
    key = describe_key(site, key_id)
    if key["KeyState"] != "Enabled":
        yield fault(
            "bucket.kms_off",
            f"The bucket's KMS key {key['Arn']} is {key['KeyState']}: nothing can be read until it "
            "is enabled again.",
        )
        return
    lacking = roles_without_key(site, _KMS_USE, key["Arn"])
    if lacking:
        yield fault(
            "bucket.kms_denied",
            f"The bucket is encrypted with {key['Arn']}, which these roles may not use: "
            f"{', '.join(lacking)}. Deploy again with KmsKeyArn={key['Arn']}.",
        )
        return
    yield ok("bucket.encryption", f"The roles may use the bucket's KMS key {key['Arn']}.")
