"""Between the routes and the use cases: what is asked, in their words; what is shown, in views."""

from cutout.api import views
from cutout.api.views import JobPage, JobRequest, JobView, ResultView, UploadRequest, UploadView
from cutout.errors import RequestInvalidError
from cutout.models import Job, JobState
from cutout.ports import Clock, Handouts
from cutout.services.desk import FORM_SECONDS, Desk
from cutout.services.overview import Overview, Page, Standing
from cutout.services.repeating import Repeating, job_id_of
from cutout.settings import Settings

RESULT_URL_SECONDS = 900


class Counter:
    """The use cases behind the routes."""

    def __init__(  # noqa: PLR0913 the composition root names every one
        self,
        *,
        desk: Desk,
        overview: Overview,
        repeating: Repeating,
        handouts: Handouts,
        settings: Settings,
        clock: Clock,
    ) -> None:
        """Keep the collaborators."""
        self.desk = desk
        self._overview = overview
        self._repeating = repeating
        self._handouts = handouts
        self._settings = settings
        self._clock = clock

    def create(
        self, request: JobRequest, idempotency_key: str | None, wait_s: int = 0
    ) -> tuple[Job, bool]:
        """Return the job of a request, at its end if that comes within so many seconds.

        And whether it was waited for as long as that.
        """
        until_ms = self._clock.now_ms() + 1000 * wait_s
        job = self._order(request, idempotency_key)
        if not wait_s:
            return job, False
        job = self._overview.awaited(job, until_ms)
        return job, job.is_over or self._clock.now_ms() >= until_ms

    def _order(self, request: JobRequest, idempotency_key: str | None) -> Job:
        """Return the job of a request as it is taken."""
        key, image_url = request.key, request.image_url
        if key is not None and image_url is None:
            order = {"key": key}
            return self._repeating.once(idempotency_key, order, lambda: self.desk.cut_key(key))
        if image_url is not None and key is None:
            order = {"image_url": image_url}
            job_id = job_id_of(idempotency_key)
            return self._repeating.once(
                idempotency_key, order, lambda: self.desk.cut_url(image_url, job_id)
            )
        message = "Name exactly one of key and image_url."
        raise RequestInvalidError("one_source", message)

    def retry(self, job_id: str, idempotency_key: str | None) -> Job:
        """Return a job in a new run."""
        return self._repeating.once(
            idempotency_key, {"retry": job_id}, lambda: self.desk.retry(job_id)
        )

    def page(
        self, key: str | None, state: JobState | None, cursor: str | None, limit: int
    ) -> JobPage:
        """Return a page of a list."""
        if key is not None and state is None:
            return self._page(self._overview.of_key(key, cursor, limit))
        if state is not None and key is None:
            return self._page(self._overview.in_state(state, cursor, limit))
        message = "List by exactly one of key and state."
        raise RequestInvalidError("one_filter", message)

    def upload(self, request: UploadRequest) -> UploadView:
        """Return the form of an upload."""
        key, form = self.desk.upload(request.filename, request.content_type)
        return UploadView(
            key=key,
            url=form.url,
            fields=form.fields,
            max_bytes=self._settings.max_input_bytes,
            expires_at=views.moment(self._clock.now_ms() + 1000 * FORM_SECONDS),
        )

    def view(self, job: Job) -> JobView:
        """Return a job with all that is known of it."""
        return views.job_view(job, self._overview.standing(job), self._result(job))

    def _page(self, page: Page) -> JobPage:
        """Return a page of jobs, without what would need a look at the line for each of them."""
        shown = [views.job_view(job, Standing(), self._result(job)) for job in page.jobs]
        return JobPage(jobs=shown, cursor=page.cursor)

    def _result(self, job: Job) -> ResultView | None:
        """Return the result with a URL that reads it for a while."""
        if job.result is None:
            return None
        url = self._handouts.result_url(job.bucket, job.result.key, RESULT_URL_SECONDS)
        until_ms = self._clock.now_ms() + 1000 * RESULT_URL_SECONDS
        return views.result_view(job.result, url, until_ms)
