"""What must hold when everything has come to its end."""

from collections import Counter, defaultdict

from cutout import keys
from cutout.adapters.messages import DETAIL_TYPES
from cutout.gate import settle_time
from cutout.models import JobState, ObjectRef
from tests.property.universe import Universe
from tests.world import BUCKET


def problems(universe: Universe) -> list[str]:
    """Return a sentence for everything that does not hold."""
    return [
        *universe.watch.violations,
        *_ends(universe),
        *_money(universe),
        *_results(universe),
    ]


def _ends(universe: Universe) -> list[str]:
    """Every job has an end, announced once or more and always as the same; no slot is left."""
    found = []
    events = defaultdict(set)
    for detail_type, detail in universe.world.announcer.events:
        if "job_id" in detail:
            events[detail["job_id"], detail["run"]].add(detail_type)
    for job in universe.jobs():
        if not job.is_over:
            found.append(f"{job.key} stays {job.state}")
        elif not job.announced or events[job.job_id, job.run] != {DETAIL_TYPES[job.state]}:
            found.append(f"{job.key} is {job.state}, announced: {events[job.job_id, job.run]}")
    gate = settle_time(universe.world.gate.gate, universe.clock.now_ms())
    if gate.provider("eachlabs").slots:
        found.append("a slot is held for ever")
    return found


def _money(universe: Universe) -> list[str]:
    """The gate's sum is the ledger's, and the ledger explains every prediction of the provider."""
    found = []
    gate = settle_time(universe.world.gate.gate, universe.clock.now_ms())
    lines = universe.world.ledger.lines.values()
    booked = sum(line.microusd for line in lines if line.month == gate.month)
    # What nobody answered for is looked at by reconcile before the lease ends. If that did not run
    # the gate counts too much, never too little, and the ledger may lack a *maybe created*.
    missed = universe.watch.ticks_missed
    if booked != gate.spent_microusd and not (missed and booked < gate.spent_microusd):
        found.append(f"the gate counts {gate.spent_microusd}, the ledger {booked}")
    made = Counter(one.job_id for one in universe.books.predictions.values())
    per_job = Counter(line.job_id for line in lines)
    plain = Counter(line.job_id for line in lines if line.why == "created")
    for job_id, count in made.items():
        if count > per_job[job_id] and not missed:
            found.append(f"{count} predictions, {per_job[job_id]} ledger lines")
    if max(plain.values(), default=0) > 1:
        found.append("a job is paid twice, and the ledger does not say why")
    return found


def _results(universe: Universe) -> list[str]:
    """One result per version at most, the newest version's stands, and others' objects too."""
    found = []
    objects = universe.world.images.objects
    owners = Counter(v.metadata[keys.JOB_METADATA] for v in objects.values() if v.metadata)
    if max(owners.values(), default=0) > 1:
        found.append("one version has two results")
    for name, version in universe.not_ours.items():
        if objects.get((BUCKET, name)) != version:
            found.append("an object that is not ours was touched")
    jobs = {job.job_id: job for job in universe.jobs()}
    for bucket, key in objects:
        source = universe.world.images.inspect(ObjectRef(bucket=bucket, key=key))
        job = jobs.get(keys.job_id(source))
        if job is None or job.state is not JobState.SUCCEEDED or job.result is None:
            continue
        stands = objects.get((bucket, job.result.key))
        if stands is None or stands.metadata[keys.JOB_METADATA] != job.job_id:
            found.append("an older version's result stands over the newest one's")
    return found
