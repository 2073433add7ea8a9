//! New topics, and which brokers their replicas go to.

use super::pending::{Answer, Decision};
use crate::host::Host;
use crate::ids::{BrokerId, LeaderEpoch, PartitionEpoch, TopicId, TopicPartition};
use crate::message::CreateTopic;
use crate::metadata::{Image, MetadataRecord, PartitionState};
use crate::refused::Refused;

/// The most partitions that one request may ask for: Kafka's `MAX_PARTITIONS_PER_BATCH`. They are one
/// batch of the metadata log.
const PARTITIONS_MAX: u32 = 10_000;

/// Creates the topic with all its partitions, each with every replica in sync.
pub(super) fn decide(image: &Image, request: &CreateTopic, env: &mut Host<'_>) -> Decision {
    let alive: Vec<BrokerId> =
        image.brokers.iter().filter(|(_, state)| !state.fenced).map(|(&id, _)| id).collect();
    if let Err(refused) = check(image, request, alive.len()) {
        return Decision::Refuse(refused);
    }
    let brokers = alive.len() as u64;
    let stripe = Stripe { start: env.below(brokers) as usize, shift: env.below(brokers) as usize };
    create(image, request, &alive, stripe)
}

fn check(image: &Image, request: &CreateTopic, alive: usize) -> Result<(), Refused> {
    if image.topic_named(&request.name).is_some() {
        return Err(Refused::TopicAlreadyExists);
    }
    if request.partitions == 0 || request.partitions > PARTITIONS_MAX {
        return Err(Refused::InvalidPartitions);
    }
    if request.replication == 0 || request.replication as usize > alive {
        return Err(Refused::InvalidReplicationFactor);
    }
    if request.min_isr == 0 {
        return Err(Refused::InvalidRequest);
    }
    Ok(())
}

fn create(image: &Image, request: &CreateTopic, alive: &[BrokerId], stripe: Stripe) -> Decision {
    let topic = image.topics.last_key_value().map_or(TopicId(0), |(last, _)| TopicId(last.0 + 1));
    let mut records = vec![MetadataRecord::TopicCreated {
        topic,
        name: request.name.as_str().into(),
        min_isr: request.min_isr,
        unclean: request.unclean,
        cleanup: request.cleanup,
    }];
    records.extend((0..request.partitions).map(|partition| {
        let replicas = stripe.place(partition as usize, request.replication as usize, alive);
        let at = TopicPartition { topic, partition };
        MetadataRecord::PartitionChanged { at, state: first_state(replicas) }
    }));
    Decision::Write { records, answer: Answer::TopicCreated(topic) }
}

fn first_state(replicas: Vec<BrokerId>) -> PartitionState {
    PartitionState {
        isr: replicas.clone(),
        elr: Vec::new(),
        leader: replicas.first().copied(),
        leader_epoch: LeaderEpoch(0),
        partition_epoch: PartitionEpoch(0),
        unclean: false,
        replicas,
    }
}

/// Where the placement of a topic starts: drawn, so that first partitions do not all meet on one broker.
#[derive(Debug, Clone, Copy)]
struct Stripe {
    /// The broker of partition 0's first replica, by index.
    start: usize,
    /// How far its second replica lies from the next broker.
    shift: usize,
}

impl Stripe {
    /// The replicas of a partition, after Kafka's `assignReplicasToBrokersRackUnaware`: first replicas go
    /// round the brokers; the others follow at a distance that grows with each round, so that the
    /// partitions of a broker that fails are taken over by all the others.
    fn place(self, partition: usize, replication: usize, alive: &[BrokerId]) -> Vec<BrokerId> {
        let brokers = alive.len();
        let first = (self.start + partition) % brokers;
        let shift = self.shift + partition / brokers;
        let follower = |n: usize| (first + 1 + (shift + n) % (brokers - 1)) % brokers;
        let followers = (0..replication - 1).map(follower);
        std::iter::once(first).chain(followers).map(|index| alive[index]).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixture::{apply, fence, image};
    use super::*;
    use crate::log::CleanupPolicy;

    fn request(partitions: u32, replication: u32) -> CreateTopic {
        CreateTopic {
            name: "new".into(),
            partitions,
            replication,
            min_isr: 1,
            unclean: false,
            cleanup: CleanupPolicy::Delete,
        }
    }

    #[test]
    fn a_topic_that_cannot_be_is_refused() {
        let mut image = image(2, &[1, 2, 3], &[1, 2]);
        let refusal = |image: &Image, request: CreateTopic| check(image, &request, 3).unwrap_err();
        let named = CreateTopic { name: "topic".into(), ..request(1, 1) };
        assert_eq!(refusal(&image, named), Refused::TopicAlreadyExists);
        assert_eq!(refusal(&image, request(0, 1)), Refused::InvalidPartitions);
        assert_eq!(refusal(&image, request(10_001, 1)), Refused::InvalidPartitions);
        assert_eq!(refusal(&image, request(1, 0)), Refused::InvalidReplicationFactor);
        assert_eq!(refusal(&image, request(1, 4)), Refused::InvalidReplicationFactor);
        let careless = CreateTopic { min_isr: 0, ..request(1, 1) };
        assert_eq!(refusal(&image, careless), Refused::InvalidRequest);
        fence(&mut image, &[3]);
        assert_eq!(check(&image, &request(1, 3), 3), Ok(()));
    }

    #[test]
    fn all_partitions_start_with_every_replica_in_sync_and_the_first_one_leading() {
        let mut image = image(2, &[1, 2, 3], &[1, 2]);
        let alive = [1, 2, 3].map(BrokerId);
        let decision = create(&image, &request(4, 2), &alive, Stripe { start: 1, shift: 0 });
        let Decision::Write { answer: Answer::TopicCreated(topic), .. } = decision else {
            panic!("not created")
        };
        apply(&mut image, |_| decision);
        let created = &image.topics[&topic];
        assert_eq!((&*created.name, created.partitions.len()), ("new", 4));
        for partition in &created.partitions {
            assert_eq!(partition.isr, partition.replicas);
            assert_eq!(partition.leader, Some(partition.replicas[0]));
            assert!(partition.elr.is_empty());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn replicas_are_distinct_and_leaders_spread_evenly(
            brokers in 1..8usize, replication in 1..8usize, partitions in 1..40usize,
            start in 0..8usize, shift in 0..8usize,
        ) {
            let replication = replication.min(brokers);
            let alive: Vec<BrokerId> = (10..10 + brokers as u32).map(BrokerId).collect();
            let mut led = vec![0usize; brokers];
            for partition in 0..partitions {
                let placed = Stripe { start, shift }.place(partition, replication, &alive);
                let mut distinct = placed.clone();
                distinct.sort();
                distinct.dedup();
                prop_assert_eq!((placed.len(), distinct.len()), (replication, replication));
                led[placed[0].0 as usize - 10] += 1;
            }
            let (least, most) = (led.iter().min().unwrap(), led.iter().max().unwrap());
            prop_assert!(most - least <= 1);
        }
    }
}
