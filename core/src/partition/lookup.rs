//! Lookups at the leader: where an epoch ends, where a place is.

use crate::env::DiskFault;
use crate::host::Host;
use crate::ids::Offset;
use crate::log::ReadError;
use crate::message::{EpochEnd, EpochEndOffset, Isolation, ListOffsets, Place, Reply};
use crate::partition::context::Asker;
use crate::partition::{Partition, Role};
use crate::probe::ReplicaProbe;
use crate::refused::Refused;

/// Answers the largest epoch not above the asked one, with its end (KIP-320's OffsetForLeaderEpoch).
pub(super) fn on_epoch_end(p: &Partition, asker: Asker, request: EpochEnd, env: &mut Host<'_>) {
    let result = epoch_end(p, request);
    asker.answer(Reply::EpochEnd { at: p.at, result }, env);
}

fn epoch_end(p: &Partition, request: EpochEnd) -> Result<EpochEndOffset, Refused> {
    let Role::Leader(_) = &p.role else { return Err(p.not_leader()) };
    p.fence(request.leader_epoch)?;
    p.fence_reader(request.epoch)?;
    Ok(match p.log.epochs().end_offset_for(request.epoch, p.log.log_end()) {
        Some((epoch, end)) => EpochEndOffset { epoch: Some(epoch), end },
        None => EpochEndOffset { epoch: None, end: p.log.log_start() },
    })
}

/// Answers a place. A new leader that does not know its high watermark yet says so (KIP-207).
pub(super) fn on_list_offsets(
    p: &Partition,
    asker: Asker,
    request: ListOffsets,
    env: &mut Host<'_>,
) -> Result<(), DiskFault> {
    let end = match request.isolation {
        Isolation::ReadUncommitted => p.high_watermark,
        Isolation::ReadCommitted => p.last_stable(),
    };
    let result = match list_offsets(p, request) {
        Ok(Place::Earliest) => Ok(p.log.log_start()),
        Ok(Place::Latest) => Ok(end),
        Ok(Place::Timestamp(millis)) => Ok(first_since(p, millis, end, env)?),
        Err(refused) => Err(refused),
    };
    asker.answer(Reply::ListOffsets { at: p.at, result }, env);
    Ok(())
}

fn list_offsets(p: &Partition, request: ListOffsets) -> Result<Place, Refused> {
    let Role::Leader(leader) = &p.role else { return Err(p.not_leader()) };
    p.fence(request.leader_epoch)?;
    match request.place {
        Place::Earliest => Ok(Place::Earliest),
        Place::Latest | Place::Timestamp(_) if !leader.exposed => Err(Refused::OffsetNotAvailable),
        place @ (Place::Latest | Place::Timestamp(_)) => Ok(place),
    }
}

fn first_since(p: &Partition, millis: u64, end: Offset, env: &mut Host<'_>) -> Result<Offset, DiskFault> {
    let found = match p.log.offset_for_time(millis, env) {
        Ok(found) => found,
        Err(ReadError::Disk(fault)) => return Err(fault),
        Err(ReadError::OutOfRange { .. }) => None,
        Err(ReadError::Damaged { at }) => {
            p.probe(ReplicaProbe::Damaged { at }, env);
            return Err(DiskFault::Io);
        }
    };
    Ok(found.map_or(end, |offset| offset.min(end)))
}
