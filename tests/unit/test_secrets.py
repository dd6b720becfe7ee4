"""A provider's key goes on through hiccups of SSM, and many threads ask for it once."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any, cast

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from cutout.adapters.ssm import ASK_AGAIN_MS, SecretParameter
from cutout.errors import ConfigurationError, CutoutError, ProviderKeyUnreadableError
from tests.fakes import VirtualClock

NAME = "/cutout/eachlabs-api-key"
AGE_MS = 300_000
URL = "https://ssm.test"


def coded(code: str, status: int = 400) -> ClientError:
    """Return an error that SSM answers."""
    said: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(said, "GetParameter")


HICCUPS = [
    coded("ThrottlingException"),
    coded("InternalServerError", 500),
    coded("ServiceUnavailable", 503),
    coded("ExpiredTokenException"),
    coded("", 502),
    ReadTimeoutError(endpoint_url=URL),
    ConnectTimeoutError(endpoint_url=URL),
    EndpointConnectionError(endpoint_url=URL),
]
FAULTS = [
    coded("ParameterNotFound"),
    coded("ParameterVersionNotFound"),
    coded("AccessDeniedException"),
    coded("AccessDenied"),
    coded("InvalidKeyId"),
    coded("ValidationException"),
]


class Ssm:
    """SSM that answers as scripted, then with the parameter's value; counts what it is asked."""

    def __init__(self, value: str = "key-1") -> None:
        self.value = value
        self.script: deque[Exception] = deque()
        self.asked = 0
        self.before: Callable[[], object] = lambda: None

    def get_parameter(self, *, Name: str, WithDecryption: bool) -> dict[str, Any]:  # noqa: N803 boto3's
        """Answer."""
        assert (Name, WithDecryption) == (NAME, True)
        self.asked += 1
        self.before()
        if self.script:
            raise self.script.popleft()
        return {"Parameter": {"Value": self.value}}


class Case:
    """A parameter, SSM behind it, and the time."""

    def __init__(self) -> None:
        self.ssm = Ssm()
        self.clock = VirtualClock()
        self.key = SecretParameter(cast("Any", self.ssm), NAME, AGE_MS // 1000, self.clock)

    def expire(self) -> None:
        """Let the cached value become old."""
        self.key.value()
        self.clock.advance(AGE_MS)


@pytest.fixture
def case() -> Case:
    """Return a parameter that nobody has read yet."""
    return Case()


def side_by_side(count: int, read: Callable[[], str]) -> list[str]:
    """Return what so many threads get that ask at once: the value, or the kind of error."""
    start = Barrier(count)

    def one(_: int) -> str:
        start.wait(timeout=10)
        try:
            return read()
        except CutoutError as error:
            return type(error).__name__

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_a_value_is_kept_for_its_time(case: Case) -> None:
    """A rotated one is found when that is over."""
    case.key.value()
    case.ssm.value = "key-2"
    case.clock.advance(AGE_MS - 1)

    before = case.key.value()
    case.clock.advance(1)

    assert (before, case.key.value(), case.ssm.asked) == ("key-1", "key-2", 2)


@pytest.mark.parametrize("hiccup", HICCUPS, ids=repr)
def test_an_old_value_goes_on_through_a_hiccup(case: Case, hiccup: Exception) -> None:
    """And SSM is asked again a few seconds later, not at every create."""
    case.expire()
    case.ssm.script.append(hiccup)
    case.ssm.value = "key-2"

    during = [case.key.value() for _ in range(10)]
    asked = case.ssm.asked
    case.clock.advance(ASK_AGAIN_MS)

    assert during == ["key-1"] * 10
    assert asked == 2
    assert case.key.value() == "key-2"


@pytest.mark.parametrize("hiccup", HICCUPS, ids=repr)
def test_a_hiccup_at_the_first_reading_is_a_passing_fault(case: Case, hiccup: Exception) -> None:
    """The key may well be right; the message has the cause and no address."""
    case.ssm.script.append(hiccup)

    with pytest.raises(ProviderKeyUnreadableError, match=NAME) as caught:
        case.key.value()
    case.clock.advance(ASK_AGAIN_MS)

    assert URL not in str(caught.value)
    assert case.key.value() == "key-1"


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
@pytest.mark.parametrize("cached", [False, True])
def test_what_a_person_has_to_mend_is_the_set_up(
    case: Case, fault: Exception, *, cached: bool
) -> None:
    """Whether there was a value before or not; once mended it is found."""
    if cached:
        case.expire()
    case.ssm.script.append(fault)

    for _ in range(3):
        with pytest.raises(ConfigurationError, match=NAME):
            case.key.value()
    case.clock.advance(ASK_AGAIN_MS)

    assert case.key.value() == "key-1"


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_value_is_the_set_up(case: Case, text: str) -> None:
    """No provider takes it."""
    case.ssm.value = text

    with pytest.raises(ConfigurationError, match="empty"):
        case.key.value()


def test_ten_threads_that_meet_an_old_value_ask_once(case: Case) -> None:
    """Nine go on with the old one before the answer is there."""
    case.expire()
    case.ssm.value = "key-2"
    nine_are_through = Event()
    case.ssm.before = lambda: nine_are_through.wait(timeout=10)
    got: list[str] = []

    def read() -> str:
        value = case.key.value()
        got.append(value)
        if got.count("key-1") == 9:
            nine_are_through.set()
        return value

    values = side_by_side(10, read)

    assert sorted(values) == ["key-1"] * 9 + ["key-2"]
    assert case.ssm.asked == 2


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ([], "key-1"),
        ([coded("ThrottlingException")], "ProviderKeyUnreadableError"),
        ([coded("ParameterNotFound")], "ConfigurationError"),
    ],
)
def test_ten_threads_without_a_value_ask_once(
    case: Case, script: list[Exception], expected: str
) -> None:
    """They wait for the one answer, whatever it is."""
    case.ssm.script.extend(script)
    case.ssm.before = lambda: Event().wait(0.2)  # the others come meanwhile

    assert side_by_side(10, case.key.value) == [expected] * 10
    assert case.ssm.asked == 1


def test_ten_threads_with_a_refused_key_get_the_new_one_by_one_question(case: Case) -> None:
    """The cache did not know of the rotation."""
    case.key.value()
    case.clock.advance(AGE_MS // 2)
    case.ssm.value = "key-2"

    assert side_by_side(10, lambda: case.key.renewed("key-1")) == ["key-2"] * 10
    assert case.ssm.asked == 2
    assert case.key.value() == "key-2"


def test_a_refused_key_that_was_just_read_is_not_read_again(case: Case) -> None:
    """It is wrong; the provider pauses."""
    case.key.value()
    case.clock.advance(ASK_AGAIN_MS - 1)

    assert side_by_side(10, lambda: case.key.renewed("key-1")) == ["key-1"] * 10
    assert case.ssm.asked == 1


def test_a_refused_key_stays_what_it_is_when_ssm_does_not_answer(case: Case) -> None:
    """The refusal is what counts."""
    case.key.value()
    case.clock.advance(AGE_MS // 2)
    case.ssm.script.append(coded("ThrottlingException"))

    assert case.key.renewed("key-1") == "key-1"


def test_a_key_that_somebody_took_away_meanwhile_is_the_set_up(case: Case) -> None:
    """It can be refused, and be gone."""
    case.expire()
    case.ssm.script.append(coded("ParameterNotFound"))
    with pytest.raises(ConfigurationError):
        case.key.value()

    assert case.key.renewed("key-1") == "key-1"
