//! The settings of transactions: one table with that of groups, and what its rows mean.

use squall_core::client::{MemberConfig, ProducerConfig, TransactionalConfig};
use squall_core::ids::{GroupId, TransactionalId};
use squall_core::message::Acks;
use squall_core::quirk::Quirks;
use squall_core::time::Span;
use squall_core::transaction::config::TransactionConfig;
use squall_sim::knob::{Knob, Unit};
use squall_sim::settings::Settings;

use crate::checks::OwnedWithin;
use crate::cluster::{self, Layout, millis};
use crate::consumer_group::settings as group;
use crate::replicated_log::clients as log;
use crate::table::{joined, row, with};
use crate::workload::Pace;

use Unit::{Count, Millis};

const OWN: &[Knob] = &[
    row("txn.partitions", Count, 1, (1, 2), (1, 64), "transaction.state.log.num.partitions"),
    row("txn.timeout", Millis, 2_000, (400, 8_000), (10, 600_000), "transaction.timeout.ms"),
    row("txn.linger", Millis, 20, (0, 300), (0, 60_000), "how long a transaction waits for more records"),
    row("txn.aborts", Count, 1, (0, 3), (0, 1_000), "transactions that each member aborts on purpose"),
    row("txn.effects", Count, 2, (1, 3), (1, 64), "partitions of the topic that members write to"),
];

/// One group. Its offsets are kept for longer than a calendar is set forth in most runs: what an empty group was made
/// to forget is processed again, as it should be.
const OTHERS: &[Knob] = &[
    row("group.groups", Count, 1, (1, 1), (1, 1), "groups; one of them, whose members work in transactions"),
    row("group.members", Count, 2, (1, 3), (1, 50), "members of the group"),
    row("group.commit_every", Count, 5, (1, 10), (1, 10_000), "records of a transaction"),
    row(
        "group.retention",
        Millis,
        604_800_000,
        (600_000, 604_800_000),
        (10, 1 << 40),
        "how long an empty group's offsets are kept (offsets.retention.minutes)",
    ),
];

pub(super) static KNOBS: [Knob; group::ROWS + OWN.len()] =
    with(joined::<{ group::ROWS + OWN.len() }>(&group::TABLE, OWN), OTHERS);

/// Partitions are added, records written, offsets added and written, the end written: so many writes follow each other.
const WRITES: u64 = 5;

/// Refuses settings under which no transaction would ever end: its coordinator would abort each for taking too long,
/// and its member would begin it again.
pub(super) fn check(settings: &Settings) -> Result<(), String> {
    group::check(settings)?;
    // Written by the leader, copied by a follower, whose next fetch tells the leader so.
    let write = cluster::round_trip(settings).times(2) + cluster::flush(settings).times(2);
    let records = Span::from_micros(settings.get("group.work")).times(settings.get("group.commit_every"));
    let needs = records + millis(settings, "txn.linger") + write.times(WRITES);
    let timeout = millis(settings, "txn.timeout");
    if needs.times(2) <= timeout {
        return Ok(());
    }
    Err(format!(
        "txn.timeout ({} ms) must be twice what a transaction may take ({} ms): its records, txn.linger and {WRITES} \
         writes to two disks",
        timeout.as_millis(),
        needs.as_millis()
    ))
}

/// A member of the group without automatic commits: transactions do that.
pub(super) fn member(settings: &Settings, layout: Layout, quirks: Quirks) -> MemberConfig {
    MemberConfig {
        group: GroupId("pipeline".into()),
        auto_commit: None,
        ..group::member(settings, layout, quirks)
    }
}

/// How soon partitions have owners again once everybody can work: as members of any group, and once a transaction is over
/// that was begun, whose end is asked for until it is given up.
pub(super) fn owned_within(settings: &Settings) -> OwnedWithin {
    let within = group::owned_within(settings);
    let ended = millis(settings, "txn.timeout") + millis(settings, "client.delivery_timeout");
    OwnedWithin { rounds: within.rounds + ended, ..within }
}

/// A producer with the transactional id of this number.
pub(super) fn producer(settings: &Settings, layout: Layout, quirks: Quirks, number: u32) -> ProducerConfig {
    ProducerConfig {
        acks: Acks::All,
        idempotent: true,
        quirks,
        transactional: Some(TransactionalConfig {
            id: TransactionalId(format!("pipeline-{number}").into()),
            timeout: millis(settings, "txn.timeout"),
        }),
        ..log::producer_config(settings, layout)
    }
}

/// The settings of transactions' coordinators; they load and unload like those of groups.
pub(super) fn coordinator(settings: &Settings) -> TransactionConfig {
    let groups = group::coordinator(settings);
    TransactionConfig {
        write_timeout: groups.write_timeout,
        load: groups.load,
        marker_backoff: millis(settings, "client.retry_backoff"),
        marker_timeout: millis(settings, "client.request_timeout"),
        ..TransactionConfig::default()
    }
}

/// How members work; `alone`: no other process has a name of this one.
pub(super) fn pace(settings: &Settings, alone: bool) -> Pace {
    Pace {
        takes: Span::from_micros(settings.get("group.work")),
        records: settings.get("group.commit_every") as u32,
        linger: millis(settings, "txn.linger"),
        restart: alone.then(|| millis(settings, "group.session")),
    }
}
