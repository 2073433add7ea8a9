//! The in-sync replicas: who may join, who falls behind, and the agreement with the controllers.
//!
//! A change is a wish until a newer registration arrives (KIP-497). Until then the maximal ISR holds
//! everybody named in any wish: one that was refused, or never answered, may still be accepted when a late
//! copy of it reaches the controllers. So a leader whose wish was refused wishes again, if need be for what
//! it has: accepting that makes every older copy fail its compare-and-set.

use crate::host::Host;
use crate::ids::{BrokerEpoch, BrokerId, CorrelationId};
use crate::message::{AlterPartition, Request};
use crate::metadata::PartitionState;
use crate::partition::context::Context;
use crate::partition::leader::{Leader, Wish};
use crate::partition::{Partition, Role, watermark};
use crate::probe::ReplicaProbe;
use crate::refused::Refused;
use crate::time::{Span, Time};
use crate::timer::PartitionTimer;

/// How often a leader looks for followers that fell behind, as Kafka does.
pub(super) fn lag_check(ctx: &Context<'_>) -> Span {
    Span(ctx.config.lag_max.0 / 2)
}

/// A follower fetched: may it join?
///
/// It must hold all that is committed and reach into this reign, and the fetch must come from the life that
/// the controllers know and have not fenced.
pub(super) fn consider_joining(
    p: &mut Partition,
    broker: BrokerId,
    ctx: &mut Context<'_>,
    env: &mut Host<'_>,
) {
    let high_watermark = p.high_watermark;
    let Role::Leader(leader) = &mut p.role else { return };
    if leader.isr.pending.is_some() || leader.isr.maximal.contains(&broker) {
        return;
    }
    let start = leader.start;
    let Some(progress) = leader.follower(broker) else { return };
    let holds = progress.end.is_some_and(|end| end >= high_watermark && end >= start);
    if holds && is_eligible(progress.broker, progress.broker_epoch, ctx) {
        propose(p, Some(broker), Time::ZERO, ctx, env);
    }
}

fn is_eligible(broker: BrokerId, fetched_under: Option<BrokerEpoch>, ctx: &Context<'_>) -> bool {
    let registered = ctx.eligible_epoch(broker);
    if ctx.config.quirks.has(crate::quirk::Quirk::StaleBrokerEpochRejoins) {
        return registered.is_some();
    }
    registered.is_some() && registered == fetched_under
}

/// Some followers may have fallen behind.
pub(super) fn on_lag_timer(p: &mut Partition, ctx: &mut Context<'_>, env: &mut Host<'_>) {
    let Role::Leader(leader) = &p.role else { return };
    env.set_timer(p.timer(PartitionTimer::Lag), lag_check(ctx));
    if leader.isr.pending.is_some() {
        return;
    }
    let late = horizon(ctx, env);
    let lags = leader.followers.iter().any(|f| leader.isr.agreed.contains(&f.broker) && f.caught_up < late);
    if lags || leader.isr.maximal.len() > leader.isr.agreed.len() {
        propose(p, None, late, ctx, env);
    }
}

/// Whoever was last caught up before this moment is behind.
fn horizon(ctx: &Context<'_>, env: &Host<'_>) -> Time {
    Time(env.now().0.saturating_sub(ctx.config.lag_max.0))
}

/// Wishes for the agreed ISR, with `joins`, without those last caught up before `late`.
fn propose(
    p: &mut Partition,
    joins: Option<BrokerId>,
    late: Time,
    ctx: &mut Context<'_>,
    env: &mut Host<'_>,
) {
    let (at, epoch, timer) = (p.at, p.epoch, p.timer(PartitionTimer::Isr));
    let Role::Leader(leader) = &mut p.role else { return };
    let members = wish(leader, joins, late, ctx);
    let id = ctx.ids.next();
    for (broker, _) in &members {
        if !leader.isr.maximal.contains(broker) {
            leader.isr.maximal.push(*broker);
        }
    }
    let request = AlterPartition {
        broker: ctx.me,
        broker_epoch: ctx.broker_epoch,
        at,
        leader_epoch: epoch,
        partition_epoch: leader.isr.partition_epoch,
        isr: members.clone(),
    };
    let partition_epoch = leader.isr.partition_epoch;
    leader.isr.pending = Some(Wish { id, members: members.clone() });
    p.probe(ReplicaProbe::IsrProposed { epoch, partition_epoch, isr: members }, env);
    env.set_timer(timer, ctx.config.request_timeout);
    send(id, request, ctx, env);
}

fn wish(
    leader: &Leader,
    joins: Option<BrokerId>,
    late: Time,
    ctx: &Context<'_>,
) -> Vec<(BrokerId, BrokerEpoch)> {
    let mut members = vec![(ctx.me, ctx.broker_epoch)];
    for follower in &leader.followers {
        let stays = leader.isr.agreed.contains(&follower.broker) && follower.caught_up >= late;
        if stays || joins == Some(follower.broker) {
            // A member that has not fetched in this reign is vouched for by the registration it is in.
            let known = ctx.image.brokers.get(&follower.broker).map(|state| state.epoch);
            if let Some(broker_epoch) = follower.broker_epoch.or(known) {
                members.push((follower.broker, broker_epoch));
            }
        }
    }
    members
}

fn send(id: CorrelationId, request: AlterPartition, ctx: &Context<'_>, env: &mut Host<'_>) {
    let request = Request::AlterPartition(request);
    env.send(ctx.controller, crate::message::Message::Request { id, request });
}

/// The controller answered.
pub(super) fn on_reply(
    p: &mut Partition,
    id: CorrelationId,
    result: Result<PartitionState, Refused>,
    ctx: &mut Context<'_>,
    env: &mut Host<'_>,
) {
    let epoch = p.epoch;
    let Role::Leader(leader) = &mut p.role else { return };
    if leader.isr.pending.as_ref().is_none_or(|wish| wish.id != id) {
        return;
    }
    match result {
        Ok(state) if state.leader_epoch == epoch && state.leader == Some(ctx.me) => {
            adopt(p, &state, ctx, env);
        }
        // Deposed: the registration will say so.
        Ok(_) => {}
        Err(Refused::NotController { .. } | Refused::RequestTimedOut) => {}
        // The answer is final for this wish, yet a late copy may still be accepted: `maximal` stays.
        Err(Refused::IneligibleReplica) => {
            leader.isr.pending = None;
            env.cancel_timer(p.timer(PartitionTimer::Isr));
        }
        // The registration has moved on; it will arrive. Until then nothing may be assumed.
        Err(_) => {}
    }
}

/// No answer in time, or none that settles it: ask again.
pub(super) fn on_timeout(p: &mut Partition, ctx: &mut Context<'_>, env: &mut Host<'_>) {
    let (at, epoch, timer) = (p.at, p.epoch, p.timer(PartitionTimer::Isr));
    let Role::Leader(leader) = &mut p.role else { return };
    let partition_epoch = leader.isr.partition_epoch;
    let Some(wish) = &mut leader.isr.pending else { return };
    wish.id = ctx.ids.next();
    let request = AlterPartition {
        broker: ctx.me,
        broker_epoch: ctx.broker_epoch,
        at,
        leader_epoch: epoch,
        partition_epoch,
        isr: wish.members.clone(),
    };
    let id = wish.id;
    env.set_timer(timer, ctx.config.request_timeout);
    send(id, request, ctx, env);
}

/// A registration of this reign arrived, by reply or by metadata: it is the agreed ISR from now on.
pub(super) fn adopt(p: &mut Partition, state: &PartitionState, ctx: &mut Context<'_>, env: &mut Host<'_>) {
    let (epoch, timer) = (p.epoch, p.timer(PartitionTimer::Isr));
    let Role::Leader(leader) = &mut p.role else { return };
    if state.partition_epoch <= leader.isr.partition_epoch {
        return;
    }
    leader.isr.agreed.clone_from(&state.isr);
    leader.isr.maximal.clone_from(&state.isr);
    leader.isr.partition_epoch = state.partition_epoch;
    leader.isr.pending = None;
    env.cancel_timer(timer);
    p.partition_epoch = p.partition_epoch.max(state.partition_epoch);
    let partition_epoch = state.partition_epoch;
    p.probe(ReplicaProbe::IsrAdopted { epoch, partition_epoch, isr: state.isr.clone() }, env);
    watermark::advance(p, ctx, env);
}
