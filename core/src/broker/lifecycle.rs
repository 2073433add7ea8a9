//! A broker's life: name the disk, register, send heartbeats, register anew when told that it must.
//!
//! Source: KIP-631 (registration, fencing), KIP-966 (what a broker that stopped uncleanly may claim).

use crate::broker::{Broker, Life, metadata};
use crate::env::DiskFault;
use crate::host::{Correlations, Host};
use crate::ids::{BrokerEpoch, CorrelationId, DiskId, Incarnation};
use crate::message::{Heartbeat, HeartbeatReply, Message, RegisterBroker, Request};
use crate::partition::{DIRECTORY, Flush, Partition, owner};
use crate::probe::{BrokerProbe, Probe};
use crate::refused::Refused;
use crate::timer::{BrokerTimer, Timer};

/// Holds the disk's name, as Kafka's `meta.properties` does.
const META: &str = "meta.properties";

pub(super) fn start(broker: &mut Broker, env: &mut Host<'_>) -> Result<(), DiskFault> {
    broker.ids = Correlations::new(env);
    broker.incarnation = Incarnation(env.draw());
    env.set_timer(Timer::Broker(BrokerTimer::Retention), broker.config.housekeeping);
    let vouches = broker.config.replica.flush == Flush::EveryBatch;
    match disk_name(env)? {
        // Under its old name it would be taken at its word in its next life, when the damage is repaired.
        Some(_) if vouches && !replicas_are_sound(env)? => name_disk(broker, env)?,
        // An earlier life may have died before its name was durable: a power loss would take it even now, and with
        // it what this life vouches for.
        Some(disk) => {
            broker.disk = disk;
            broker.intact = vouches;
            keep_name(broker, env);
        }
        None => name_disk(broker, env)?,
    }
    Ok(())
}

/// Whether every replica on the disk is sound. Whoever vouches for its logs has looked at them: one that comes
/// back without records that it had claimed must not be eligible to lead.
fn replicas_are_sound(env: &mut Host<'_>) -> Result<bool, DiskFault> {
    let mut looked_at = None;
    for at in env.list(DIRECTORY).iter().filter_map(|file| owner(file)) {
        if looked_at.replace(at) != Some(at) && !Partition::is_sound(at, env)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Gives the disk a new name.
fn name_disk(broker: &mut Broker, env: &mut Host<'_>) -> Result<(), DiskFault> {
    broker.disk = DiskId(env.draw());
    env.write_at(META, 0, &broker.disk.0.to_be_bytes())?;
    keep_name(broker, env);
    Ok(())
}

/// Makes the disk's name durable; then the broker announces itself.
fn keep_name(broker: &mut Broker, env: &mut Host<'_>) {
    env.sync(META);
    env.sync_dir();
    broker.life = Life::Formatting { waits: 2 };
}

/// The disk's name, if it has a whole one.
fn disk_name(env: &mut Host<'_>) -> Result<Option<DiskId>, DiskFault> {
    if env.len(META).is_none_or(|len| len < 8) {
        return Ok(None);
    }
    let mut name = [0; 8];
    env.read(META, 0, &mut name)?;
    let name = u64::from_be_bytes(name);
    // A power loss in the middle of formatting leaves zeros.
    Ok((name != 0).then_some(DiskId(name)))
}

/// Part of the disk's name became durable.
pub(super) fn on_formatted(
    broker: &mut Broker,
    outcome: Result<(), DiskFault>,
    env: &mut Host<'_>,
) -> Result<(), DiskFault> {
    outcome?;
    if let Life::Formatting { waits } = &mut broker.life {
        *waits -= 1;
        if *waits == 0 {
            announce(broker, env);
        }
    }
    Ok(())
}

fn announce(broker: &mut Broker, env: &mut Host<'_>) {
    env.probe(Probe::Broker(BrokerProbe::Started {
        incarnation: broker.incarnation,
        disk: broker.disk,
        intact: broker.intact,
    }));
    register(broker, env);
    metadata::fetch(broker, env);
}

fn register(broker: &mut Broker, env: &mut Host<'_>) {
    broker.life = Life::Registering;
    let id = broker.ids.next();
    broker.pending.register = Some(id);
    let request = Request::RegisterBroker(RegisterBroker {
        broker: broker.config.id,
        incarnation: broker.incarnation,
        disk: broker.disk,
        intact: broker.intact,
        replaces: broker.replaces,
        last_topic: env.list(DIRECTORY).iter().filter_map(|file| owner(file)).map(|at| at.topic).max(),
    });
    env.send(broker.controller(), Message::Request { id, request });
    env.set_timer(Timer::Broker(BrokerTimer::Register), broker.config.request_timeout);
}

/// No answer in time, or a pause after a refusal is over.
pub(super) fn on_register_timer(broker: &mut Broker, env: &mut Host<'_>) {
    if broker.pending.register.is_some() {
        broker.turn_to(None);
    }
    register(broker, env);
}

/// The controller answered a registration.
pub(super) fn on_registered(
    broker: &mut Broker,
    id: CorrelationId,
    result: Result<BrokerEpoch, Refused>,
    env: &mut Host<'_>,
) -> Result<(), DiskFault> {
    if broker.pending.register != Some(id) {
        return Ok(());
    }
    broker.pending.register = None;
    match result {
        Ok(epoch) => {
            env.cancel_timer(Timer::Broker(BrokerTimer::Register));
            broker.life = Life::Running;
            broker.epoch = Some(epoch);
            broker.replaces = Some(epoch);
            env.probe(Probe::Broker(BrokerProbe::Registered { epoch }));
            heartbeat(broker, env);
            metadata::act(broker, None, env)?;
        }
        // Its predecessor, most likely: once more, to replace that.
        Err(Refused::DuplicateBrokerRegistration { current }) if broker.replaces != Some(current) => {
            broker.replaces = Some(current);
            register(broker, env);
        }
        Err(refused) => {
            if let Refused::NotController { leader } = refused {
                broker.turn_to(leader);
            }
            // An earlier life's session has to run out first, or an election to end.
            env.set_timer(Timer::Broker(BrokerTimer::Register), broker.config.heartbeat);
        }
    }
    Ok(())
}

pub(super) fn heartbeat(broker: &mut Broker, env: &mut Host<'_>) {
    let Some(epoch) = broker.epoch else { return };
    let id = broker.ids.next();
    broker.pending.heartbeat = Some(id);
    let request =
        Request::Heartbeat(Heartbeat { broker: broker.config.id, epoch, metadata_end: broker.image.end });
    env.send(broker.controller(), Message::Request { id, request });
    env.set_timer(Timer::Broker(BrokerTimer::Heartbeat), broker.config.heartbeat);
}

/// The next heartbeat is due. One that was not answered until now was lost, or went to a dead controller.
pub(super) fn on_heartbeat_timer(broker: &mut Broker, env: &mut Host<'_>) {
    if broker.pending.heartbeat.is_some() {
        broker.turn_to(None);
    }
    if broker.life == Life::Running {
        heartbeat(broker, env);
    }
}

/// The controller answered a heartbeat.
pub(super) fn on_heartbeat_reply(
    broker: &mut Broker,
    id: CorrelationId,
    result: Result<HeartbeatReply, Refused>,
    env: &mut Host<'_>,
) -> Result<(), DiskFault> {
    if broker.pending.heartbeat != Some(id) {
        return Ok(());
    }
    broker.pending.heartbeat = None;
    match result {
        Ok(_) => {}
        Err(Refused::NotController { leader }) => broker.turn_to(leader),
        // Another registration of this id is valid, or a new controller knows none: start over.
        Err(_) => {
            env.cancel_timer(Timer::Broker(BrokerTimer::Heartbeat));
            register(broker, env);
        }
    }
    Ok(())
}

/// Old segments are deleted, and what lies unsynced is written back.
pub(super) fn on_housekeeping_timer(broker: &mut Broker, env: &mut Host<'_>) -> Result<(), DiskFault> {
    env.set_timer(Timer::Broker(BrokerTimer::Retention), broker.config.housekeeping);
    for partition in broker.partitions.values_mut() {
        partition.on_housekeeping(env)?;
    }
    Ok(())
}
