//! What the controllers decided, read from them record by record, and handed to the replicas.

use std::collections::btree_map::Entry;
use std::sync::Arc;

use crate::broker::{Broker, Parts, lifecycle};
use crate::env::DiskFault;
use crate::host::Host;
use crate::ids::{CorrelationId, Offset, TopicId, TopicPartition};
use crate::message::{
    ClusterMetadata, FetchMetadata, Message, MetadataUpdate, PartitionMetadata, Reply, Request, TopicMetadata,
};
use crate::metadata::{MetadataRecord, Snapshot};
use crate::partition::{Asker, Partition};
use crate::probe::{MetadataProbe, Probe};
use crate::refused::Refused;
use crate::timer::{BrokerTimer, Timer};

/// Asks for the next records.
pub(super) fn fetch(broker: &mut Broker, env: &mut Host<'_>) {
    let id = broker.ids.next();
    broker.pending.metadata = Some(id);
    let max_wait = broker.config.metadata_wait;
    let request = Request::FetchMetadata(FetchMetadata { from: broker.image.end, max_wait });
    env.send(broker.controller(), Message::Request { id, request });
    env.set_timer(Timer::Broker(BrokerTimer::Metadata), max_wait + broker.config.request_timeout);
}

/// No answer in time, or the pause after a refusal is over.
pub(super) fn on_timer(broker: &mut Broker, env: &mut Host<'_>) {
    if broker.pending.metadata.is_some() {
        broker.turn_to(None);
    }
    fetch(broker, env);
}

/// The controller answered.
pub(super) fn on_update(
    broker: &mut Broker,
    id: CorrelationId,
    result: Result<MetadataUpdate, Refused>,
    env: &mut Host<'_>,
) -> Result<(), DiskFault> {
    if broker.pending.metadata != Some(id) {
        return Ok(());
    }
    broker.pending.metadata = None;
    match result {
        Ok(update) => {
            if let Some(touched) = apply(broker, update, env) {
                act(broker, touched, env)?;
            }
            fetch(broker, env);
        }
        Err(refused) => {
            if let Refused::NotController { leader } = refused {
                broker.turn_to(leader);
            }
            env.set_timer(Timer::Broker(BrokerTimer::Metadata), broker.config.replica.fetch_backoff);
        }
    }
    Ok(())
}

/// The partitions that changed; `None` stands for all of them.
type Touched = Option<Vec<TopicPartition>>;

/// Folds an update into the image. `None`: there was nothing new in it.
fn apply(broker: &mut Broker, update: MetadataUpdate, env: &mut Host<'_>) -> Option<Touched> {
    let loaded = update.snapshot.is_some_and(|snapshot| load(broker, &snapshot, env));
    let mut touched = Vec::new();
    let mut news = loaded;
    for (i, record) in update.records.into_iter().enumerate() {
        let offset = update.base.plus(i as u64);
        if offset != broker.image.end {
            continue;
        }
        news = true;
        touch(&record, &mut touched);
        broker.image.apply(offset, &record);
        env.probe(Probe::Metadata(MetadataProbe::Applied { offset, record }));
    }
    if news {
        broker.groups.home.on_metadata(&broker.image);
        broker.transactions.home.on_metadata(&broker.image);
        broker.shares.home.on_metadata(&broker.image);
    }
    news.then_some(if loaded { None } else { Some(touched) })
}

fn load(broker: &mut Broker, snapshot: &Arc<Snapshot>, env: &mut Host<'_>) -> bool {
    if snapshot.end <= broker.image.end {
        return false;
    }
    broker.image = Snapshot::clone(snapshot);
    let (end, digest) = (snapshot.end, snapshot.digest());
    env.probe(Probe::Metadata(MetadataProbe::Loaded { end, digest }));
    true
}

fn touch(record: &MetadataRecord, touched: &mut Vec<TopicPartition>) {
    match record {
        MetadataRecord::PartitionChanged { at, .. } => {
            if !touched.contains(at) {
                touched.push(*at);
            }
        }
        MetadataRecord::BrokerRegistered { .. }
        | MetadataRecord::BrokerUnfenced { .. }
        | MetadataRecord::BrokerFenced { .. }
        | MetadataRecord::TopicCreated { .. }
        | MetadataRecord::ProducerIdsAllocated { .. }
        | MetadataRecord::NoOp => {}
    }
}

/// Tells the replicas what changed, once the image holds this life's registration.
///
/// What the image learns before that is about an earlier registration. The replicas are told none of it, and
/// then everything at once, or a change that came just before the registration would never reach them.
pub(super) fn act(broker: &mut Broker, touched: Touched, env: &mut Host<'_>) -> Result<(), DiskFault> {
    let Some(epoch) = broker.epoch else { return Ok(()) };
    if !broker.image.is_registered(broker.config.id, epoch) {
        broker.told = false;
        return Ok(());
    }
    let touched = touched.filter(|_| broker.told).unwrap_or_else(|| all_partitions(broker));
    if !broker.told {
        // The controller unfences a broker that has read its own registration; it need not wait for that.
        broker.told = true;
        lifecycle::heartbeat(broker, env);
    }
    for at in touched {
        tell(broker, at, env)?;
    }
    Ok(())
}

fn all_partitions(broker: &Broker) -> Vec<TopicPartition> {
    let partitions = |(&topic, state): (&TopicId, &crate::metadata::TopicState)| {
        (0..state.partitions.len() as u32).map(move |partition| TopicPartition { topic, partition })
    };
    broker.image.topics.iter().flat_map(partitions).collect()
}

fn tell(broker: &mut Broker, at: TopicPartition, env: &mut Host<'_>) -> Result<(), DiskFault> {
    let intact = broker.intact;
    let Some(Parts { partitions, mut ctx, .. }) = broker.parts() else { return Ok(()) };
    let Some(state) = ctx.image.partition(at) else { return Ok(()) };
    if !state.replicas.contains(&ctx.me) {
        return Ok(());
    }
    let partition = match partitions.entry(at) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(new) => {
            // It has vouched for this log. To repair it now would hide that it must not.
            if intact && !Partition::is_sound(at, env)? {
                return Err(DiskFault::Io);
            }
            let cleanup = ctx.image.topics.get(&at.topic).map(|topic| topic.cleanup).unwrap_or_default();
            new.insert(Partition::open(at, cleanup, ctx.config, env)?)
        }
    };
    partition.on_metadata(state, &mut ctx, env)
}

/// A client asks who leads what.
pub(super) fn on_client_request(broker: &Broker, asker: Asker, env: &mut Host<'_>) -> Result<(), DiskFault> {
    let topics = broker.image.topics.iter().map(|(&topic, state)| TopicMetadata {
        topic,
        name: state.name.clone(),
        partitions: state
            .partitions
            .iter()
            .map(|p| PartitionMetadata { leader: p.leader, epoch: p.leader_epoch })
            .collect(),
    });
    let metadata = ClusterMetadata { version: broker.image.end, topics: topics.collect() };
    // A broker that has read nothing yet would make a client believe that there are no topics.
    let known = broker.image.end > Offset::ZERO;
    let result = if known { Ok(metadata) } else { Err(Refused::LeaderNotAvailable) };
    asker.answer(Reply::Metadata(result), env);
    Ok(())
}
