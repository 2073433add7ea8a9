//! Markers: every partition of a transaction that is decided is told, again and again until it has confirmed.
//!
//! Only then the transaction is complete, and its producer may begin the next one: a partition that still had the
//! old one open would take the new one's records for part of it.

use crate::host::Host;
use crate::ids::{CorrelationId, TopicPartition, TransactionalId};
use crate::message::Request;
use crate::partition::Context;
use crate::record::Ending;
use crate::refused::Refused;
use crate::timer::{Timer, TransactionTimer};
use crate::transaction::message::{TransactionRequest, WriteMarker};
use crate::transaction::probe::TransactionProbe;
use crate::transaction::record::Stored;
use crate::transaction::reign::{Outstanding, Reign, Then};
use crate::transaction::state::TransactionState;

/// A decision is committed.
pub(super) fn begin(
    reign: &mut Reign,
    name: &TransactionalId,
    stored: &Stored,
    ctx: &mut Context<'_>,
    env: &mut Host<'_>,
) {
    let outstanding = |&at: &TopicPartition| Outstanding { at, asked: None, again: false };
    let live = reign.live.entry(name.clone()).or_default();
    live.markers = stored.partitions.iter().map(outstanding).collect();
    send(reign, name, ctx, env);
    complete_if_confirmed(reign, name, env);
}

/// Sends what waits for no answer.
fn send(reign: &mut Reign, name: &TransactionalId, ctx: &mut Context<'_>, env: &mut Host<'_>) {
    let (Some(stored), Some(live)) = (reign.table.get(name), reign.live.get_mut(name)) else { return };
    let Some(ending) = ending(stored.state) else { return };
    let now = env.now();
    for marker in &mut live.markers {
        if marker.asked.is_some_and(|(_, until)| until > now) {
            continue;
        }
        let Some(leader) = ctx.image.partition(marker.at).and_then(|state| state.leader) else {
            marker.asked = None;
            continue;
        };
        if marker.again {
            Reign::probe(TransactionProbe::MarkerRetried { at: marker.at, producer: stored.producer }, env);
        }
        let (at, producer, epoch) = (marker.at, stored.producer, stored.epoch);
        let request = WriteMarker { at, producer, epoch, coordinator_epoch: reign.tenure.epoch, ending };
        let request = Request::Transaction(TransactionRequest::WriteMarker(request));
        let id = ctx.ask(leader.node(), request, env);
        (marker.asked, marker.again) = (Some((id, now + reign.config.marker_timeout)), true);
    }
    if !live.markers.is_empty() {
        env.set_timer(
            Timer::Transaction(reign.tenure.at, TransactionTimer::Markers),
            reign.config.marker_backoff,
        );
    }
}

/// A leader answered; whether it was about a marker of this reign.
pub(super) fn on_reply(
    reign: &mut Reign,
    id: CorrelationId,
    result: Result<(), Refused>,
    env: &mut Host<'_>,
) -> bool {
    let is_asked = |marker: &Outstanding| marker.asked.is_some_and(|(asked, _)| asked == id);
    let found = reign.live.iter_mut().find_map(|(name, live)| {
        let place = live.markers.iter().position(is_asked)?;
        Some((name.clone(), live, place))
    });
    let Some((name, live, place)) = found else { return false };
    match result {
        // A partition in a later reign of the producer has nothing open that this would end.
        Ok(()) | Err(Refused::InvalidProducerEpoch) => drop(live.markers.swap_remove(place)),
        // Another coordinator has taken over, and this reign is about to hear of it.
        Err(_) => live.markers[place].asked = None,
    }
    complete_if_confirmed(reign, &name, env);
    true
}

/// Markers are due to be sent again.
pub(super) fn on_timer(reign: &mut Reign, ctx: &mut Context<'_>, env: &mut Host<'_>) {
    let unconfirmed = reign.live.iter().filter(|(_, live)| !live.markers.is_empty());
    let names: Vec<_> = unconfirmed.map(|(name, _)| name.clone()).collect();
    for name in names {
        send(reign, &name, ctx, env);
    }
}

/// Nobody has to be told any more: the next transaction may begin.
pub(super) fn complete_if_confirmed(reign: &mut Reign, name: &TransactionalId, env: &mut Host<'_>) {
    let (Some(stored), Some(live)) = (reign.table.get(name), reign.live.get(name)) else { return };
    if !live.markers.is_empty() || live.changing {
        return;
    }
    let state = match stored.state {
        TransactionState::PrepareCommit => TransactionState::CompleteCommit,
        TransactionState::PrepareAbort => TransactionState::CompleteAbort,
        TransactionState::Empty
        | TransactionState::Ongoing
        | TransactionState::CompleteCommit
        | TransactionState::CompleteAbort => return,
    };
    let (producer, epoch) = stored.successor();
    let updated = env.wall().as_millis();
    let complete =
        Stored { producer, epoch, next: None, state, partitions: Vec::new(), updated, ..stored.clone() };
    reign.change(name, Some(complete), Then::Rest);
}

/// How a transaction that is decided ends.
const fn ending(state: TransactionState) -> Option<Ending> {
    match state {
        TransactionState::PrepareCommit => Some(Ending::Commit),
        TransactionState::PrepareAbort => Some(Ending::Abort),
        TransactionState::Empty
        | TransactionState::Ongoing
        | TransactionState::CompleteCommit
        | TransactionState::CompleteAbort => None,
    }
}
