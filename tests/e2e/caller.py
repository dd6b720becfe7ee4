"""A caller's view of the jobs API of a stack."""

from typing import Any

import httpx

from tests.e2e.shop import Shop, until

OVER = ("succeeded", "failed", "skipped")


class Caller:
    """Somebody with the API key."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.http = httpx.Client(
            base_url=shop.stack.api_url, headers={"x-api-key": shop.stack.api_key or ""}, timeout=60
        )

    def post(self, path: str, body: object = None, **headers: str) -> httpx.Response:
        """Post JSON; `Idempotency_Key` is a header."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post(path, json=body, headers=named)

    def get(self, path: str, **query: str) -> httpx.Response:
        """Get."""
        return self.http.get(path, params=query)

    def over(self, job_id: str) -> dict[str, Any]:
        """Return a job as soon as it is over."""

        def look() -> dict[str, Any] | None:
            job: dict[str, Any] = self.get(f"/jobs/{job_id}").json()
            return job if job["state"] in OVER else None

        found: dict[str, Any] = until(look, f"the end of {job_id}")
        return found

    def image_url(self, name: str, body: bytes) -> str:
        """Put an image where it is no input, and return an address of it for an hour."""
        key = f"web/{name}.cutout.png"
        self.shop.put(key, body)
        return str(
            self.shop.s3.generate_presigned_url(
                "get_object", Params={"Bucket": self.shop.bucket, "Key": key}
            )
        )
