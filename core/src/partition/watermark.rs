//! The high watermark of a leader: the end of what every in-sync replica holds.
//!
//! The minimum is taken over the *maximal* ISR (KIP-497): a replica that the controllers may already count
//! as in sync must hold whatever is committed, or it could be elected without it. While fewer replicas than
//! `min.insync.replicas` are agreed in sync, the watermark rests (KIP-966): that is what makes those who
//! left the ISR last eligible to lead.

use crate::host::Host;
use crate::ids::Offset;
use crate::partition::context::Context;
use crate::partition::leader::Leader;
use crate::partition::{Partition, Role, produce, purgatory};
use crate::probe::ReplicaProbe;
use crate::quirk::Quirk;

/// Raises the high watermark if it may be raised, and serves whoever waited for that.
pub(super) fn advance(p: &mut Partition, ctx: &mut Context<'_>, env: &mut Host<'_>) {
    let own = p.claimable_end(ctx.config.flush);
    let Role::Leader(leader) = &mut p.role else { return };
    let replicas = leader.followers.len() + 1;
    if leader.isr.agreed.len() < ctx.min_isr(p.at, replicas) {
        return;
    }
    let Some(candidate) = held_by_all(leader, own, ctx) else { return };
    let was_exposed = leader.exposed;
    leader.exposed |= candidate >= leader.start;
    if candidate <= p.high_watermark && leader.exposed == was_exposed {
        return;
    }
    p.high_watermark = p.high_watermark.max(candidate);
    p.log.settle(p.high_watermark);
    let exposed = leader.exposed;
    p.probe(ReplicaProbe::HighWatermark { epoch: p.epoch, to: p.high_watermark, leader: true, exposed }, env);
    produce::on_committed(p, ctx, env);
    purgatory::serve_consumers(p, env);
}

/// The least end among the maximal ISR; `None` if one of them has not fetched in this reign.
fn held_by_all(leader: &Leader, own: Offset, ctx: &Context<'_>) -> Option<Offset> {
    let mut least = own;
    let members = if ctx.config.quirks.has(Quirk::HighWatermarkIgnoresPendingIsr) {
        &leader.isr.agreed
    } else {
        &leader.isr.maximal
    };
    for progress in &leader.followers {
        if members.contains(&progress.broker) {
            least = least.min(progress.end?);
        }
    }
    Some(least)
}
