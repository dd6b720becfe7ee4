"""The settings of a deployed stack, read once from `CUTOUT_*` environment variables.

The template sets every variable; `tests/template` holds the two lists against each other.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from cutout.errors import ConfigurationError
from cutout.keys import KeyRules
from cutout.models import Model

PREFIX = "CUTOUT_"
CREATE_TIMEOUT_MS = 45_000  # over the longest create: the timeouts of providers/http.py in a row
HOLD_FACTOR = 10  # DESIGN 4.4: a *maybe created* attempt waits 10 x the expected time
MIN_SOURCE_URL_SECONDS = 600  # a provider that is busy fetches late
PROVIDERS = ("eachlabs", "apiin")


def _split(value: object) -> object:
    """Turn a comma-separated parameter into a tuple, dropping blanks around the commas."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _micro(value: object) -> object:
    """Turn a price in dollars ("0.017") into integer micro-dollars (17000)."""
    if not isinstance(value, str):
        return value
    try:
        return round(float(value) * 1_000_000)
    except (ValueError, OverflowError):
        message = "not an amount in dollars"  # float's own sentence would quote the value
        raise ValueError(message) from None


def _without_slash(url: str) -> str:
    """Take slashes off the end of an address that paths are appended to."""
    return url.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_without_slash)]
CommaList = Annotated[tuple[str, ...], BeforeValidator(_split)]
ProviderList = Annotated[
    tuple[Literal["eachlabs", "apiin"], ...], BeforeValidator(_split), Field(min_length=1)
]
MicroUsd = Annotated[int, BeforeValidator(_micro), Field(ge=0)]


class ProviderSettings(Model):
    """What the gate and the adapter of one provider need to know."""

    name: str
    base_url: str
    api_key_parameter: str
    max_concurrent: int
    max_per_minute: int
    expected_s: float
    price_microusd: int
    uses_webhook: bool

    @property
    def per_minute(self) -> float:
        """Return how many images a minute both limits let through."""
        return min(self.max_per_minute, 60 * self.max_concurrent / self.expected_s)

    @property
    def hold_ms(self) -> int:
        """Return how long a *maybe created* attempt is held for its webhook (DESIGN 4.4)."""
        return CREATE_TIMEOUT_MS + round(1000 * HOLD_FACTOR * self.expected_s)


class Settings(Model):
    """Settings of one stack; a function that does not need a resource leaves its name empty."""

    stack_name: Annotated[str, Field(min_length=1)] = "cutout"
    monitoring: Literal["full", "alarms", "none"] = "full"
    jobs_table: str = ""
    work_bucket: str = ""
    images_bucket: str = ""
    dispatch_queue_url: str = ""
    prepare_queue_url: str = ""
    completions_queue_url: str = ""
    webhook_base_url: BaseUrl = ""
    poll_state_machine_arn: str = ""
    max_receives: Annotated[int, Field(ge=1)] = 5

    input_prefix: str = ""
    include_paths: CommaList = ()
    exclude_paths: CommaList = (
        # Temporary names of uploaders: paid for once more after the rename.
        *("*.part", "*.filepart", "*.partial", "*.crdownload", "*.tmp"),
        *("*/._*", "._*"),  # AppleDouble: what macOS keeps of a file where it can't keep it in it
    )
    # Beyond ASCII a letter may be spelled in two ways, and the loop guard would know one of them.
    result_suffix: Annotated[str, Field(pattern=r"^[\x20-\x7e]+$")] = ".cutout"
    output_format: Literal["png", "webp"] = "png"
    result_cache_control: Annotated[str, AfterValidator(str.strip)] = ""
    results_prefix: str = "cutouts/"
    uploads_prefix: Annotated[str, Field(min_length=1)] = "uploads/"
    max_input_bytes: Annotated[int, Field(gt=0)] = 26_214_400

    providers: ProviderList = ("eachlabs",)
    eachlabs_api_key_parameter: str = "/cutout/eachlabs-api-key"
    eachlabs_base_url: BaseUrl = "https://api.eachlabs.ai/v1"
    eachlabs_completion: Literal["webhook", "poll"] = "webhook"
    eachlabs_max_concurrent: Annotated[int, Field(ge=1, le=100)] = 10
    eachlabs_max_per_minute: Annotated[int, Field(ge=1, le=1000)] = 100
    eachlabs_expected_seconds: Annotated[float, Field(gt=0)] = 9.0
    eachlabs_price_usd: MicroUsd = 17_000
    apiin_api_key_parameter: str = "/cutout/apiin-api-key"
    apiin_base_url: BaseUrl = "https://apiin.one"
    apiin_max_concurrent: Annotated[int, Field(ge=1, le=100)] = 5
    apiin_max_per_minute: Annotated[int, Field(ge=1, le=1000)] = 60
    apiin_expected_seconds: Annotated[float, Field(gt=0)] = 9.0
    apiin_price_usd: MicroUsd = 10_000

    monthly_budget_usd: MicroUsd = 100_000_000
    attempt_timeout_seconds: Annotated[int, Field(ge=1)] = 600
    max_attempts: Annotated[int, Field(ge=1)] = 3
    job_retention_days: Annotated[int, Field(ge=1)] = 90

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Build the settings from environment variables.

        Raises:
            ConfigurationError: a variable is unknown or its value is not allowed; the message
                names the variables and never their values.
        """
        values = {
            name.removeprefix(PREFIX).lower(): value
            for name, value in env.items()
            if name.startswith(PREFIX)
        }
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            wrong = sorted({PREFIX + str(e["loc"][0]).upper() for e in error.errors() if e["loc"]})
            message = f"these settings are wrong: {', '.join(wrong)}"
            raise ConfigurationError(message) from error

    @property
    def source_url_seconds(self) -> int:
        """Return how long a presigned URL of a source reads it: a little over one attempt."""
        return max(MIN_SOURCE_URL_SECONDS, self.attempt_timeout_seconds)

    def key_rules(self) -> KeyRules:
        """Return which keys are inputs."""
        return KeyRules(
            result_suffix=self.result_suffix,
            input_prefix=self.input_prefix,
            include=self.include_paths,
            exclude=self.exclude_paths,
            uploads_prefix=self.uploads_prefix,
        )

    def provider(self, name: str) -> ProviderSettings:
        """Return the settings of one provider.

        Raises:
            ConfigurationError: no such provider.
        """
        if name not in PROVIDERS:
            message = f"there is no provider named {name!r}"
            raise ConfigurationError(message)
        own = {
            field: getattr(self, f"{name}_{field}")
            for field in ("base_url", "api_key_parameter", "max_concurrent", "max_per_minute")
        }
        return ProviderSettings(
            name=name,
            expected_s=getattr(self, f"{name}_expected_seconds"),
            price_microusd=getattr(self, f"{name}_price_usd"),
            # API in One has no webhook (seed 002).
            uses_webhook=name == "eachlabs" and self.eachlabs_completion == "webhook",
            **own,
        )
