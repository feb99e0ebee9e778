"""How often each kind of call is made."""

from soak import adaptors, kinds, rivals, stalled, uploads
from soak.kinds import Maker

# How often each is called, in proportion to the others. None of them ends a worker.
HARMLESS: dict[Maker, int] = {
    kinds.plain: 20,
    kinds.in_url: 5,
    kinds.by_digest: 10,
    kinds.fresh: 5,
    kinds.taking_turns: 4,
    kinds.in_copies: 6,
    kinds.with_packages: 4,
    kinds.sleeping: 10,
    kinds.waiting: 10,
    kinds.loading: 4,
    kinds.waiting_in_c: 2,
    kinds.busy: 4,
    kinds.streaming("generator", adaptors.GENERATOR): 8,
    kinds.streaming("async generator", adaptors.ASYNC_GENERATOR): 8,
    kinds.streaming("generator of async", adaptors.GENERATOR_LATER): 4,
    kinds.download: 5,
    kinds.upload: 4,
    kinds.echo: 5,
    kinds.streamed_echo: 5,
    kinds.form: 4,
    kinds.cached: 12,
    kinds.raising: 5,
    kinds.aborting: 5,
    kinds.broken: 4,
    kinds.late: 3,
    kinds.late_stream: 3,
    kinds.just_in_time: 4,
    kinds.parent: 2,
    uploads.ignored: 3,
    uploads.tasted: 3,
    uploads.refused: 3,
    uploads.read: 4,
    uploads.early: 4,
    stalled.reader: 1,
    rivals.patient: 3,
}
