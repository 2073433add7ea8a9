//! What a transactional producer says, as scripts have it.

use squall_core::client::{Delivery, TransactionEvent};
use squall_core::group::message::GroupRequest;
use squall_core::ids::{ProducerEpoch, ProducerId};
use squall_core::message::{Produce, Request};
use squall_core::record::{Batch, Ending};
use squall_core::refused::Refused;
use squall_core::transaction::message::TransactionRequest;

/// A request; `None`: scripts do not show metadata requests.
pub(crate) fn request(request: &Request) -> Option<String> {
    Some(match request {
        Request::Metadata => return None,
        Request::Produce(produce) => produced(produce),
        Request::Group(GroupRequest::FindCoordinator { group }) => {
            format!("find-coordinator of group {group}")
        }
        Request::Group(GroupRequest::TxnOffsetCommit(commit)) => {
            let (member, generation) = commit.member.expect("a member commits as itself");
            let offsets: Vec<String> = (commit.offsets.iter())
                .map(|(at, committed)| format!("{}={}", at.partition, committed.offset))
                .collect();
            let (group, offsets) = (&commit.group, offsets.join(" "));
            let who = identity(commit.producer, commit.epoch);
            format!("offsets of {group} {offsets} in {who} by {member} in {generation}")
        }
        Request::Transaction(request) => transaction(request),
        other => format!("{other:?}"),
    })
}

fn transaction(request: &TransactionRequest) -> String {
    match request {
        TransactionRequest::FindCoordinator { transactional } => {
            format!("find-coordinator of {transactional}")
        }
        TransactionRequest::Init(init) => {
            let current = init.current.map_or("nothing".to_owned(), |(id, epoch)| identity(id, epoch));
            format!("init {} after {current} timeout={}", init.transactional, init.timeout.as_millis())
        }
        TransactionRequest::End(end) => {
            format!("{} {}", ending(end.ending), identity(end.producer, end.epoch))
        }
        other => format!("{other:?}"),
    }
}

fn produced(produce: &Produce) -> String {
    let (batch, _) = Batch::parse(produce.batch.clone()).expect("a producer sends whole batches");
    let stamp = batch.producer().expect("a transactional producer is idempotent");
    let mark = if batch.is_transactional() { "" } else { " outside of any transaction" };
    let name = produce.transactional.as_ref().expect("a leader must find who coordinates");
    let who = identity(stamp.id, stamp.epoch);
    format!(
        "produce {} {} records from {} by {name} {who}{mark}",
        produce.at.partition,
        batch.count(),
        stamp.base.0
    )
}

fn identity(id: ProducerId, epoch: ProducerEpoch) -> String {
    format!("{}/{}", id.0, epoch.0)
}

fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Commit => "commit",
        Ending::Abort => "abort",
    }
}

fn why(refused: Option<Refused>) -> &'static str {
    refused.map_or("no answer", Refused::name)
}

/// What became of a transaction.
pub(crate) fn event(event: TransactionEvent) -> String {
    match event {
        TransactionEvent::Committed => "committed".to_owned(),
        TransactionEvent::Aborted => "aborted".to_owned(),
        TransactionEvent::Failed(refused) => format!("failed: {}", why(refused)),
        TransactionEvent::Over { refused, undecided } => {
            let end = if undecided { "undecided" } else { "not committed" };
            format!("over: {refused}, {end}")
        }
    }
}

/// What became of a record.
pub(crate) fn delivery(delivery: Delivery) -> String {
    let number = delivery.ticket.0;
    match delivery.outcome {
        Ok((at, offset)) => format!("record {number} is in {} at {:?}", at.partition, offset.map(|o| o.0)),
        Err(error) => {
            let sure = if error.definite { "is not there" } else { "may be there" };
            format!("record {number} {sure}: {}", why(error.refused))
        }
    }
}
