//! The settings of groups: one table, and what its rows mean to members and coordinators.

use squall_core::client::MemberConfig;
use squall_core::coordinator::LoadConfig;
use squall_core::group::config::GroupConfig;
use squall_core::group::message::Assignor;
use squall_core::ids::{GroupId, InstanceId};
use squall_core::quirk::Quirks;
use squall_core::time::Span;
use squall_sim::knob::{Knob, Unit};
use squall_sim::settings::Settings;

use super::PlannedAssignor;
use crate::checks::OwnedWithin;
use crate::cluster::{self, Layout, millis};
use crate::replicated_log::clients as log;
use crate::table::{joined, row};
use crate::workload::{TOPIC, Workstyle};

use Unit::{Bytes, Count, Micros, Millis};

const OWN: &[Knob] = &[
    row("group.groups", Count, 2, (1, 3), (0, 50), "groups; each reads everything"),
    row("group.members", Count, 2, (1, 4), (1, 50), "members of each group"),
    row("group.offsets_partitions", Count, 1, (1, 3), (1, 64), "offsets.topic.num.partitions"),
    row("group.session", Millis, 1_000, (400, 2_000), (10, 600_000), "session.timeout.ms"),
    row("group.heartbeat", Millis, 150, (50, 200), (1, 600_000), "heartbeat.interval.ms"),
    row("group.max_poll", Millis, 2_000, (600, 4_000), (10, 600_000), "max.poll.interval.ms"),
    row("group.auto_commit", Millis, 300, (50, 1_000), (1, 600_000), "auto.commit.interval.ms"),
    row("group.initial_delay", Millis, 100, (0, 500), (0, 600_000), "group.initial.rebalance.delay.ms"),
    row("group.write_timeout", Millis, 1_000, (300, 3_000), (10, 600_000), "offsets.commit.timeout.ms"),
    row(
        "group.retention",
        Millis,
        600_000,
        (1_000, 600_000),
        (10, 1 << 40),
        "how long an empty group's offsets are kept (offsets.retention.minutes)",
    ),
    row(
        "group.retention_check",
        Millis,
        500,
        (100, 2_000),
        (10, 600_000),
        "offsets.retention.check.interval.ms",
    ),
    row("group.load_bytes", Bytes, 4_096, (256, 8_192), (64, 1 << 24), "offsets.load.buffer.size"),
    row("group.load_pause", Millis, 5, (0, 100), (0, 60_000), "how long a coordinator takes to load so much"),
    row(
        "group.unload_pause",
        Millis,
        5,
        (0, 500),
        (0, 60_000),
        "how long until an ended reign is cleared away",
    ),
    row(
        "group.commit_every",
        Count,
        5,
        (1, 10),
        (1, 1_000_000),
        "records that a member processes between two commits",
    ),
    row("group.work", Micros, 500, (0, 20_000), (0, 10_000_000), "how long a member takes for a record"),
    row(
        "group.changes",
        Count,
        2,
        (0, 4),
        (0, 1_000),
        "how often each member leaves and comes back, or dawdles",
    ),
];

/// How many rows there are.
pub(crate) const ROWS: usize = log::KNOBS_WITH_GROUPS.len() + OWN.len();

/// All of them.
pub(crate) const TABLE: [Knob; ROWS] = joined(&log::KNOBS_WITH_GROUPS, OWN);

pub(super) static KNOBS: [Knob; ROWS] = TABLE;

/// Refuses settings under which a healthy group would never rest.
pub(crate) fn check(settings: &Settings) -> Result<(), String> {
    let below = |key: &str, times: u64, limit: &str| {
        if settings.get(key) * times <= settings.get(limit) {
            return Ok(());
        }
        Err(format!(
            "{key} ({}) must be at most a {times}th of {limit} ({})",
            settings.get(key),
            settings.get(limit)
        ))
    };
    below("group.heartbeat", 2, "group.session")?;
    let (work, poll) = (settings.get("group.work"), settings.get("group.max_poll") * 1_000);
    if work * 2 > poll {
        return Err(format!("group.work ({work} us) must be below half of group.max_poll ({poll} us)"));
    }
    copied_in_time(settings)
}

/// A commit is a batch of its own, of about so many bytes.
const COMMIT: u64 = 256;

/// Refuses settings under which commits that time out and are sent again come faster than a follower copies them: each
/// fetch holds only so many, and waits for the disk before the next.
fn copied_in_time(settings: &Settings) -> Result<(), String> {
    let members = settings.get("group.groups") * settings.get("group.members");
    let in_a_fetch = (settings.get("replica.fetch_bytes") / COMMIT).max(1);
    let fetch = cluster::round_trip(settings) + cluster::flush(settings);
    let needs = fetch.times(2 * members.div_ceil(in_a_fetch));
    let patience = settings.get("client.request_timeout").min(settings.get("group.write_timeout"));
    if needs <= Span::from_millis(patience) {
        return Ok(());
    }
    Err(format!(
        "client.request_timeout and group.write_timeout (at least {patience} ms) must leave {} ms to copy a commit of \
         each of {members} members, {in_a_fetch} in a fetch (replica.fetch_bytes)",
        needs.as_millis()
    ))
}

/// The settings of coordinators.
pub(crate) fn coordinator(settings: &Settings) -> GroupConfig {
    GroupConfig {
        session_min: Span::from_millis(1),
        session_max: Span::from_secs(1_800),
        initial_delay: millis(settings, "group.initial_delay"),
        new_member_timeout: millis(settings, "group.max_poll").times(4),
        write_timeout: millis(settings, "group.write_timeout"),
        retention: millis(settings, "group.retention"),
        retention_check: millis(settings, "group.retention_check"),
        load: LoadConfig {
            bytes: settings.get("group.load_bytes") as usize,
            pause: millis(settings, "group.load_pause"),
            unload_pause: millis(settings, "group.unload_pause"),
        },
        ..GroupConfig::default()
    }
}

/// A dynamic member of no group with automatic commits; its plan says what it is.
pub(crate) fn member(settings: &Settings, layout: Layout, quirks: Quirks) -> MemberConfig {
    let mut consumer = log::consumer_config(settings, layout);
    consumer.quirks = quirks;
    MemberConfig {
        consumer,
        group: GroupId("".into()),
        instance: None,
        topics: vec![TOPIC.into()],
        assignors: vec![Assignor::Range],
        session_timeout: millis(settings, "group.session"),
        heartbeat: millis(settings, "group.heartbeat"),
        max_poll: millis(settings, "group.max_poll"),
        auto_commit: Some(millis(settings, "group.auto_commit")),
        metadata_max_age: millis(settings, "client.metadata_max_age"),
    }
}

/// How soon partitions have owners again once everybody can work: [`OwnedWithin`] says what may pass until then.
pub(crate) fn owned_within(settings: &Settings) -> OwnedWithin {
    let millis = |key| millis(settings, key);
    let found = millis("client.metadata_max_age") + millis("client.request_timeout").times(2);
    let gone = found + millis("client.retry_backoff") + millis("group.session");
    let divided = millis("group.initial_delay") + millis("group.max_poll").times(2);
    let heard = millis("group.write_timeout") + millis("group.heartbeat").times(2);
    OwnedWithin {
        rounds: gone + divided + heard,
        load_bytes: settings.get("group.load_bytes"),
        load_pause: millis("group.load_pause"),
    }
}

/// How members work; `alone`: no other process has the name of this one.
pub(super) fn workstyle(settings: &Settings, alone: bool) -> Workstyle {
    Workstyle {
        takes: Span::from_micros(settings.get("group.work")),
        commit_every: settings.get("group.commit_every") as u32,
        restart: alone.then(|| millis(settings, "group.session")),
    }
}

/// A static member's name.
pub(crate) fn instance_name(instance: u32) -> InstanceId {
    InstanceId(format!("instance-{instance}").into())
}

impl From<PlannedAssignor> for Assignor {
    fn from(assignor: PlannedAssignor) -> Self {
        match assignor {
            PlannedAssignor::Range => Self::Range,
            PlannedAssignor::RoundRobin => Self::RoundRobin,
            PlannedAssignor::Sticky => Self::Sticky,
            PlannedAssignor::CooperativeSticky => Self::CooperativeSticky,
        }
    }
}
