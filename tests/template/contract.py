"""The parameters and outputs of DESIGN 4.1, letter by letter."""

from typing import Any

DEFAULTS: dict[str, object] = {
    "BucketName": "",
    "InputPrefix": "",
    "IncludePaths": "",
    "ExcludePaths": "*.part,*.filepart,*.partial,*.crdownload,*.tmp,*/._*,._*",
    "ResultSuffix": ".cutout",
    "OutputFormat": "png",
    "ResultCacheControl": "",
    "ResultsPrefix": "cutouts/",
    "UploadsPrefix": "uploads/",
    "MaxInputBytes": 26_214_400,
    "Providers": "eachlabs",
    "EachlabsApiKeyParameter": "/cutout/eachlabs-api-key",
    "ApiinApiKeyParameter": "/cutout/apiin-api-key",
    "EachlabsBaseUrl": "https://api.eachlabs.ai/v1",
    "ApiinBaseUrl": "https://apiin.one",
    "EachlabsCompletion": "webhook",
    "EachlabsMaxConcurrent": 10,
    "ApiinMaxConcurrent": 5,
    "EachlabsMaxPerMinute": 100,
    "ApiinMaxPerMinute": 60,
    "EachlabsExpectedSeconds": 9,
    "ApiinExpectedSeconds": 9,
    "EachlabsPriceUsd": 0.017,
    "ApiinPriceUsd": 0.01,
    "MonthlyBudgetUsd": 100,
    "AttemptTimeoutSeconds": 600,
    "MaxAttempts": 3,
    "WebhookBaseUrl": "",
    # Of our own choice, for the usage plan of the jobs API.
    "ApiRatePerSecond": 50,
    "ApiBurst": 100,
    "ApiMonthlyQuota": 1_000_000,
    "Architecture": "arm64",
    "KmsKeyArn": "",
    # Of our own choice, for a table that was restored (docs/operations.md).
    "JobsTableName": "",
    "JobRetentionDays": 90,
    "LogLevel": "INFO",
    "LogRetentionDays": 30,
    "Monitoring": "full",
    "AlarmTopicArn": "",
}
# Take a name out of here when the template gets it.
NOT_YET: set[str] = set()

RANGES: dict[str, dict[str, Any]] = {
    "OutputFormat": {"AllowedValues": ["png", "webp"]},
    "EachlabsCompletion": {"AllowedValues": ["webhook", "poll"]},
    "Architecture": {"AllowedValues": ["arm64", "x86_64"]},
    "Monitoring": {"AllowedValues": ["full", "alarms", "none"]},
    "EachlabsMaxConcurrent": {"MinValue": 1, "MaxValue": 100},
    "ApiinMaxConcurrent": {"MinValue": 1, "MaxValue": 100},
    "EachlabsMaxPerMinute": {"MinValue": 1, "MaxValue": 1000},
    "ApiinMaxPerMinute": {"MinValue": 1, "MaxValue": 1000},
    "MonthlyBudgetUsd": {"MinValue": 0},
}
KEY_ARN = "arn:aws:kms:eu-central-1:123456789012:key/1a2b3c4d-0000-4000-8000-123456789abc"
# For each pattern: what it takes, and what it refuses.
PATTERNS: dict[str, tuple[list[str], list[str]]] = {
    "ResultSuffix": (
        [".cutout", "-c", "_1", " (cut)[1]", "!#%&'+,-.0:;<=>@AZ^_`az|~"],
        [
            "",
            *'*?"\\/${}',
            "a*",
            "a\\",
            'a"',
            "a/b",
            ".été",
            ".e\u0301te\u0301",
            ".抠图",
            "a\nb",
            "\x7f",
        ],
    ),
    "InputPrefix": (
        ["", "photos/", "Größe 42 + (new)/", "写真/"],
        ['"', 'a"b', "\\", "a\\", "a\nb", "\ta", "a\x1fb"],
    ),
    "KmsKeyArn": (
        ["", KEY_ARN, KEY_ARN.replace("arn:aws:", "arn:aws-cn:"), KEY_ARN.replace("1a", "mrk-1a")],
        [
            *("alias/images", KEY_ARN.replace("key/", "alias/"), KEY_ARN.replace("1a", "*")),
            *("*", KEY_ARN.replace(":kms:", ":s3:"), KEY_ARN + "/x", KEY_ARN + "\n*"),
        ],
    ),
    "ResultCacheControl": (
        ["", "no-cache", 'public, max-age=60, private="a, b"'],
        ["a\nb", "max-age=1\r\nx: y", "gr\u00fc\u00df", "\x7f"],
    ),
    "JobsTableName": (["", "cutout-JobsTable-1A2B3C", "jobs_2.restored"], ["ab", "a/b", "arn:x"]),
    "Providers": (["eachlabs", "apiin", "eachlabs,apiin"], ["", "other", "eachlabs,eachlabs"]),
    "EachlabsApiKeyParameter": (["/a/b-c_d.e"], ["", "a", "/a*", "/a b"]),
    "ApiinApiKeyParameter": (["/a/b-c_d.e"], ["", "a", "/a*", "/a b"]),
}
OUTPUTS = {
    "BucketName",
    "WorkBucketName",
    "ApiUrl",
    "ApiKeyId",
    "JobsTableName",
    "PollStateMachineArn",
    "BackfillStateMachineArn",  # of our own choice, for make backfill
    "UploadsQueueUrl",
    "DispatchQueueUrl",
    "UploadsDeadLetterQueueUrl",
    "DispatchDeadLetterQueueUrl",
    "CompletionsDeadLetterQueueUrl",
    "EventBusName",
}
