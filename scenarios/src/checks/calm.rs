//! The calm: everything is healed, and the cluster must converge, serve, drain and be read again.
//!
//! Each step is waited for in turn; what it waits for is what a stall will be named after.

use squall_core::ids::{NodeId, TopicId, TopicPartition};
use squall_core::metadata::PartitionState;
use squall_core::partition::Partition;
use squall_sim::check::Progress;
use squall_sim::engine::World;

use crate::checks::{ClusterChecks, broker, owners, shares, transacted, work};
use crate::cluster::Member;
use crate::contract::stall;
use crate::workload::Reader;

/// The topic that is read: the first that is made. Any other is the groups'.
pub(super) const READ: TopicId = TopicId(0);

/// Why the cluster is not done yet.
type Settled = Result<(), String>;

pub(super) fn look(c: &mut ClusterChecks, world: &mut World<Member>) -> Progress {
    if let Some(lost) = &c.quorum.lost {
        return Progress::Excused { reason: lost.to_string() };
    }
    owners::look(c, world);
    match settled(c, world) {
        Err(waits) => Progress::Waiting(waits),
        Ok(()) => audit(c, world),
    }
}

fn settled(c: &ClusterChecks, world: &World<Member>) -> Settled {
    serves(c, world)?;
    clients_are_done(world)?;
    for at in partitions(c).into_iter().filter(|&at| !is_orphaned(c, at)) {
        partition_is_whole(c, world, at)?;
    }
    Ok(())
}

/// One controller decides, and all brokers follow it.
pub(super) fn serves(c: &ClusterChecks, world: &World<Member>) -> Settled {
    controllers_agree(c, world)?;
    brokers_serve(c, world)
}

/// Every partition that was decided.
pub(super) fn partitions(c: &ClusterChecks) -> Vec<TopicPartition> {
    let topics = c.metadata.image.topics.iter();
    let of = |(&topic, state): (&TopicId, &squall_core::metadata::TopicState)| {
        (0..state.partitions.len() as u32).map(move |partition| TopicPartition { topic, partition })
    };
    topics.flat_map(of).collect()
}

fn controllers_agree(c: &ClusterChecks, world: &World<Member>) -> Settled {
    let end = c.metadata.end();
    let mut active = 0;
    for node in c.layout.controller_nodes() {
        let Some(Member::Controller(controller)) = world.process(node) else {
            return Err(format!("controller {node} to be up"));
        };
        active += u32::from(controller.is_active());
        if controller.image().end != end {
            return Err(format!(
                "controller {node} to apply all metadata: it is at {} of {end}",
                controller.image().end
            ));
        }
    }
    if active == 1 {
        return Ok(());
    }
    Err(format!("one active controller: {active} are; {}", stall::no_quorum(&c.quorum, world)))
}

fn brokers_serve(c: &ClusterChecks, world: &World<Member>) -> Settled {
    for id in c.layout.broker_ids() {
        let Some(broker) = broker(world, id.node()) else { return Err(format!("broker {id} to be up")) };
        let registered = c.metadata.image.brokers.get(&id);
        if registered.is_none_or(|state| state.fenced || Some(state.epoch) != broker.epoch()) {
            return Err(format!("broker {id} to be registered and unfenced"));
        }
        if broker.image().end != c.metadata.end() {
            return Err(format!("broker {id} to apply all metadata"));
        }
    }
    Ok(())
}

fn clients_are_done(world: &World<Member>) -> Settled {
    for node in world.nodes() {
        let waits = match world.process(node) {
            Some(Member::Sender(sender)) if !sender.is_done() => "to be told of every record",
            Some(Member::IdTaker(taker)) if !taker.is_done() => "to get its producer ids",
            Some(Member::Admin(admin)) if !admin.is_done() => "to make its topics",
            Some(Member::Worker(worker)) if !worker.is_done() => "to do what its plan says",
            Some(Member::Pipeline(pipeline)) if !pipeline.is_done() => "to do what its plan says",
            Some(_) => continue,
            None => "to be up",
        };
        return Err(format!("{} {waits}", world.name(node)));
    }
    Ok(())
}

/// Whether all that is to be up is, and has what it needs: nothing that clients ask for is refused from here on.
pub(super) fn is_whole(c: &ClusterChecks, world: &World<Member>) -> bool {
    let all = || {
        controllers_agree(c, world)?;
        brokers_serve(c, world)?;
        clients_are_done(world)?;
        partitions(c).into_iter().try_for_each(|at| partition_is_led(c, world, at).map(|_| ()))
    };
    let all: Settled = all();
    all.is_ok()
}

/// Led, with all replicas in sync; answers the leader's replica.
fn partition_is_led<'w>(
    c: &ClusterChecks,
    world: &'w World<Member>,
    at: TopicPartition,
) -> Result<&'w Partition, String> {
    let Some(state) = c.metadata.image.partition(at) else { return Err(format!("{at} to exist")) };
    let Some(leader) = state.leader else { return Err(no_leader(c, at, state)) };
    if state.isr.len() < state.replicas.len() {
        return Err(format!("{at} to have all of {:?} in sync, not just {:?}", state.replicas, state.isr));
    }
    let leads = broker(world, leader.node()).and_then(|broker| broker.partition(at));
    let leads = leads.filter(|p| p.is_leader() && p.is_exposed());
    leads.ok_or_else(|| format!("broker {leader} to lead {at} in epoch {}", state.leader_epoch))
}

/// Led, all replicas in sync, all equally long, all of it committed.
fn partition_is_whole(c: &ClusterChecks, world: &World<Member>, at: TopicPartition) -> Settled {
    let Some(state) = c.metadata.image.partition(at) else { return Err(format!("{at} to exist")) };
    let end = partition_is_led(c, world, at)?.log().log_end();
    for id in &state.replicas {
        let replica = broker(world, id.node()).and_then(|broker| broker.partition(at));
        let Some(replica) = replica else { return Err(format!("broker {id} to hold {at}")) };
        if replica.log().log_end() != end || replica.high_watermark() != end {
            return Err(format!(
                "broker {id} to hold {at} up to {end}, all of it committed: log end {}, high watermark {}",
                replica.log().log_end(),
                replica.high_watermark()
            ));
        }
    }
    if transacted::is_of_effects(c, at) {
        return transacted::settled(c, world, at, end);
    }
    if at.topic != READ {
        return shares::at_rest(c, world, at, end);
    }
    shares::settled(c, world, at, end)?;
    readers_are_at_the_end(world, at, end)?;
    work::settled(c, world, at, end)
}

fn no_leader(c: &ClusterChecks, at: TopicPartition, state: &PartitionState) -> String {
    match c.partition(at) {
        Some(p) => stall::no_leader(p, state, &c.metadata.image),
        None => format!("{at} to have a leader"),
    }
}

/// Whether nobody may lead the partition any more, with permission.
pub(super) fn is_orphaned(c: &ClusterChecks, at: TopicPartition) -> bool {
    c.partition(at).is_some_and(|p| stall::is_orphaned(p, c.expectations.flush))
}

/// Whether nobody may coordinate some group or transaction any more, with permission.
pub(super) fn offsets_are_orphaned(c: &ClusterChecks) -> bool {
    partitions(c).into_iter().any(|at| at.topic != READ && is_orphaned(c, at))
}

/// Whether nobody may lead some partition any more, with permission.
pub(super) fn something_is_orphaned(c: &ClusterChecks) -> bool {
    partitions(c).into_iter().any(|at| is_orphaned(c, at))
}

/// Whether nobody may lead some partition of a topic any more, with permission.
pub(super) fn topic_is_orphaned(c: &ClusterChecks, topic: &str) -> bool {
    let named = c.metadata.image.topic_named(topic).map(|(topic, _)| topic);
    partitions(c).into_iter().any(|at| Some(at.topic) == named && is_orphaned(c, at))
}

/// Why partitions are not waited for that nobody may lead any more.
fn excuses(c: &ClusterChecks) -> Option<String> {
    let orphaned = partitions(c).into_iter().filter(|&at| is_orphaned(c, at));
    let reasons: Vec<String> =
        orphaned.filter_map(|at| Some(no_leader(c, at, c.metadata.image.partition(at)?))).collect();
    (!reasons.is_empty()).then(|| format!("not waited for {}", reasons.join("; nor for ")))
}

fn readers_are_at_the_end(
    world: &World<Member>,
    at: TopicPartition,
    end: squall_core::ids::Offset,
) -> Settled {
    for node in world.nodes() {
        let Some(Member::Reader(reader)) = world.process(node) else { continue };
        if reader.position(at) != Some(end) {
            return Err(format!(
                "{} to read {at} up to {end}: it is at {:?}",
                world.name(node),
                reader.position(at)
            ));
        }
    }
    Ok(())
}

/// Then a fresh reader reads everything once more.
fn audit(c: &mut ClusterChecks, world: &mut World<Member>) -> Progress {
    let Some(audit) = c.expectations.audit.clone() else { return Progress::Done };
    if partitions(c).len() < audit.partitions as usize {
        return Progress::Waiting(format!("the topic to have {} partitions", audit.partitions));
    }
    let audits_effects = transacted::audit(c, world);
    if c.auditor.is_some() && audits_effects {
        // It is a reader like others: all of them are at the end.
        return match excuses(c) {
            Some(reason) => Progress::Excused { reason },
            None => Progress::Done,
        };
    }
    let auditor = Reader::new(audit.consumer, audit.partitions);
    let node: NodeId = world.add("auditor", Member::Reader(Box::new(auditor)));
    c.auditor = Some(node);
    Progress::Waiting("the auditor to read everything".to_owned())
}
