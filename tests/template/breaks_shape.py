"""Templates with wrong permissions or shapes, and the rules that must notice."""

from tests.template import rules_access as access
from tests.template import rules_shape as shape
from tests.template.breaks import Break, at

STATEMENT = "Policies|0|Statement|0"
DECRYPT_SOURCES = at("SubmitFunction", "Policies|0|Statement|2|Fn::If|1")
WEBHOOK_PATH = at("WebhookFunction", "Events|Webhook|Properties")
TO_UPLOADS = {"Fn::GetAtt": ["UploadsQueue", "Arn"]}
ANY_KEY = {"Fn::Sub": "arn:aws:s3:::${BucketName}/*"}
NEW_PARAMETER = {"Type": "String", "Default": "", "Description": "Of DESIGN 4.1."}

BREAKS = [
    Break(access.policies_are_written_out, at("StoreFunction", "Policies|0"), "AmazonS3FullAccess"),
    Break(
        access.policies_are_written_out,
        at("StoreFunction", "Policies|0"),
        {"S3CrudPolicy": {"BucketName": "images"}},
    ),
    Break(access.statements_say_what_they_are_for, at("PollFunction", f"{STATEMENT}|Sid")),
    Break(
        access.statements_are_narrow,
        at("BackfillMapPolicy", "PolicyDocument|Statement|0|Action"),
        "states:*",
    ),
    Break(access.statements_are_narrow, at("PollFunction", f"{STATEMENT}|Resource"), "*"),
    Break(access.statements_are_narrow, at("PollFunction", f"{STATEMENT}|Action"), "dynamodb:*"),
    Break(
        access.functions_touch_what_the_design_says,
        at("WebhookFunction", f"{STATEMENT}|Action"),
        "ssm:GetParameter",
    ),
    Break(
        access.results_are_all_that_is_written,
        at("StoreFunction", "Policies|0|Statement|2|Resource"),
        ANY_KEY,
    ),
    Break(
        access.results_are_all_that_is_written,
        at("SubmitFunction", f"{STATEMENT}|Action"),
        "s3:PutObject",
    ),
    Break(
        access.sources_are_never_deleted,
        at("SubmitFunction", f"{STATEMENT}|Action"),
        "s3:DeleteObject",
    ),
    Break(
        access.readers_tell_missing_from_forbidden, at("SubmitFunction", "Policies|0|Statement|1")
    ),
    Break(
        access.readers_tell_missing_from_forbidden,
        at("PrepareFunction", "Policies|0|Statement|1|Action|1"),
    ),
    Break(
        access.readers_tell_missing_from_forbidden,
        at("SubmitFunction", f"{STATEMENT}|Action"),
        "s3:GetObject",
    ),
    Break(access.encrypted_buckets_can_be_used, f"{DECRYPT_SOURCES}|Resource", "*"),
    Break(
        access.encrypted_buckets_can_be_used,
        f"{DECRYPT_SOURCES}|Action",
        ["kms:Decrypt", "kms:GenerateDataKey"],
    ),
    Break(access.encrypted_buckets_can_be_used, at("SubmitFunction", "Policies|0|Statement|2")),
    Break(
        access.encrypted_buckets_can_be_used,
        at("StoreFunction", "Policies|0|Statement|4|Fn::If|1|Action"),
        "kms:Decrypt",
    ),
    Break(
        access.keys_are_touched_only_when_named,
        at("SubmitFunction", "Policies|0|Statement|2|Fn::If|0"),
        "CreateBucket",
    ),
    Break(
        access.policies_are_written_out,
        at("PrepareFunction", "Events"),
        {"More": {"Type": "SQS", "Properties": {"Queue": TO_UPLOADS}}},
    ),
    Break(
        access.messages_are_taken_from_own_queues,
        at("PrepareFunction", "Policies|0|Statement|6"),
    ),
    Break(
        access.messages_are_taken_from_own_queues,
        at("PrepareFunction", "Policies|0|Statement|6|Resource"),
        TO_UPLOADS,
    ),
    Break(
        access.messages_are_taken_from_own_queues,
        at("PrepareFunction", "Policies|0|Statement|6|Action"),
        ["sqs:ReceiveMessage", "sqs:PurgeQueue"],
    ),
    Break(access.conditions_need_their_key, at("WebhookFunction", f"{STATEMENT}|Condition|Null")),
    Break(
        access.conditions_need_their_key,
        at("ApiFunction", "Policies|0|Statement|4|Condition|Null|dynamodb:LeadingKeys"),
        "true",
    ),
    Break(access.webhook_gets_one_job_and_sends, at("WebhookFunction", f"{STATEMENT}|Condition")),
    Break(
        access.webhook_gets_one_job_and_sends,
        at("WebhookFunction", f"{STATEMENT}|Action"),
        ["dynamodb:GetItem", "dynamodb:Query"],
    ),
    Break(
        access.webhook_gets_one_job_and_sends,
        at("WebhookFunction", "Policies|0|Statement|1|Resource|0"),
        TO_UPLOADS,
    ),
    Break(
        access.submit_alone_checks_before_a_place_leaves_the_line,
        at("PollFunction", f"{STATEMENT}|Action"),
        "dynamodb:ConditionCheckItem",
    ),
    Break(shape.parameters_and_outputs_are_described, "Parameters|Providers|Description"),
    Break(shape.parameters_and_outputs_are_described, "Outputs|ApiUrl|Description"),
    Break(shape.parameters_are_grouped, "Parameters|Ungrouped", NEW_PARAMETER),
    Break(shape.parameters_are_those_of_the_design, "Parameters|MaxAttempts|Default", 4),
    Break(shape.parameters_are_those_of_the_design, "Parameters|MaxAttempts"),
    Break(shape.parameters_are_those_of_the_design, "Parameters|Whatever", NEW_PARAMETER),
    Break(
        shape.parameters_allow_what_the_design_says, "Parameters|ApiinMaxConcurrent|MaxValue", 1000
    ),
    Break(shape.parameters_allow_what_the_design_says, "Parameters|LogLevel|Default", "LOUD"),
    Break(
        shape.patterns_refuse_what_would_hurt,
        "Parameters|ResultSuffix|AllowedPattern",
        '^[^*"\\\\]+$',
    ),
    Break(
        shape.patterns_refuse_what_would_hurt,
        "Parameters|ResultSuffix|AllowedPattern",
        "^[.]cutout$",
    ),
    Break(shape.patterns_refuse_what_would_hurt, "Parameters|InputPrefix|AllowedPattern"),
    Break(
        shape.patterns_refuse_what_would_hurt,
        "Parameters|ResultSuffix|AllowedPattern",
        '^[^*?"\\\\/${}]+$',
    ),
    Break(shape.texts_fit_where_they_are_written, "Parameters|ResultSuffix|MaxLength"),
    Break(shape.texts_fit_where_they_are_written, "Parameters|InputPrefix|MaxLength", 4_000),
    Break(shape.texts_fit_where_they_are_written, "Parameters|UploadsPrefix|MaxLength"),
    Break(
        shape.outputs_are_those_of_the_design,
        "Outputs|QueueUrl",
        {"Description": "New", "Value": "x"},
    ),
    Break(
        shape.buckets_are_private_and_encrypted,
        at("WorkBucket", "PublicAccessBlockConfiguration|BlockPublicAcls"),
    ),
    Break(shape.buckets_are_private_and_encrypted, at("ImagesBucket", "BucketEncryption")),
    Break(
        shape.images_are_encrypted_with_the_key_named,
        at(
            "ImagesBucket",
            "BucketEncryption|ServerSideEncryptionConfiguration|0|Fn::If|1|BucketKeyEnabled",
        ),
        value=False,
    ),
    Break(
        shape.images_are_encrypted_with_the_key_named,
        at("ImagesBucket", "BucketEncryption|ServerSideEncryptionConfiguration|0|Fn::If|0"),
        "CreateBucket",
    ),
    Break(shape.buckets_refuse_plain_http, "Resources|ImagesBucketPolicy"),
    Break(shape.stateful_resources_say_what_stays, "Resources|JobsTable|DeletionPolicy", "Retain"),
    Break(shape.stateful_resources_say_what_stays, "Resources|WorkBucket|DeletionPolicy", "Retain"),
    Break(shape.kept_buckets_keep_their_policy, "Resources|ImagesBucketPolicy|DeletionPolicy"),
    Break(shape.every_piece_uses_the_table_that_is_named, "Resources|JobsTable|Condition"),
    Break(
        shape.every_piece_uses_the_table_that_is_named,
        "Globals|Function|Environment|Variables|CUTOUT_JOBS_TABLE",
        {"Ref": "JobsTable"},
    ),
    Break(
        shape.every_piece_uses_the_table_that_is_named,
        "Outputs|JobsTableName|Value",
        {"Ref": "JobsTable"},
    ),
    Break(
        shape.every_piece_uses_the_table_that_is_named,
        at("PollFunction", f"{STATEMENT}|Resource"),
        {"Fn::GetAtt": ["JobsTable", "Arn"]},
    ),
    Break(shape.stateful_resources_say_what_stays, "Resources|PollLogGroup|UpdateReplacePolicy"),
    Break(shape.names_are_made_by_cloudformation, at("JobsTable", "TableName"), "jobs"),
    Break(shape.names_are_made_by_cloudformation, at("UploadsRule", "Name"), "uploads"),
    Break(shape.jobs_table_is_on_demand_and_forgets, at("JobsTable", "TimeToLiveSpecification")),
    Break(shape.jobs_table_is_on_demand_and_forgets, at("JobsTable", "BillingMode"), "PROVISIONED"),
    Break(shape.stages_record_no_path, at("Api", "TracingEnabled"), value=True),
    Break(shape.stages_record_no_path, at("Api", "AccessLogSetting"), {"Format": "$context.path"}),
    Break(shape.stages_record_no_path, at("Api", "MethodSettings|0|LoggingLevel"), "INFO"),
    Break(shape.open_routes_are_throttled, at("Api", "MethodSettings")),
    Break(shape.open_routes_are_throttled, at("Api", "MethodSettings|0|ThrottlingRateLimit"), 100),
    Break(shape.open_routes_are_throttled, at("Api", "MethodSettings|0|ThrottlingBurstLimit")),
    Break(shape.open_routes_are_throttled, at("WebhookFunction", "Tracing")),
    Break(shape.open_routes_are_throttled, f"{WEBHOOK_PATH}|Path", "/hooks"),
    Break(
        shape.layers_follow_the_architecture, "Resources|ImagingLayer|Metadata|BuildArchitecture"
    ),
    Break(shape.layers_follow_the_architecture, at("StoreFunction", "Architectures"), ["arm64"]),
]
