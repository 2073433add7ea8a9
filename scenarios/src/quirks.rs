//! The names of the defects on purpose, and what each was.

use squall_core::quirk::{Quirk, Quirks};

/// Every quirk: its name in `--quirk`, and what it is, with its source.
pub const QUIRKS: &[(&str, &str)] = &[
    (
        "trunc-to-hw",
        "a follower of a new leader cuts its log to its own high watermark (KIP-101, apache/kafka#2808)",
    ),
    (
        "divergence-without-epoch",
        "the answer about a divergence is an offset without the epoch it ends (KIP-279, KAFKA-6361)",
    ),
    (
        "unfenced-fetch",
        "a fetch counts although follower and leader are in different leader epochs (KIP-320, KAFKA-6880)",
    ),
    (
        "hw-ignores-pending-isr",
        "the high watermark ignores an ISR change that is still being agreed (KIP-497, KAFKA-8836)",
    ),
    (
        "stale-broker-epoch",
        "a replica that lost its disk joins the ISR on the word of its earlier life (KIP-903, apache/kafka#13408)",
    ),
    ("volatile-vote", "a vote is answered before it is durable (nats-server 73ba2d0b2, fixed by 53c85c2cd)"),
    (
        "producer-table-leader-only",
        "followers do not build the table of producers, so a new leader knows no duplicates (KAFKA-5494, redpanda#3039)",
    ),
    (
        "recovery-without-crc",
        "recovery believes lengths and does not look at checksums (nats-server#7549, KAFKA-14104)",
    ),
    (
        "commit-without-generation",
        "an offset commit is taken whoever sends it, of whatever generation (KAFKA-9823, apache/kafka#8445)",
    ),
    (
        "late-unload",
        "a coordinator's late unload wipes what its next reign has loaded (KAFKA-10614, apache/kafka#9441)",
    ),
    (
        "live-offsets-expire",
        "offsets expire by the time of their commit, though their group is alive (KIP-211, KAFKA-4682)",
    ),
    (
        "static-member-not-fenced",
        "a static member that comes back during a rebalance gets its earlier life's id, and nobody is fenced (KAFKA-8500, apache/kafka#6899)",
    ),
    (
        "partition-owned-twice",
        "a group's partition is given to its next owner before the last one has let it go (KAFKA-16147, KAFKA-14639)",
    ),
    (
        "unvalidated-position",
        "a consumer goes on at its offset without asking whether the log was cut before it (KIP-320, KAFKA-6880)",
    ),
    (
        "clean-past-high-watermark",
        "compaction goes by the log end, so records that are cut later have displaced committed ones (KAFKA-13194)",
    ),
    (
        "delayed-end-txn",
        "a transaction's end is taken whatever the producer's epoch, so a late one ends the next (KAFKA-17754)",
    ),
    (
        "write-after-abort",
        "a transactional batch is written though nobody asked whether its transaction is open (KIP-890, KAFKA-14402)",
    ),
    (
        "lso-off-by-one",
        "the last stable offset lies behind the first record of the oldest open transaction (redpanda#3036)",
    ),
    (
        "retry-overtakes",
        "a producer without idempotence has several batches in flight, and a retry lands behind its successors (KAFKA-3197, apache/kafka#857)",
    ),
    (
        "retry-poison-forever",
        "a share group tries a record that fails for ever, and nothing behind it (MassTransit#6216)",
    ),
    (
        "late-acknowledgement",
        "an acknowledgement counts though its lock ran out and another worker has the record (KIP-932)",
    ),
    (
        "poison-parks-silently",
        "after its last attempt a record is set aside without a letter (pipeshub-ai#3445)",
    ),
];

/// The quirk of a name.
pub fn named(name: &str) -> Option<Quirk> {
    let place = QUIRKS.iter().position(|(known, _)| *known == name)?;
    Some(Quirk::ALL[place])
}

/// The set of these names.
///
/// # Panics
/// If a name is unknown: whoever reads names from people checks them first.
pub fn set(names: &[String]) -> Quirks {
    names.iter().fold(Quirks::NONE, |quirks, name| {
        quirks.with(named(name).unwrap_or_else(|| panic!("no quirk is called {name}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quirk_has_a_name_of_its_own() {
        assert_eq!(QUIRKS.len(), Quirk::ALL.len());
        for (place, (name, _)) in QUIRKS.iter().enumerate() {
            assert_eq!(named(name), Some(Quirk::ALL[place]));
        }
        assert_eq!(named("no-such"), None);
    }
}
