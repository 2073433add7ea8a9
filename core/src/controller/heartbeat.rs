//! Signs of life: they keep a session, and unfence a broker that has read up to its registration.

use super::change::{Wish, change_all};
use super::pending::{Answer, Asker, Decision, Operation};
use super::{Controller, route};
use crate::host::Host;
use crate::ids::BrokerId;
use crate::message::{Heartbeat, HeartbeatReply, Reply};
use crate::metadata::{Image, MetadataRecord, PartitionState};
use crate::refused::Refused;

/// What a heartbeat asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing: it is answered at once.
    Alive {
        /// Whether the broker is and stays fenced.
        fenced: bool,
    },
    /// To be unfenced: that waits for its turn.
    Ready,
    /// It comes from a life that is over.
    Stale,
}

/// Answers at once unless something has to be agreed: heartbeats are what a controller hears most.
pub(super) fn on_request(c: &mut Controller, asker: Asker, heartbeat: Heartbeat, env: &mut Host<'_>) {
    if !c.is_active() {
        return asker.answer(Reply::Heartbeat(Err(c.not_controller())), env);
    }
    let verdict = judge(&c.image, &heartbeat);
    if verdict != Verdict::Stale {
        c.sessions.touch(heartbeat.broker, env.now());
    }
    match verdict {
        Verdict::Stale => asker.answer(Reply::Heartbeat(Err(Refused::StaleBrokerEpoch)), env),
        Verdict::Alive { fenced } => asker.answer(Reply::Heartbeat(Ok(HeartbeatReply { fenced })), env),
        Verdict::Ready => route::enqueue(c, asker, Operation::Unfence(heartbeat), env),
    }
}

/// Looks at a heartbeat.
pub(super) fn judge(image: &Image, heartbeat: &Heartbeat) -> Verdict {
    let Some(state) = image.brokers.get(&heartbeat.broker) else { return Verdict::Stale };
    if state.epoch != heartbeat.epoch {
        return Verdict::Stale;
    }
    // A broker that has not read its own registration knows an older world, in which it may lead.
    if state.fenced && heartbeat.metadata_end.0 > state.epoch.0 {
        return Verdict::Ready;
    }
    Verdict::Alive { fenced: state.fenced }
}

/// Unfences the broker; partitions without a leader that it may lead have one again in the same batch.
pub(super) fn decide(image: &Image, heartbeat: &Heartbeat) -> Decision {
    match judge(image, heartbeat) {
        Verdict::Stale => Decision::Refuse(Refused::StaleBrokerEpoch),
        Verdict::Alive { fenced } => Decision::Answer(Reply::Heartbeat(Ok(HeartbeatReply { fenced }))),
        Verdict::Ready => {
            let broker = heartbeat.broker;
            // First, so that no prefix of the batch has a fenced leader.
            let mut records = vec![MetadataRecord::BrokerUnfenced { broker, epoch: heartbeat.epoch }];
            let alive = |other: BrokerId| other == broker || image.is_unfenced(other);
            let orphaned = |partition: &PartitionState| {
                partition.leader.is_none() && partition.replicas.contains(&broker)
            };
            records.extend(change_all(image, orphaned, alive, Wish::default()));
            Decision::Write { records, answer: Answer::Fenced(broker) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{apply, fence, ids, image, only};
    use super::*;
    use crate::ids::{BrokerEpoch, Offset};

    fn heartbeat(image: &Image, broker: u32, metadata_end: u64) -> Heartbeat {
        let broker = BrokerId(broker);
        Heartbeat { broker, epoch: image.brokers[&broker].epoch, metadata_end: Offset(metadata_end) }
    }

    #[test]
    fn a_heartbeat_of_an_earlier_life_is_refused() {
        let image = image(2, &[1, 2, 3], &[1, 2, 3]);
        let stale = Heartbeat { epoch: BrokerEpoch(77), ..heartbeat(&image, 1, 99) };
        assert_eq!(decide(&image, &stale), Decision::Refuse(Refused::StaleBrokerEpoch));
        let unknown = Heartbeat { broker: BrokerId(9), ..stale };
        assert_eq!(decide(&image, &unknown), Decision::Refuse(Refused::StaleBrokerEpoch));
    }

    #[test]
    fn a_broker_that_has_not_read_its_registration_stays_fenced() {
        let mut image = image(2, &[1, 2, 3], &[1, 2, 3]);
        fence(&mut image, &[2]);
        let epoch = image.brokers[&BrokerId(2)].epoch.0;
        assert_eq!(judge(&image, &heartbeat(&image, 2, epoch)), Verdict::Alive { fenced: true });
        assert_eq!(judge(&image, &heartbeat(&image, 2, epoch + 1)), Verdict::Ready);
        assert_eq!(judge(&image, &heartbeat(&image, 1, 0)), Verdict::Alive { fenced: false });
    }

    #[test]
    fn who_is_unfenced_takes_over_what_nobody_leads_and_it_may_lead() {
        let mut image = image(2, &[1, 2, 3], &[1, 2]);
        fence(&mut image, &[1, 2, 3]);
        assert_eq!((only(&image).leader, ids(&only(&image).elr)), (None, vec![1, 2]));
        apply(&mut image, |image| decide(image, &heartbeat(image, 3, 1_000)));
        assert!(image.is_unfenced(BrokerId(3)));
        assert_eq!(only(&image).leader, None, "3 may lack committed records");
        apply(&mut image, |image| decide(image, &heartbeat(image, 2, 1_000)));
        let partition = only(&image);
        assert_eq!(partition.leader, Some(BrokerId(2)));
        assert_eq!((ids(&partition.isr), ids(&partition.elr)), (vec![2], vec![1]));
        apply(&mut image, |image| decide(image, &heartbeat(image, 1, 1_000)));
        assert_eq!(only(&image).leader, Some(BrokerId(2)), "an unfencing moves no leader");
    }
}
