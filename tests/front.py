"""The jobs API in front of the application on fakes, and calls as API Gateway makes them."""

import json
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from cutout.api.counter import Counter
from cutout.api.door import Door
from cutout.api.routes import resolver
from cutout.bootstrap import _limits
from cutout.services.desk import Desk
from cutout.services.overview import Overview
from cutout.services.repeating import Repeating
from tests.fake_doors import FakeHandouts, InMemoryJobLists, InMemoryRepeats
from tests.world import World


@dataclass(frozen=True)
class Answer:
    """What a caller sees."""

    status: int
    headers: dict[str, str]
    json: Any


class Front:
    """The jobs API of a world."""

    def __init__(self, world: World) -> None:
        self.handouts = FakeHandouts()
        self.lists = InMemoryJobLists(world.jobs)
        self.repeats = InMemoryRepeats()
        self.desk = Desk(
            records=world.records,
            intake=world.intake,
            images=world.images,
            messages=world.messages,
            handouts=self.handouts,
            settings=world.settings,
            clock=world.clock,
        )
        self.overview = Overview(
            store=world.jobs,
            lists=self.lists,
            line=world.line,
            gate=world.gate,
            limits={name: _limits(world.settings.provider(name)) for name in world.providers},
            settings=world.settings,
            clock=world.clock,
        )
        counter = Counter(
            desk=self.desk,
            overview=self.overview,
            repeating=Repeating(self.repeats, world.jobs, world.clock),
            handouts=self.handouts,
            settings=world.settings,
            clock=world.clock,
        )
        self.door = Door(resolver(counter))

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        base: str = "",
        **event: object,
    ) -> Answer:
        """Call a route; a text body is sent as it is, anything else as JSON.

        `base` is the base path of a custom domain.
        """
        text = body if body is None or isinstance(body, str) else json.dumps(body)
        made = {
            "path": f"{base}{path}",
            "pathParameters": {"proxy": path.removeprefix("/")},
            "httpMethod": method,
            "headers": headers or {},
            "queryStringParameters": query,
            "multiValueQueryStringParameters": {k: [v] for k, v in (query or {}).items()},
            "requestContext": {"stage": "v1", "path": f"/v1{path}", "httpMethod": method},
            "body": text,
            "isBase64Encoded": False,
        }
        said = self.door.answer(made | event, LambdaContext())
        found = {name: values[-1] for name, values in said["multiValueHeaders"].items()}
        return Answer(said["statusCode"], found, json.loads(said["body"]))
