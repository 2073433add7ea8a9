//! A planned move of leadership: nothing failed, a person wants it (ElectLeaders, reassignment).

use super::change::{Wish, change};
use super::pending::{Answer, Decision};
use crate::ids::BrokerId;
use crate::message::ElectLeader;
use crate::metadata::{Image, MetadataRecord, PartitionState};
use crate::refused::Refused;

/// Moves the leadership within the ISR.
pub(super) fn decide(image: &Image, request: &ElectLeader) -> Decision {
    let Some(now) = image.partition(request.at) else {
        return Decision::Refuse(Refused::UnknownTopicOrPartition);
    };
    let leader = match successor(image, now, request.to) {
        Ok(leader) => leader,
        Err(refused) => return Decision::Refuse(refused),
    };
    let wish = Wish { leader: Some(leader), ..Wish::default() };
    let topic = &image.topics[&request.at.topic];
    match change(now, topic, |broker| image.is_unfenced(broker), wish) {
        None => Decision::Refuse(Refused::ElectionNotNeeded),
        Some(state) => {
            let records = vec![MetadataRecord::PartitionChanged { at: request.at, state }];
            Decision::Write { records, answer: Answer::Elected }
        }
    }
}

fn successor(image: &Image, now: &PartitionState, to: Option<BrokerId>) -> Result<BrokerId, Refused> {
    let may_lead = |broker: BrokerId| now.isr.contains(&broker) && image.is_unfenced(broker);
    match to {
        Some(wished) if now.leader == Some(wished) => Err(Refused::ElectionNotNeeded),
        Some(wished) if may_lead(wished) => Ok(wished),
        Some(_) => Err(Refused::PreferredLeaderNotAvailable),
        None => {
            let mut others = now.isr.iter().copied().filter(|&other| now.leader != Some(other));
            others.find(|&other| may_lead(other)).ok_or(Refused::EligibleLeadersNotAvailable)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{AT, apply, fence, ids, image, only};
    use super::*;
    use crate::ids::{LeaderEpoch, TopicPartition};

    fn elect(image: &Image, to: Option<u32>) -> Decision {
        decide(image, &ElectLeader { at: AT, to: to.map(BrokerId) })
    }

    #[test]
    fn a_planned_move_changes_the_leader_and_the_reign_alone() {
        let mut image = image(2, &[1, 2, 3], &[1, 2, 3]);
        apply(&mut image, |image| elect(image, Some(3)));
        let moved = only(&image);
        assert_eq!((moved.leader, moved.leader_epoch), (Some(BrokerId(3)), LeaderEpoch(1)));
        assert_eq!((ids(&moved.isr), moved.unclean), (vec![1, 2, 3], false));
        apply(&mut image, |image| elect(image, None));
        assert_eq!(only(&image).leader, Some(BrokerId(1)), "any other member of the ISR");
    }

    #[test]
    fn who_is_not_in_sync_or_not_alive_is_not_elected() {
        let mut image = image(2, &[1, 2, 3], &[1, 2]);
        assert_eq!(elect(&image, Some(3)), Decision::Refuse(Refused::PreferredLeaderNotAvailable));
        fence(&mut image, &[2]);
        assert_eq!(elect(&image, Some(2)), Decision::Refuse(Refused::PreferredLeaderNotAvailable));
        assert_eq!(elect(&image, None), Decision::Refuse(Refused::EligibleLeadersNotAvailable));
    }

    #[test]
    fn who_leads_already_is_not_elected_again() {
        let image = image(2, &[1, 2, 3], &[1, 2]);
        assert_eq!(elect(&image, Some(1)), Decision::Refuse(Refused::ElectionNotNeeded));
    }

    #[test]
    fn an_unknown_partition_is_refused() {
        let image = image(2, &[1, 2, 3], &[1, 2]);
        let request = ElectLeader { at: TopicPartition { partition: 5, ..AT }, to: None };
        assert_eq!(decide(&image, &request), Decision::Refuse(Refused::UnknownTopicOrPartition));
    }
}
