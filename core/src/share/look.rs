//! How far a partition is committed: asked of its leader, as any client would, while somebody waits for records.
//!
//! Kafka's leader of a share-partition leads the partition itself, and writes what became of records by messages to
//! whoever leads their state. Here it is the other way round: it leads the state, and asks after the partition.
//! What it hears is true for ever: no committed record vanishes.

use crate::host::Host;
use crate::ids::{CorrelationId, Offset};
use crate::message::{Isolation, ListOffsets, Place, Request};
use crate::partition::Context;
use crate::refused::Refused;
use crate::share::fetch;
use crate::share::probe::SharePartition;
use crate::share::reign::Reign;

/// Asks, if all that is known to be committed was delivered, and it was not asked just now.
pub(super) fn ask(reign: &mut Reign, of: &SharePartition, ctx: &mut Context<'_>, env: &mut Host<'_>) {
    let (now, every) = (env.now(), reign.config.look_every);
    let Some(share) = reign.shares.get_mut(of) else { return };
    if share.waits.is_empty() || share.next < share.committed {
        return;
    }
    if now >= share.look_at {
        share.look_at = now + every;
        // Answers may take longer than that. If only the last question counted, none would ever.
        let patience = ctx.config.request_timeout;
        share.looks.retain(|(_, asked)| now.since(*asked) < patience);
        let leads = ctx.image.partition(of.at).and_then(|state| Some((state.leader?, state.leader_epoch)));
        if let Some((leader, leader_epoch)) = leads {
            // What share groups work is read uncommitted, as `share.isolation.level` has it by default.
            let isolation = Isolation::ReadUncommitted;
            let list = ListOffsets { at: of.at, leader_epoch, place: Place::Latest, isolation };
            share.looks.push((ctx.ask(leader.node(), Request::ListOffsets(list), env), now));
        }
    }
    let next = share.look_at;
    reign.tenure.wake_by(next, env);
}

/// The leader of the partition answered; answers whether it was this reign that asked.
pub(super) fn on_reply(reign: &mut Reign, id: CorrelationId, result: Result<Offset, Refused>) -> bool {
    let asked = reign.shares.values_mut().find_map(|share| {
        let place = share.looks.iter().position(|(look, _)| *look == id)?;
        share.looks.remove(place);
        Some(share)
    });
    let Some(share) = asked else { return false };
    if let Ok(committed) = result {
        fetch::on_news(share, committed);
        reign.stirred = true;
    }
    true
}
