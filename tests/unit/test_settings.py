"""Settings come from CUTOUT_* variables; wrong ones are named and never quoted."""

import pytest

from cutout.errors import ConfigurationError
from cutout.settings import PREFIX, Settings
from tests.stack import template

SECRET = "sk-secret"
WRONG = {
    "EACHLABS_MAX_CONCURRENT": ["0", "101", "ten", ""],
    "EACHLABS_MAX_PER_MINUTE": ["0", "1001", "1.5"],
    "EACHLABS_EXPECTED_SECONDS": ["0", "-1", "soon", "nan"],
    "EACHLABS_PRICE_USD": ["-0.01", "cheap", "nan"],
    "MONTHLY_BUDGET_USD": ["-1", "all", ""],
    "MAX_INPUT_BYTES": ["0", "-5", "25MB"],
    "ATTEMPT_TIMEOUT_SECONDS": ["0", "10m"],
    "MAX_ATTEMPTS": ["0", "many"],
    "JOB_RETENTION_DAYS": ["0", "x"],
    "MAX_RECEIVES": ["0"],
    "OUTPUT_FORMAT": ["jpg", "PNG", ""],
    "RESULT_SUFFIX": ["", ".été", ".抠图", ".a\n"],
    "MONITORING": ["", "all", "None"],
    "STACK_NAME": [""],
    "NO_SUCH_SETTING": ["1"],
}


def told(error: BaseException | None) -> str:
    """Return what a log shows of an error and of what it came from."""
    return f"{error}\n{error!r}\n{told(error.__cause__)}" if error is not None else ""


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_a_wrong_value_is_named(name: str, value: str) -> None:
    """The variable stands in the message."""
    with pytest.raises(ConfigurationError, match=f"{PREFIX}{name}$"):
        Settings.from_env({PREFIX + name: value})


def test_all_wrong_values_are_named_at_once() -> None:
    """In the order of the alphabet, so that one deployment mends them all."""
    env = {f"{PREFIX}{name}": values[0] for name, values in WRONG.items()}

    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env(env)

    names = str(caught.value).removeprefix("these settings are wrong: ").split(", ")
    assert names == sorted(env)


@pytest.mark.parametrize("name", sorted(set(WRONG) - {"EACHLABS_PRICE_USD", "MONTHLY_BUDGET_USD"}))
def test_a_wrong_value_is_never_shown(name: str) -> None:
    """Somebody may have put a key in the wrong place; the log does not repeat it."""
    value = "" if name == "RESULT_SUFFIX" else SECRET
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env({PREFIX + name: value, f"{PREFIX}EACHLABS_API_KEY": SECRET})

    assert SECRET not in told(caught.value)


@pytest.mark.parametrize("name", ["EACHLABS_PRICE_USD", "MONTHLY_BUDGET_USD"])
def test_a_wrong_price_is_never_shown(name: str) -> None:
    """Neither is one where a number was expected."""
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env({PREFIX + name: SECRET})

    assert SECRET not in told(caught.value)


@pytest.mark.parametrize("name", ["EACHLABS_PRICE_USD", "MONTHLY_BUDGET_USD"])
def test_an_infinite_price_is_named(name: str) -> None:
    """It is a wrong value like any other."""
    with pytest.raises(ConfigurationError):
        Settings.from_env({PREFIX + name: "inf"})


def test_defaults_are_the_templates() -> None:
    """Where the template has a parameter of a setting, both start the same."""
    said = template()
    variables = said["Globals"]["Function"]["Environment"]["Variables"]
    env = {
        name: str(said["Parameters"][value["Ref"]]["Default"])
        for name, value in variables.items()
        if isinstance(value, dict) and value.get("Ref") in said["Parameters"]
    }

    assert len(env) > 10
    assert Settings.from_env(env) == Settings()


def test_other_variables_are_not_looked_at() -> None:
    """PATH is none of our business."""
    assert Settings.from_env({"PATH": "/bin", "AWS_REGION": "x"}) == Settings()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", ()), (" , ", ()), ("*.jpg", ("*.jpg",)), (" *.jpg , a b/* ,", ("*.jpg", "a b/*"))],
)
def test_lists_are_separated_by_commas(text: str, expected: tuple[str, ...]) -> None:
    """Blanks around commas are not part of a glob, blanks inside are."""
    assert Settings.from_env({f"{PREFIX}INCLUDE_PATHS": text}).include_paths == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0.017", 17_000), ("0", 0), ("100", 100_000_000), ("0.0000005", 0), ("0.0000015", 2)],
)
def test_money_is_whole_micro_dollars(text: str, expected: int) -> None:
    """Rounded to the nearest, never a fraction."""
    assert Settings.from_env({f"{PREFIX}EACHLABS_PRICE_USD": text}).eachlabs_price_usd == expected


def test_a_providers_settings_are_its_own() -> None:
    """With the slash at the end of its address taken away."""
    settings = Settings.from_env(
        {
            f"{PREFIX}EACHLABS_BASE_URL": "https://api.test/v1/",
            f"{PREFIX}EACHLABS_MAX_CONCURRENT": "3",
            f"{PREFIX}EACHLABS_PRICE_USD": "0.02",
        }
    )

    found = settings.provider("eachlabs")

    assert (found.name, found.base_url) == ("eachlabs", "https://api.test/v1")
    assert (found.max_concurrent, found.price_microusd) == (3, 20_000)


def test_no_address_ends_with_a_slash() -> None:
    """Paths are appended to it, whoever reads it."""
    found = Settings.from_env({"CUTOUT_WEBHOOK_BASE_URL": "https://hooks.test/"})

    assert found.webhook_base_url == "https://hooks.test"


@pytest.mark.parametrize("name", ["", "Eachlabs", "nobody"])
def test_an_unknown_provider_is_refused(name: str) -> None:
    """A typing error in the list is a wrong set-up."""
    with pytest.raises(ConfigurationError, match="no provider"):
        Settings().provider(name)
