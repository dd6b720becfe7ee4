"""Fakes of what only the jobs API uses: lists, answers to Idempotency-Keys, URLs and forms."""

from urllib.parse import quote

from cutout.models import Place, Repeat, UploadForm
from tests.fakes import Faults, InMemoryJobStore


class InMemoryJobLists:
    """Lists over a store's records."""

    def __init__(self, store: InMemoryJobStore) -> None:
        self._store = store

    def on_shelf(self, shelf: str, count: int, after: Place | None = None) -> list[Place]:
        """Return the next jobs of a shelf, by when they came to it."""
        found = [j for j in self._store.records.values() if j.shelf == shelf]
        return _page([Place(job_id=j.job_id, at_ms=j.updated_ms) for j in found], count, after)

    def of_source(self, source_id: str, count: int, after: Place | None = None) -> list[Place]:
        """Return the next jobs of an object, by when they were created."""
        found = [j for j in self._store.records.values() if j.job_id[:16] == source_id]
        return _page([Place(job_id=j.job_id, at_ms=j.created_ms) for j in found], count, after)


class InMemoryRepeats(Faults):
    """Answers by the hash of the key."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, Repeat] = {}

    def claim(self, repeat: Repeat) -> Repeat | None:
        """Keep a first request; return what is kept already if it is not the first."""
        self._meet("claim")
        known = self.kept.get(repeat.key_sha256)
        self.kept.setdefault(repeat.key_sha256, repeat)
        return known

    def settle(self, repeat: Repeat) -> None:
        """Keep the job of a claimed request."""
        self._meet("settle")
        self.kept[repeat.key_sha256] = repeat

    def forget(self, key_sha256: str) -> None:
        """Let a claim go whose request was refused."""
        self.kept.pop(key_sha256, None)


class FakeHandouts:
    """URLs that say what they are for."""

    def result_url(self, bucket: str, key: str, seconds: int) -> str:
        """Return a URL that reads a result."""
        return f"https://{bucket}.test/{quote(key)}?X-Amz-Expires={seconds}&X-Amz-Signature=fake"

    def upload_form(
        self, bucket: str, key: str, *, content_type: str, max_bytes: int, seconds: int
    ) -> UploadForm:
        """Return a form with its conditions in the open."""
        fields = {"key": key, "Content-Type": content_type, "policy": f"{max_bytes} {seconds}"}
        return UploadForm(url=f"https://{bucket}.test/", fields=fields)


def _page(places: list[Place], count: int, after: Place | None) -> list[Place]:
    """Return the newest places after one, whether that one still exists or not."""
    rest = [p for p in places if after is None or _age(p) < _age(after)]
    return sorted(rest, key=_age, reverse=True)[:count]


def _age(place: Place) -> tuple[int, str]:
    """Return what lists are sorted by."""
    return place.at_ms, place.job_id
