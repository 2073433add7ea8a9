//! Consumer groups in Kafka's classic protocol, coordinated by the leaders of the offsets partitions.
//!
//! Holds: what members and coordinators say to each other, and a broker's coordinators: a [`Reign`] for each
//! partition of `__consumer_offsets` that the broker leads. A group lives in the partition that its name is
//! hashed onto; what its coordinator knows is the fold of that partition, so whoever is elected next knows it too.
//! One input's way: `on_request` finds the reign, the handler beside this file changes the group and leaves what
//! is to be written, the reign appends it through its partition, and the answer waits for the high watermark.
//! Whoever leads no longer has no reign, and refuses (`NOT_COORDINATOR`).
//! A coordinator hands subscriptions and assignments on as they are; only members know what they mean.
//! Deliberately absent: the consumer protocol of KIP-848, describing and listing groups.
//!
//! | file | holds |
//! |---|---|
//! | `config` | settings; which partition a group belongs to says [`crate::coordinator::place`] |
//! | `record`, `table` | the offsets partition's records as bytes, and their fold |
//! | `reign`, `load` | a coordinator: its writes, how it begins |
//! | `state` | a group and its members |
//! | `join`, `rebalance`, `sync`, `heartbeat`, `leave`, `commit`, `txn_commit`, `fetch`, `delete` | a request each |
//! | `expire` | deadlines and retention |

mod commit;
pub mod config;
mod delete;
mod expire;
mod fetch;
mod heartbeat;
mod join;
mod leave;
mod load;
pub mod message;
pub mod probe;
mod rebalance;
pub mod record;
mod reign;
pub(crate) mod state;
mod sync;
mod table;
mod txn_commit;

use crate::coordinator::place::Home;
use crate::coordinator::reigns::Reigns;
use crate::env::DiskFault;
use crate::group::config::{GroupConfig, OFFSETS_TOPIC};
use crate::group::message::{GroupReply, GroupRequest};
use crate::host::Host;
use crate::ids::{BrokerId, GroupId, TopicPartition};
use crate::message::Reply;
use crate::metadata::Image;
use crate::partition::{Asker, Context, Partition};
use crate::quirk::{Quirk, Quirks};
use crate::refused::Refused;
use crate::timer::{GroupTimer, Timer};
use crate::transaction::message::WriteMarker;

pub use reign::Reign;
pub use state::{Group, Member, State};
pub use table::{Entry, Table};

/// A broker's coordinators.
#[derive(Debug, Clone)]
pub struct Groups {
    config: GroupConfig,
    quirks: Quirks,
    /// The offsets topic.
    pub(crate) home: Home,
    reigns: Reigns<Reign>,
}

impl Groups {
    /// No coordinator yet.
    pub const fn new(config: GroupConfig, quirks: Quirks) -> Self {
        Self { home: Home::named(OFFSETS_TOPIC), reigns: Reigns::new(config.load), config, quirks }
    }

    /// The coordinators, those that are over among them.
    pub fn reigns(&self) -> impl Iterator<Item = &Reign> {
        self.reigns.iter()
    }

    /// Which partition a group belongs to; `None` while there is no offsets topic.
    pub(crate) fn place(&self, group: &GroupId, image: &Image) -> Option<TopicPartition> {
        self.home.place(&group.0, image)
    }

    /// Who coordinates a group, as far as this broker knows.
    pub(crate) fn coordinator(&self, group: &GroupId, image: &Image) -> Result<BrokerId, Refused> {
        if group.0.is_empty() {
            return Err(Refused::InvalidGroupId);
        }
        self.home.coordinator(&group.0, image).ok_or(Refused::CoordinatorNotAvailable)
    }

    /// A request about a group of `partition`.
    pub(crate) fn on_request(
        &mut self,
        asker: Asker,
        request: GroupRequest,
        partition: &mut Partition,
        ctx: &mut Context<'_>,
        env: &mut Host<'_>,
    ) -> Result<(), DiskFault> {
        match self.reigns.serving(partition) {
            Err(refused) => {
                let reply = while_away(&request, refused);
                asker.answer(Reply::Group(reply), env);
                Ok(())
            }
            Ok(reign) => {
                handle(reign, asker, request, env);
                reign.write_drafts(partition, ctx, env)
            }
        }
    }

    /// A transaction ends in `partition`, and with it what it would commit there.
    pub(crate) fn on_marker(
        &mut self,
        asker: Asker,
        marker: WriteMarker,
        partition: &mut Partition,
        ctx: &mut Context<'_>,
        env: &mut Host<'_>,
    ) -> Result<(), DiskFault> {
        let written = partition.on_write_marker(asker, marker, ctx, env)?;
        if let Some(next) = written
            && let Some(reign) = self.reigns.current(partition.at())
        {
            reign.note_marker(next, marker.producer, marker.ending);
        }
        Ok(())
    }

    /// Something may have happened to `partition`: it leads or does no longer, or more of it is committed.
    pub(crate) fn on_partition(
        &mut self,
        partition: &mut Partition,
        ctx: &mut Context<'_>,
        env: &mut Host<'_>,
    ) -> Result<(), DiskFault> {
        self.reigns.follow(
            partition,
            |tenure, read| Reign::new(tenure, read, &self.config, self.quirks),
            env,
        );
        let Some(reign) = self.reigns.current(partition.at()) else { return Ok(()) };
        if !partition.is_exposed() {
            return Ok(());
        }
        let committed = partition.high_watermark();
        load::finish(reign, committed, env);
        reign.on_committed(committed, env);
        reign.write_drafts(partition, ctx, env)
    }

    /// One of the timers of `partition`'s coordinator ran out.
    pub(crate) fn on_timer(
        &mut self,
        timer: GroupTimer,
        partition: &mut Partition,
        ctx: &mut Context<'_>,
        env: &mut Host<'_>,
    ) -> Result<(), DiskFault> {
        if timer == GroupTimer::Unload {
            self.reigns.clear_away(partition.at(), env);
            if self.quirks.has(Quirk::LateUnload)
                && let Some(reign) = self.reigns.current(partition.at())
            {
                reign.wipe();
            }
            return Ok(());
        }
        let Some(reign) = self.reigns.current(partition.at()) else { return Ok(()) };
        match timer {
            GroupTimer::Load => load::step(reign, partition, env)?,
            GroupTimer::Deadline => expire::on_deadline(reign, env),
            GroupTimer::Retention => {
                expire::on_retention(reign, env);
                env.set_timer(
                    Timer::Group(reign.tenure.at, GroupTimer::Retention),
                    reign.config.retention_check,
                );
            }
            GroupTimer::Unload => {}
        }
        reign.write_drafts(partition, ctx, env)
    }
}

/// Routing only.
fn handle(reign: &mut Reign, asker: Asker, request: GroupRequest, env: &mut Host<'_>) {
    match request {
        GroupRequest::Join(request) => join::on_request(reign, asker, request, env),
        GroupRequest::Sync(request) => sync::on_request(reign, asker, request, env),
        GroupRequest::Heartbeat(request) => heartbeat::on_request(reign, asker, &request, env),
        GroupRequest::Leave(request) => leave::on_request(reign, asker, &request, env),
        GroupRequest::OffsetCommit(request) => commit::on_request(reign, asker, request, env),
        GroupRequest::OffsetFetch(request) => fetch::on_request(reign, asker, request, env),
        GroupRequest::Delete { group } => delete::on_request(reign, asker, &group, env),
        GroupRequest::TxnOffsetCommit(request) => txn_commit::on_request(reign, asker, request, env),
        // The broker answers these itself.
        GroupRequest::FindCoordinator { .. } => {}
    }
}

/// The answer of a broker that does not coordinate the group, or not yet.
fn while_away(request: &GroupRequest, refused: Refused) -> GroupReply {
    let loading = refused == Refused::CoordinatorLoadInProgress;
    // As Kafka answers: the member is as alive as it says, and joins again if its generation is lost.
    if loading && matches!(request, GroupRequest::Heartbeat(_)) {
        return GroupReply::Heartbeat(Ok(()));
    }
    if loading && matches!(request, GroupRequest::Sync(_)) {
        return GroupReply::Sync(Err(Refused::RebalanceInProgress));
    }
    request.refuse(refused)
}
