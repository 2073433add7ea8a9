//! Blocks of producer ids for brokers to hand out (KIP-730).

use super::pending::{Answer, Decision};
use crate::ids::ProducerId;
use crate::message::{AllocateProducerIds, ProducerIds};
use crate::metadata::{Image, MetadataRecord};
use crate::refused::Refused;

/// The next `count` ids. A repeated request gets another block: unused ids cost nothing, an id that two
/// producers have costs records.
pub(super) fn decide(image: &Image, request: &AllocateProducerIds, count: u32) -> Decision {
    if !image.is_registered(request.broker, request.epoch) {
        return Decision::Refuse(Refused::StaleBrokerEpoch);
    }
    let first = image.next_producer_id;
    let next = ProducerId(first.0 + u64::from(count));
    Decision::Write {
        records: vec![MetadataRecord::ProducerIdsAllocated { next }],
        answer: Answer::ProducerIds(ProducerIds { first, count }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{apply, image};
    use super::*;
    use crate::ids::{BrokerEpoch, BrokerId};

    #[test]
    fn no_id_is_given_twice() {
        let mut image = image(2, &[1, 2, 3], &[1, 2]);
        let broker = BrokerId(1);
        let request = AllocateProducerIds { broker, epoch: image.brokers[&broker].epoch };
        for first in [0, 100, 200] {
            let decision = decide(&image, &request, 100);
            let Decision::Write { answer, .. } = &decision else { panic!("not written") };
            let block = ProducerIds { first: ProducerId(first), count: 100 };
            assert_eq!(*answer, Answer::ProducerIds(block));
            apply(&mut image, |_| decision);
        }
    }

    #[test]
    fn an_earlier_life_is_given_none() {
        let image = image(2, &[1, 2, 3], &[1, 2]);
        let request = AllocateProducerIds { broker: BrokerId(1), epoch: BrokerEpoch(0) };
        assert_eq!(decide(&image, &request, 100), Decision::Refuse(Refused::StaleBrokerEpoch));
    }
}
