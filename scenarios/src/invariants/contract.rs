//! What was promised of each record, against what the last reading found: durability.

use squall_core::ids::{Offset, TopicPartition};
use squall_core::message::Acks;

use crate::checks::Permitted;
use crate::ghost::clients::{Name, Record, Told};
use crate::ghost::{PartitionGhost, shadow};
use crate::invariants::{Broken, Check, broken};

/// What became of one record of the partition `p`, which is `astray` if it was found, but not where it was said
/// to be; what went wrong with permission is answered, and how often.
pub fn kept(
    p: &PartitionGhost,
    name: Name,
    record: &Record,
    astray: bool,
) -> Result<Option<(Permitted, u8)>, Broken> {
    match record.told {
        Told::Nothing => broken(
            "durability",
            format!("sender {} was never told what became of record {}", name.sender, name.number),
        )
        .map(|()| None),
        // Found or not was judged when it was read.
        Told::Refused => Ok(None),
        Told::Unknown if record.found > 0 => Ok(Some((Permitted::UnknownLanded, 1))),
        Told::Unknown => Ok(Some((Permitted::UnknownMissing, 1))),
        Told::Delivered if record.found > 0 => {
            if astray {
                where_promised(p, name, record)?;
            }
            Ok((record.found > 1).then_some((Permitted::Duplicates, record.found - 1)))
        }
        Told::Delivered => match allowed(p, record) {
            Some(permitted) => Ok(Some((permitted, 1))),
            None => lost(p.at, name, record).map(|()| None),
        },
    }
}

/// Found, but also where its sender was told? What acks=all promised is an offset, not just some copy.
fn where_promised(p: &PartitionGhost, name: Name, record: &Record) -> Check {
    let Some(promised) = record.offset() else { return Ok(()) };
    if record.acks != Acks::All || promised < first_kept(p) || p.unclean {
        return Ok(());
    }
    broken(
        "durability",
        format!(
            "record {} of sender {} is not read at {promised} of {}, where its sender was told that it is",
            name.number, name.sender, p.at
        ),
    )
}

/// The first offset that every replica keeps.
pub fn first_kept(p: &PartitionGhost) -> Offset {
    p.replicas.iter().map(|replica| replica.log.start()).max().unwrap_or_default()
}

fn lost(at: TopicPartition, name: Name, record: &Record) -> Check {
    let place =
        record.offset().map_or_else(|| "an unknown offset".to_owned(), |offset| format!("offset {offset}"));
    broken(
        "durability",
        format!(
            "record {} of sender {}, acknowledged with acks={} at {place} of {at}, is not read again",
            name.number,
            name.sender,
            match record.acks {
                Acks::None => "0",
                Acks::Leader => "1",
                Acks::All => "all",
            }
        ),
    )
}

/// Why a record may be missing although its sender was told that it is there.
fn allowed(p: &PartitionGhost, record: &Record) -> Option<Permitted> {
    if record.acks == Acks::None {
        return Some(Permitted::Acks0Lost);
    }
    if p.unclean {
        return Some(Permitted::UncleanLost);
    }
    let start = first_kept(p);
    let Some(offset) = record.offset() else {
        // Its sender was told no offset: the broker remembered only that it had it. It may be one of the deleted.
        return (start > Offset::ZERO).then_some(Permitted::RetentionDeleted);
    };
    if offset < start {
        return Some(Permitted::RetentionDeleted);
    }
    (record.acks == Acks::Leader && was_overwritten(p, offset)).then_some(Permitted::Acks1Lost)
}

/// Whether anything but the committed record was ever written at `offset`: then its leader fell before it
/// was committed. If only the committed one was, that is the record, and it may not be missing.
fn was_overwritten(p: &PartitionGhost, offset: Offset) -> bool {
    let committed = p.committed.at(offset).map(|batch| batch.epoch);
    p.reigns.iter().any(|reign| {
        let place = shadow::place(&reign.written, offset);
        let covers = reign.written.get(place).is_some_and(|batch| batch.base <= offset);
        covers && Some(reign.epoch) != committed
    })
}
