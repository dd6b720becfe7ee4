"""Which statements of a bucket's policy refuse the provider, callers or the functions."""

from typing import Any

import pytest

from cutout.settings import Settings
from tests.stack import properties
from tools.doctor.conditions import holds
from tools.doctor.findings import Status
from tools.doctor.policy import judge_policy

ACCOUNT = "111122223333"
ROLES = {
    f"{name}Function": f"arn:aws:iam::{ACCOUNT}:role/shop-{name}FunctionRole-1A2B"
    for name in ("Submit", "Prepare", "Store", "Api", "Backfill")
}
SUBMIT = ROLES["SubmitFunction"]
BUCKET = "arn:aws:s3:::images"
EVERYTHING = [BUCKET, f"{BUCKET}/*"]
SETTINGS = Settings(images_bucket="images", input_prefix="photos/")
ALL = set(ROLES) | {"the provider", "callers who fetch", "callers who upload"}


def denied(**statement: Any) -> dict[str, Any]:
    """Return a statement that denies everything to everybody, but for what is said."""
    base = {"Sid": "Mine", "Effect": "Deny", "Principal": "*", "Action": "s3:*"}
    return base | {"Resource": EVERYTHING} | statement


def verdict(*statements: dict[str, Any], settings: Settings = SETTINGS) -> tuple[str, set[str]]:
    """Return the worst status, and who is named."""
    (finding,) = judge_policy({"Statement": [*statements]}, settings, ROLES)
    words = finding.message.partition("Except the roles")[0] * (finding.status is not Status.OK)
    return finding.status.value, {who for who in ALL if who in words}


NETWORK: list[dict[str, Any]] = [
    {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
    {"NotIpAddress": {"aws:SourceIp": ["10.0.0.0/8", "203.0.113.7/32", "2001:db8::/32"]}},
    {"NotIpAddressIfExists": {"AWS:sourceip": ["203.0.113.0/24"]}},
    {"StringNotEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}},
    {"StringNotEquals": {"aws:SourceVpc": ["vpc-111bbb22", "vpc-222bbb33"]}},
    {"StringNotEqualsIfExists": {"aws:SourceVpc": "vpc-111bbb22"}},
    {"StringNotLike": {"aws:SourceVpce": "vpce-*"}},
    {"Null": {"aws:SourceVpce": "true"}},
    {"Null": {"aws:SourceVpc": True}},
    {"ForAllValues:StringEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}},
    {
        "NotIpAddressIfExists": {"aws:SourceIp": ["203.0.113.0/24"]},
        "StringNotEqualsIfExists": {"aws:SourceVpc": ["vpc-111bbb22"]},
        "BoolIfExists": {"aws:PrincipalIsAWSService": "false", "aws:ViaAWSService": "false"},
    },
    {"NotIpAddress": {"aws:VpcSourceIp": "10.0.0.0/8"}},
    {"StringNotLike": {"aws:Referer": "https://shop.example/*"}},
]


@pytest.mark.parametrize("condition", NETWORK)
def test_a_denial_of_other_networks_refuses_everybody(condition: dict[str, Any]) -> None:
    """The provider comes from elsewhere, and so do the functions."""
    assert verdict(denied(Condition=condition)) == ("fault", ALL)


@pytest.mark.parametrize(
    "exception",
    [
        {"ArnNotEquals": {"aws:PrincipalArn": [*ROLES.values()]}},
        {"ArnNotLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/shop-*"}},
        {"StringNotLike": {"aws:PrincipalArn": ["arn:aws:iam::*:role/shop-*Function*"]}},
        {"StringNotEquals": {"aws:PrincipalAccount": ACCOUNT}},
    ],
)
def test_an_exception_for_the_roles_lets_presigned_requests_through(
    exception: dict[str, Any],
) -> None:
    """Such a request is one of the role that signed it."""
    assert verdict(denied(Condition=NETWORK[0] | exception)) == ("ok", set())


def test_an_exception_for_one_role_leaves_the_others() -> None:
    """The provider's requests are those of submit."""
    only = {"ArnNotEquals": {"aws:PrincipalArn": SUBMIT}}

    status, refused = verdict(denied(Condition=NETWORK[0] | only))

    assert (status, refused) == ("fault", ALL - {"the provider", "SubmitFunction"})


@pytest.mark.parametrize(
    "condition",
    [
        {"Bool": {"aws:SecureTransport": "false"}},
        {"Bool": {"aws:SecureTransport": False}},
        {
            "Bool": {"aws:SecureTransport": "false"},
            "NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"},
        },
        {"NumericLessThan": {"s3:TlsVersion": "1.2"}},
        {"StringNotEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"}},
        {"IpAddress": {"aws:SourceIp": ["198.51.100.0/24", "2001:db8::/32"]}},
        {"NotIpAddress": {"aws:SourceIp": "0.0.0.0/0"}},
        {"StringEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}},
        {"ForAnyValue:StringNotEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}},
        {"Null": {"aws:SourceVpc": "false"}},
        {"NumericGreaterThan": {"s3:signatureAge": "600000"}},
        {"StringEquals": {"aws:PrincipalAccount": "444455556666"}},
        {"Bool": {"aws:PrincipalIsAWSService": "true"}},
    ],
)
def test_what_refuses_nobody_is_harmless(condition: dict[str, Any]) -> None:
    """TLS, old protocols, addresses that are shut out, requests by VPC endpoint."""
    assert verdict(denied(Condition=condition)) == ("ok", set())


@pytest.mark.parametrize(
    ("condition", "refused"),
    [
        (
            {"StringNotEquals": {"s3:authType": "REST-HEADER"}},
            {"the provider", "callers who fetch", "callers who upload"},
        ),
        (
            {"StringEquals": {"s3:authType": "REST-QUERY-STRING"}},
            {"the provider", "callers who fetch"},
        ),
        (
            {"NumericGreaterThan": {"s3:signatureAge": "1000"}},
            ALL,
        ),
        ({"StringEquals": {"s3:authType": ["POST"]}}, {"callers who upload"}),
    ],
)
def test_a_denial_of_presigned_requests_refuses_them(
    condition: dict[str, Any], refused: set[str]
) -> None:
    """By how they are signed, and how long ago."""
    assert verdict(denied(Condition=condition)) == ("fault", refused)


@pytest.mark.parametrize(
    "condition",
    [
        {"NumericGreaterThan": {"s3:signatureAge": "60000"}},
        {"NumericGreaterThanEquals": {"s3:signatureAge": 300000}},
    ],
)
def test_a_short_age_may_refuse_a_provider_that_takes_its_time(condition: dict[str, Any]) -> None:
    """It fetches an image when its own line has moved on."""
    status, doubtful = verdict(denied(Condition=condition))

    assert (status, doubtful) == (
        "warning",
        {"the provider", "callers who fetch", "callers who upload"},
    )


@pytest.mark.parametrize(
    "condition",
    [
        {"StringNotEquals": {"aws:PrincipalOrgID": "o-1a2b3c4d5e"}},
        {"StringNotLike": {"aws:userId": ["AROAEXAMPLEID:*", ACCOUNT]}},
        {
            "StringNotEquals": {
                "s3:ExistingObjectTag/GuardDutyMalwareScanStatus": "NO_THREATS_FOUND"
            }
        },
        {"StringNotEquals": {"aws:PrincipalTag/team": "shop"}},
        {"ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::${aws:PrincipalAccount}:role/x"}},
        {"NumericLessThan": {"s3:TlsVersion": "1.3"}},
        {"DateGreaterThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}},
    ],
)
def test_what_cannot_be_seen_is_a_warning(condition: dict[str, Any]) -> None:
    """It names the key that decides."""
    (finding,) = judge_policy({"Statement": denied(Condition=condition)}, SETTINGS, ROLES)

    assert finding.status is Status.WARNING
    assert next(key for block in condition.values() for key in block) in finding.message


@pytest.mark.parametrize(
    ("statement", "refused"),
    [
        ({"Principal": {"AWS": SUBMIT}}, {"the provider", "SubmitFunction"}),
        ({"Principal": {"AWS": [ROLES["StoreFunction"]]}}, {"StoreFunction"}),
        (
            {
                "Principal": {
                    "AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/shop-ApiFunctionRole-1A2B/x"
                }
            },
            {"ApiFunction", "callers who fetch", "callers who upload"},
        ),
        ({"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}, ALL),
        ({"Principal": {"AWS": ACCOUNT}}, ALL),
        ({"Principal": {"AWS": "*"}}, ALL),
        ({"NotPrincipal": {"AWS": [f"arn:aws:iam::{ACCOUNT}:root"]}, "Principal": {}}, ALL),
        ({"NotPrincipal": {"AWS": [*ROLES.values()]}, "Principal": {}}, set()),
        ({"Principal": {"Service": "logging.s3.amazonaws.com"}}, set()),
        ({"Principal": {"AWS": "arn:aws:iam::444455556666:root"}}, set()),
    ],
)
def test_a_denial_is_for_whom_it_names(statement: dict[str, Any], refused: set[str]) -> None:
    """A role, its session, its account, everybody, or all but some."""
    assert verdict(denied(**statement)) == ("fault" if refused else "ok", refused)


@pytest.mark.parametrize(
    ("statement", "refused"),
    [
        ({"Action": "s3:GetObject"}, ALL - {"callers who upload", "BackfillFunction"}),
        ({"Action": ["s3:Get*"]}, ALL - {"callers who upload", "BackfillFunction"}),
        (
            {"Action": "s3:getobjectversion"},
            ALL - {"callers who upload", "callers who fetch", "BackfillFunction"},
        ),
        ({"Action": "s3:PutObject"}, {"StoreFunction", "callers who upload"}),
        ({"Action": ["s3:DeleteObject", "s3:PutBucketPolicy"]}, set()),
        ({"NotAction": "s3:PutObject"}, ALL - {"callers who upload"}),
        ({"NotAction": ["s3:*"]}, set()),
        ({"Action": "s3:ListBucket", "Resource": f"{BUCKET}/*"}, set()),
        ({"Resource": f"{BUCKET}/*"}, ALL - {"BackfillFunction"}),
        ({"Resource": f"{BUCKET}/photos/*"}, ALL - {"BackfillFunction"}),
        (
            {"Resource": BUCKET},
            ALL - {"the provider", "callers who fetch", "callers who upload", "PrepareFunction"},
        ),
        ({"Resource": f"{BUCKET}/letters/*"}, set()),
        (
            {"NotResource": f"{BUCKET}/photos/*"},
            ALL - {"the provider", "callers who fetch", "callers who upload", "PrepareFunction"},
        ),
        ({"NotResource": f"{BUCKET}/letters/*"}, ALL),
    ],
)
def test_a_denial_is_of_what_it_names(statement: dict[str, Any], refused: set[str]) -> None:
    """Actions with their wildcards, whatever their case, and objects below the prefix."""
    assert verdict(denied(**statement)) == ("fault" if refused else "ok", refused)


@pytest.mark.parametrize("path", ["photos/private/*", "photos/*.heic"])
def test_a_denial_of_some_inputs_is_a_warning(path: str) -> None:
    """The others are cut out."""
    status, _ = verdict(denied(Resource=f"{BUCKET}/{path}"))

    assert status == "warning"


@pytest.mark.parametrize(
    "condition",
    [
        {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}},
        {"Null": {"s3:x-amz-server-side-encryption": "true"}},
        {"StringNotEqualsIfExists": {"s3:x-amz-server-side-encryption-aws-kms-key-id": "arn:x"}},
    ],
)
def test_a_demand_for_encryption_headers_refuses_results(condition: dict[str, Any]) -> None:
    """They are encrypted as the bucket does it, without a header that says so."""
    status, refused = verdict(denied(Action="s3:PutObject", Condition=condition))

    assert (status, refused) == ("fault", {"StoreFunction", "callers who upload"})


def test_the_fault_names_the_statement_and_the_way_out() -> None:
    """By its Sid or its number; the exception is there to be copied."""
    harmless = denied(Condition={"Bool": {"aws:SecureTransport": "false"}})
    nameless = {k: v for k, v in denied(Condition=NETWORK[0]).items() if k != "Sid"}

    (finding,) = judge_policy({"Statement": [harmless, nameless]}, SETTINGS, ROLES)

    assert finding.code == "bucket.policy_denies"
    assert "Statement 2 " in finding.message
    assert "aws:SourceIp" in finding.message
    assert f'"ArnNotEquals": {{"aws:PrincipalArn": ["{ROLES["ApiFunction"]}"' in finding.message


def test_what_is_allowed_is_no_denial() -> None:
    """A statement that allows cannot refuse."""
    allowed = denied(Condition=NETWORK[0]) | {"Effect": "Allow"}

    assert verdict(allowed) == ("ok", set())
    assert verdict(denied(Condition=NETWORK[0]), allowed)[0] == "fault"


def test_every_denial_is_named() -> None:
    """Mending one would show the next only afterwards."""
    two = [denied(Condition=NETWORK[0]), denied(Sid="Other", Condition=NETWORK[3])]

    found = [*judge_policy({"Statement": two}, SETTINGS, ROLES)]

    assert [finding.message.split()[1] for finding in found] == ["Mine", "Other"]


def test_the_stacks_own_policy_is_harmless() -> None:
    """As the template has it."""
    said = properties("ImagesBucketPolicy")["PolicyDocument"]["Statement"]
    statements = [one | {"Resource": EVERYTHING} for one in said]

    assert verdict(*statements) == ("ok", set())


def test_an_operator_that_nobody_knows_is_unknown() -> None:
    """Rather a warning too many."""
    assert holds({"StringSoundsLike": {"k": "x"}}, {"k": ["y"]}) is None
