//! A leader wants another ISR (KIP-497), refused unless its view of everything involved still holds.

use super::change::{Wish, change};
use super::pending::{Answer, Decision};
use crate::ids::{BrokerEpoch, BrokerId};
use crate::message::AlterPartition;
use crate::metadata::{Image, MetadataRecord, PartitionState};
use crate::quirk::{Quirk, Quirks};
use crate::refused::Refused;

/// The wished ISR if it is legal. Checks in the order of Kafka's `ReplicationControlManager`.
pub(super) fn decide(image: &Image, request: &AlterPartition, quirks: Quirks) -> Decision {
    let now = match check(image, request, quirks) {
        Ok(now) => now,
        Err(refused) => return Decision::Refuse(refused),
    };
    let topic = &image.topics[&request.at.topic];
    let isr: Vec<BrokerId> = request.isr.iter().map(|&(member, _)| member).collect();
    let wish = Wish { isr: Some(&isr), ..Wish::default() };
    let state = change(now, topic, |broker| image.is_unfenced(broker), wish);
    // A wish for what is so already is a change all the same: it makes late copies of older wishes fail, and
    // a leader whose wish was refused counts on that before it forgets whom it wished for.
    let state = state
        .unwrap_or_else(|| PartitionState { partition_epoch: now.partition_epoch.next(), ..now.clone() });
    let records = vec![MetadataRecord::PartitionChanged { at: request.at, state }];
    Decision::Write { records, answer: Answer::Partition(request.at) }
}

fn check<'a>(
    image: &'a Image,
    request: &AlterPartition,
    quirks: Quirks,
) -> Result<&'a PartitionState, Refused> {
    if !image.is_registered(request.broker, request.broker_epoch) {
        return Err(Refused::StaleBrokerEpoch);
    }
    let now = image.partition(request.at).ok_or(Refused::UnknownTopicOrPartition)?;
    if request.leader_epoch < now.leader_epoch {
        return Err(Refused::FencedLeaderEpoch { current: now.leader_epoch });
    }
    if request.leader_epoch > now.leader_epoch {
        // The asker knows a reign that is not in this log: another controller is active by now.
        return Err(Refused::NotController { leader: None });
    }
    if now.leader != Some(request.broker) {
        return Err(Refused::InvalidRequest);
    }
    if request.partition_epoch != now.partition_epoch {
        return Err(Refused::InvalidUpdateVersion);
    }
    if !is_sensible(now, request) {
        return Err(Refused::InvalidRequest);
    }
    if !request.isr.iter().all(|&member| is_eligible(image, member, quirks)) {
        return Err(Refused::IneligibleReplica);
    }
    Ok(now)
}

/// The leader and other replicas, nobody else and nobody twice.
fn is_sensible(now: &PartitionState, request: &AlterPartition) -> bool {
    let wished = |broker: BrokerId| request.isr.iter().filter(|&&(member, _)| member == broker).count();
    wished(request.broker) == 1
        && request.isr.iter().all(|&(member, _)| now.replicas.contains(&member) && wished(member) == 1)
}

/// Unfenced (KIP-841), and still in the life in which the leader saw it catch up (KIP-903).
fn is_eligible(image: &Image, (member, epoch): (BrokerId, BrokerEpoch), quirks: Quirks) -> bool {
    image.brokers.get(&member).is_some_and(|state| {
        !state.fenced && (state.epoch == epoch || quirks.has(Quirk::StaleBrokerEpochRejoins))
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{AT, apply, fence, ids, image, only};
    use super::*;
    use crate::ids::{LeaderEpoch, PartitionEpoch, TopicId, TopicPartition};

    fn request(image: &Image, isr: &[u32]) -> AlterPartition {
        let now = only(image);
        let leader = now.leader.unwrap();
        let member = |&id: &u32| {
            let epoch = image.brokers.get(&BrokerId(id)).map_or(BrokerEpoch(0), |state| state.epoch);
            (BrokerId(id), epoch)
        };
        AlterPartition {
            broker: leader,
            broker_epoch: image.brokers[&leader].epoch,
            at: AT,
            leader_epoch: now.leader_epoch,
            partition_epoch: now.partition_epoch,
            isr: isr.iter().map(member).collect(),
        }
    }

    #[track_caller]
    fn refused(image: &Image, request: &AlterPartition, refused: Refused) {
        assert_eq!(decide(image, request, Quirks::NONE), Decision::Refuse(refused));
    }

    #[test]
    fn the_isr_shrinks_and_grows_again_in_the_order_of_replicas() {
        let mut image = image(2, &[1, 2, 3], &[1, 2, 3]);
        apply(&mut image, |image| decide(image, &request(image, &[1]), Quirks::NONE));
        assert_eq!((ids(&only(&image).isr), ids(&only(&image).elr)), (vec![1], vec![2, 3]));
        apply(&mut image, |image| decide(image, &request(image, &[3, 1]), Quirks::NONE));
        assert_eq!((ids(&only(&image).isr), ids(&only(&image).elr)), (vec![1, 3], vec![]));
        assert_eq!((only(&image).leader_epoch, only(&image).partition_epoch.0), (LeaderEpoch(0), 2));
    }

    #[test]
    fn a_wish_for_what_is_so_makes_late_copies_of_older_wishes_fail() {
        let mut image = image(2, &[1, 2, 3], &[1, 2]);
        let late = request(&image, &[1, 2, 3]);
        apply(&mut image, |image| decide(image, &request(image, &[1, 2]), Quirks::NONE));
        assert_eq!((ids(&only(&image).isr), only(&image).partition_epoch.0), (vec![1, 2], 1));
        refused(&image, &late, Refused::InvalidUpdateVersion);
    }

    #[test]
    fn an_earlier_life_of_the_leader_is_refused() {
        let image = image(2, &[1, 2, 3], &[1, 2]);
        let good = request(&image, &[1]);
        let stale = AlterPartition { broker_epoch: BrokerEpoch(0), ..good.clone() };
        refused(&image, &stale, Refused::StaleBrokerEpoch);
        refused(&image, &AlterPartition { broker: BrokerId(9), ..good }, Refused::StaleBrokerEpoch);
    }

    #[test]
    fn an_unknown_partition_is_refused() {
        let image = image(2, &[1, 2, 3], &[1, 2]);
        for at in [TopicPartition { partition: 1, ..AT }, TopicPartition { topic: TopicId(9), ..AT }] {
            let unknown = AlterPartition { at, ..request(&image, &[1]) };
            refused(&image, &unknown, Refused::UnknownTopicOrPartition);
        }
    }

    #[test]
    fn another_reign_is_refused() {
        let mut image = image(2, &[1, 2, 3], &[1, 2]);
        let old = request(&image, &[1]);
        fence(&mut image, &[1]);
        refused(&image, &old, Refused::FencedLeaderEpoch { current: LeaderEpoch(1) });
        let ahead = AlterPartition { leader_epoch: LeaderEpoch(2), ..request(&image, &[2]) };
        refused(&image, &ahead, Refused::NotController { leader: None });
    }

    #[test]
    fn only_the_leader_may_ask() {
        let image = image(2, &[1, 2, 3], &[1, 2]);
        let other = BrokerId(2);
        let epoch = image.brokers[&other].epoch;
        let usurper = AlterPartition { broker: other, broker_epoch: epoch, ..request(&image, &[1, 2]) };
        refused(&image, &usurper, Refused::InvalidRequest);
    }

    #[test]
    fn a_wish_about_an_earlier_registration_is_refused() {
        let mut image = image(2, &[1, 2, 3], &[1, 2, 3]);
        let first = request(&image, &[1, 2]);
        apply(&mut image, |image| decide(image, &first, Quirks::NONE));
        refused(&image, &first, Refused::InvalidUpdateVersion);
        let ahead = AlterPartition { partition_epoch: PartitionEpoch(9), ..request(&image, &[1]) };
        refused(&image, &ahead, Refused::InvalidUpdateVersion);
    }

    #[test]
    fn an_isr_without_the_leader_or_with_a_stranger_is_refused() {
        let image = image(2, &[1, 2, 3], &[1, 2]);
        for isr in [[].as_slice(), &[2], &[1, 9], &[1, 2, 2], &[1, 1]] {
            refused(&image, &request(&image, isr), Refused::InvalidRequest);
        }
    }

    #[test]
    fn a_fenced_replica_is_refused() {
        let mut image = image(2, &[1, 2, 3], &[1, 2]);
        fence(&mut image, &[3]);
        refused(&image, &request(&image, &[1, 2, 3]), Refused::IneligibleReplica);
    }

    #[test]
    fn a_replica_of_an_earlier_life_is_refused_unless_the_quirk_is_on() {
        let image = image(2, &[1, 2, 3], &[1, 2]);
        let mut stale = request(&image, &[1, 2, 3]);
        stale.isr[2].1 = BrokerEpoch(0);
        refused(&image, &stale, Refused::IneligibleReplica);
        let quirks = Quirks::NONE.with(Quirk::StaleBrokerEpochRejoins);
        assert!(matches!(decide(&image, &stale, quirks), Decision::Write { .. }));
    }
}
