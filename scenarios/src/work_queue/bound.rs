//! How long a record may wait for a worker while nothing breaks, whatever is hard about those before it.
//!
//! One worker alone, the slowest and unluckiest of its group, is followed: others only help. It goes from partition to
//! partition. A visit that brings records takes
//!
//! > `visit` = 3 round trips + `share.look` + commit + read + work
//!
//! It asks, the leader asks after the partition's end, and the first record is read, a round trip each. A commit takes
//! until followers come back (`replica.fetch_backoff`) and have fetched all that may have been written before: of every
//! worker a fetch, a renewal and `share.max_records` acknowledgements, each a share-partition as a whole, at worst
//! one batch a round. To read is to read over all that lies between the records in hand, at worst the whole partition,
//! `client.fetch_bytes` at a time: `read` for each offset. Work is `share.work` a record. A visit that brings nothing
//! takes `share.max_wait` and a round trip.
//!
//! A visit to the record's partition brings it, or as many of those before it as may be had at once (`at_once`, the
//! least of `share.max_records`, `share.max_in_flight` and `share.pace`): what failed comes first, then what is new,
//! both in order. Or others hold them; then a visit of theirs ends that, and a delivery may be met in two visits. So
//! if `n` deliveries may come first, there are at most the lesser of `n` and `2 n / at_once` turns, each of
//!
//! > `turn` = 2 visits + an empty visit to every partition
//!
//! and each delivery costs its part of `share.pace_interval`, the record's own a whole one: while it was held, later ones
//! may have used up the pace. Deliveries of other partitions' records cost visits
//! likewise (`aside`).
//!
//! What may come first is counted from what is not worked yet. A poisoned record takes `share.delivery_limit`
//! deliveries in each of its lives (one, and one for each time that it is put back), less those that were seen, and the
//! room of two more for its letter; a rejected one a delivery and that room; others one. Each may once more be held by a
//! worker that is no more. Where an answer may come too late for whoever asked (a commit takes longer than
//! `client.request_timeout`), what it brings is nobody's until its lock runs out, and any record may be delivered as
//! often as a poisoned one. A slow record takes a worker one and a half locks in each life, and the locks of the others
//! in its hand run out meanwhile: `slow`, and a delivery for each of those (`in_hand`).
//!
//! Before all that (`warm`) what is under way when the quiet begins is over: answers that never come, back-offs, a
//! refresh of what clients know, all locks, and two intervals of the pace. There is no bound where replicas may give
//! up answers that are on their way: nothing is ever certain to be committed then.

use squall_core::time::Span;
use squall_sim::settings::Settings;

use crate::cluster::millis;
use crate::ghost::backlog::Bound;

use super::settings as table;

/// Clients wait so many back-offs at most (KIP-580: doubled up to ten times, and a fifth).
const LONGEST_REST: u64 = 10;

/// A batch of one record is no longer, but for the record's value.
const BATCH: u64 = 120;

/// So many bytes a record in flight takes in the state of its share-partition, and dead ones beside it.
const RECORD: u64 = 40;

/// The bound's parts, if there is a bound.
pub(super) fn bound(settings: &Settings) -> Option<Bound> {
    let span = |key| millis(settings, key);
    let count = |key| settings.get(key);
    let ask = Span::from_micros(count("net.latency") + count("net.jitter")).times(2);
    let sync = Span::from_micros(count("disk.sync") + count("disk.sync_jitter"));
    let round = ask + sync;
    if round >= span("replica.request_timeout") {
        return None;
    }
    let (records, partitions) = (count("share.max_records"), count("topic.partitions"));
    let in_flight = count("share.max_in_flight");
    let writes = count("share.groups") * count("share.workers") * (records + 2);
    let bytes = writes * (BATCH + RECORD * in_flight);
    let rounds = writes.min(1 + bytes.div_ceil(count("replica.fetch_bytes")));
    let commit = span("replica.fetch_backoff") + round.times(rounds + 2);
    let work = Span::from_micros(count("share.work")).times(records);
    let visit = ask.times(3) + span("share.look") + commit + work;
    let empty = span("share.max_wait") + ask;
    let (paced, interval) = table::pace(settings).unwrap_or((u32::MAX, Span::ZERO));
    // A fetch may end in the middle of a batch, which is fetched again.
    let fetched = 2 * (BATCH + count("workload.bytes")) * ask.0 / count("client.fetch_bytes");
    let (lock, request) = (span("share.lock"), span("client.request_timeout"));
    let rest = span("client.retry_backoff").times(LONGEST_REST);
    let lives = 1 + count("share.put_backs");
    Some(Bound {
        warm: (request + rest + lock).times(3)
            + span("share.max_wait")
            + span("client.metadata_max_age")
            + commit
            + interval.times(2),
        turn: visit.times(2) + empty.times(partitions),
        aside: visit,
        read: Span(fetched.min(ask.0)),
        paced: Span(interval.0.div_ceil(u64::from(paced))),
        interval,
        slow: lock.times(3 * lives),
        at_once: records.min(in_flight).min(u64::from(paced)),
        in_hand: records.saturating_sub(1) * lives,
        limit: count("share.delivery_limit"),
        put_backs: count("share.put_backs"),
        is_late: commit + ask >= request,
    })
}
