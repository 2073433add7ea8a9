//! Offset fetches: what is committed, and nothing that may still vanish.
//!
//! While a transaction would commit one of them there is no answer (KIP-447; Kafka leaves that to the asker).

use crate::group::message::{CommittedOffset, GroupReply, OffsetFetch};
use crate::group::reign::Reign;
use crate::group::table::Entry;
use crate::host::Host;
use crate::ids::TopicPartition;
use crate::message::Reply;
use crate::partition::Asker;
use crate::refused::Refused;

pub(super) fn on_request(reign: &Reign, asker: Asker, request: OffsetFetch, env: &mut Host<'_>) {
    if reign.table.is_unstable(&request.group, request.partitions.as_deref()) {
        asker.answer(Reply::Group(GroupReply::OffsetFetch(Err(Refused::UnstableOffsetCommit))), env);
        return;
    }
    let found = read(reign.table.get(&request.group), request.partitions);
    asker.answer(Reply::Group(GroupReply::OffsetFetch(Ok(found))), env);
}

fn read(
    entry: Option<&Entry>,
    partitions: Option<Vec<TopicPartition>>,
) -> Vec<(TopicPartition, Option<CommittedOffset>)> {
    let committed =
        |at| entry.and_then(|entry| entry.offsets.get(&at)).map(|stored| stored.committed.clone());
    match (partitions, entry) {
        (Some(partitions), _) => partitions.into_iter().map(|at| (at, committed(at))).collect(),
        (None, Some(entry)) => {
            entry.offsets.iter().map(|(at, stored)| (*at, Some(stored.committed.clone()))).collect()
        }
        (None, None) => Vec::new(),
    }
}
