//! A broker begins a life (KIP-631 BrokerRegistration).

use super::change::{Wish, change_all};
use super::pending::{Answer, Decision};
use super::sessions::Sessions;
use crate::ids::BrokerId;
use crate::message::{RegisterBroker, Reply};
use crate::metadata::{Image, MetadataRecord};
use crate::refused::Refused;
use crate::time::Time;

/// A new life starts fenced; what that does to its partitions is decided in the same batch.
pub(super) fn decide(image: &Image, request: &RegisterBroker, sessions: &Sessions, now: Time) -> Decision {
    // Topics are numbered: it would serve its records as those of the topic that gets the same number here.
    if request.last_topic.is_some_and(|topic| !image.topics.contains_key(&topic)) {
        return Decision::Refuse(Refused::InconsistentClusterId);
    }
    let known = image.brokers.get(&request.broker);
    if let Some(known) = known {
        if known.incarnation == request.incarnation {
            // A repeated request: its first answer was lost.
            return Decision::Answer(Reply::RegisterBroker(Ok(known.epoch)));
        }
        let is_alive = !known.fenced && !sessions.is_over(request.broker, now);
        // A compare-and-set, as with partitions: a request of an earlier life that arrives late would end the
        // present one, and take its replicas for lost.
        if is_alive || request.replaces != Some(known.epoch) {
            return Decision::Refuse(Refused::DuplicateBrokerRegistration { current: known.epoch });
        }
    }
    let same_disk = known.is_some_and(|known| known.disk == request.disk);
    let lossy = if request.intact && same_disk { None } else { Some(request.broker) };
    let mut records = leave(image, request.broker, lossy);
    // Last, so that no prefix of the batch has a fenced broker in an ISR.
    records.push(MetadataRecord::BrokerRegistered {
        broker: request.broker,
        incarnation: request.incarnation,
        disk: request.disk,
    });
    Decision::Write { records, answer: Answer::Registered(request.broker) }
}

/// The broker is fenced, so it leaves every ISR (KIP-841). One that does not vouch for its data also
/// stops being eligible: it may lack what it claimed to hold (KIP-966, unclean restart).
fn leave(image: &Image, broker: BrokerId, lossy: Option<BrokerId>) -> Vec<MetadataRecord> {
    let alive = |other: BrokerId| other != broker && image.is_unfenced(other);
    let wish = Wish { lossy, ..Wish::default() };
    change_all(image, |partition| partition.replicas.contains(&broker), alive, wish)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{fence, ids, image};
    use super::*;
    use crate::ids::{BrokerEpoch, DiskId, Incarnation, LeaderEpoch, TopicId};
    use crate::metadata::PartitionState;
    use crate::time::Span;

    /// Of one that knows of no registration.
    fn first(broker: u32, incarnation: u64, disk: u64, intact: bool) -> RegisterBroker {
        RegisterBroker {
            broker: BrokerId(broker),
            incarnation: Incarnation(incarnation),
            disk: DiskId(disk),
            intact,
            replaces: None,
            last_topic: None,
        }
    }

    /// Of one that was told which registration there is.
    fn request(image: &Image, broker: u32, incarnation: u64, disk: u64, intact: bool) -> RegisterBroker {
        let replaces = image.brokers.get(&BrokerId(broker)).map(|known| known.epoch);
        RegisterBroker { replaces, ..first(broker, incarnation, disk, intact) }
    }

    fn sessions(live: &[u32]) -> Sessions {
        let mut sessions = Sessions::new(Span::from_secs(1));
        live.iter().for_each(|&broker| sessions.touch(BrokerId(broker), Time(0)));
        sessions
    }

    /// The partition changes of a decision; the registration must come last.
    fn changes(decision: Decision) -> Vec<PartitionState> {
        let Decision::Write { mut records, .. } = decision else { panic!("nothing written: {decision:?}") };
        assert!(matches!(records.pop(), Some(MetadataRecord::BrokerRegistered { .. })));
        let state = |record| {
            let MetadataRecord::PartitionChanged { state, .. } = record else { panic!("{record:?}") };
            state
        };
        records.into_iter().map(state).collect()
    }

    #[test]
    fn a_repeated_registration_has_the_same_epoch() {
        let image = image(2, &[1, 2, 3], &[1, 2, 3]);
        let known = image.brokers[&BrokerId(1)];
        let again = request(&image, 1, known.incarnation.0, known.disk.0, false);
        let decision = decide(&image, &again, &sessions(&[1]), Time(0));
        assert_eq!(decision, Decision::Answer(Reply::RegisterBroker(Ok(known.epoch))));
    }

    #[test]
    fn a_second_life_is_refused_while_the_first_has_a_session() {
        let mut image = image(2, &[1, 2, 3], &[1, 2, 3]);
        let second = request(&image, 1, 99, 1, true);
        let current = image.brokers[&BrokerId(1)].epoch;
        let refused = Decision::Refuse(Refused::DuplicateBrokerRegistration { current });
        assert_eq!(decide(&image, &second, &sessions(&[1]), Time(0)), refused);
        let later = Time(0) + Span::from_secs(1);
        assert_ne!(decide(&image, &second, &sessions(&[1]), later), refused, "its session is over");
        let broker = BrokerId(1);
        let epoch = image.brokers[&broker].epoch;
        image.apply(image.end, &MetadataRecord::BrokerFenced { broker, epoch });
        assert_ne!(decide(&image, &second, &sessions(&[1]), Time(0)), refused, "it is fenced");
    }

    #[test]
    fn a_request_of_an_earlier_life_that_arrives_late_takes_nobody_from_the_elr() {
        let mut image = image(2, &[1, 2], &[2]);
        let (broker, known) = (BrokerId(1), image.brokers[&BrokerId(1)]);
        image.apply(image.end, &MetadataRecord::BrokerFenced { broker, epoch: known.epoch });
        let late = first(1, 98, known.disk.0, false);
        let refused = Decision::Refuse(Refused::DuplicateBrokerRegistration { current: known.epoch });
        assert_eq!(decide(&image, &late, &sessions(&[]), Time(0)), refused);
        let older = RegisterBroker { replaces: Some(BrokerEpoch(known.epoch.0 + 1)), ..late };
        assert_eq!(decide(&image, &older, &sessions(&[]), Time(0)), refused, "nor one that names another");
    }

    #[test]
    fn a_broker_that_holds_what_these_controllers_never_created_stays_out() {
        let image = image(2, &[1, 2], &[1, 2]);
        let last = image.topics.last_key_value().map(|(&topic, _)| topic);
        let of = |last_topic| RegisterBroker { last_topic, ..first(4, 1, 1, false) };
        let strange = last.map(|topic| TopicId(topic.0 + 1));
        let refused = Decision::Refuse(Refused::InconsistentClusterId);
        assert_eq!(decide(&image, &of(strange), &sessions(&[]), Time(0)), refused);
        assert_ne!(decide(&image, &of(last), &sessions(&[]), Time(0)), refused);
        assert_eq!(
            decide(&Image::default(), &of(last), &sessions(&[]), Time(0)),
            refused,
            "they lost their log"
        );
    }

    #[test]
    fn a_first_registration_writes_one_record_whose_offset_becomes_the_epoch() {
        let mut image = Image::default();
        let decision = decide(&image, &first(4, 1, 1, false), &sessions(&[]), Time(0));
        let Decision::Write { records, answer } = decision else { panic!("not written") };
        assert_eq!((records.len(), answer), (1, Answer::Registered(BrokerId(4))));
        image.apply(image.end, &records[0]);
        assert!(image.is_registered(BrokerId(4), BrokerEpoch(0)));
    }

    #[test]
    fn an_intact_restart_stays_eligible() {
        let image = image(2, &[1, 2], &[1, 2]);
        let disk = image.brokers[&BrokerId(1)].disk.0;
        let changed = changes(decide(&image, &request(&image, 1, 99, disk, true), &sessions(&[]), Time(0)));
        assert_eq!((ids(&changed[0].isr), ids(&changed[0].elr)), (vec![2], vec![1]));
        assert_eq!((changed[0].leader, changed[0].leader_epoch), (Some(BrokerId(2)), LeaderEpoch(1)));
    }

    #[test]
    fn a_lossy_restart_is_neither_in_sync_nor_eligible() {
        let image = image(2, &[1, 2], &[1, 2]);
        let disk = image.brokers[&BrokerId(1)].disk.0;
        for (disk, intact) in [(disk, false), (disk + 1, true)] {
            let changed =
                changes(decide(&image, &request(&image, 1, 99, disk, intact), &sessions(&[]), Time(0)));
            assert_eq!((ids(&changed[0].isr), ids(&changed[0].elr)), (vec![2], vec![]));
        }
    }

    #[test]
    fn a_lossy_restart_leaves_the_elr_of_a_partition_that_nobody_leads() {
        let mut image = image(2, &[1, 2], &[1]);
        fence(&mut image, &[1, 2]);
        let disk = image.brokers[&BrokerId(1)].disk.0;
        let decision = decide(&image, &request(&image, 1, 99, disk, false), &sessions(&[]), Time(0));
        let changed = changes(decision);
        assert_eq!((ids(&changed[0].elr), changed[0].leader), (vec![], None));
    }
}
