"""Secrets: SSM SecureStrings, read by name and cached."""

from aws_lambda_powertools.utilities.parameters import SSMProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from cutout.adapters.aws import client
from cutout.errors import ConfigurationError


class SecretParameter:
    """One SecureString."""

    def __init__(self, name: str, max_age_s: int) -> None:
        """Keep the parameter's name and how long its value may be cached."""
        self._name = name
        self._max_age_s = max_age_s
        self._ssm = SSMProvider(boto3_client=client("ssm"))

    def value(self) -> str:
        """Return the value; never log it.

        Raises:
            ConfigurationError: the parameter is missing, unreadable or empty.
        """
        try:
            value = self._ssm.get(self._name, decrypt=True, max_age=self._max_age_s)
        except GetParameterError as error:
            message = f"the SSM parameter {self._name} cannot be read"
            raise ConfigurationError(message) from error
        if not isinstance(value, str) or not value.strip():
            message = f"the SSM parameter {self._name} is empty"
            raise ConfigurationError(message)
        return value.strip()
