//! What a leader keeps: its reign, the in-sync replicas, how far each follower is, who waits.
//!
//! State only. It is changed by `produce`, `fetch`, `isr`, `watermark` and `purgatory`.

use crate::host::Host;
use crate::ids::{BrokerEpoch, BrokerId, CorrelationId, Offset, PartitionEpoch, ProducerId, TopicPartition};
use crate::message::{Acks, Fetch, Produced, Reply};
use crate::metadata::PartitionState;
use crate::partition::context::Asker;
use crate::refused::Refused;
use crate::time::Time;
use crate::transaction::message::TransactionReply;

/// A reign.
#[derive(Debug, Clone)]
pub(super) struct Leader {
    /// The log end at its beginning.
    pub(super) start: Offset,
    /// Whether the high watermark has reached `start`, and so is known and shown (KIP-207).
    pub(super) exposed: bool,
    pub(super) isr: Isr,
    /// Every replica but this one, in the order of the registration.
    pub(super) followers: Vec<Progress>,
    /// Produce requests that wait for the disk or the in-sync replicas, in offset order.
    pub(super) produces: Vec<ParkedProduce>,
    /// Fetches that wait for records.
    pub(super) fetches: Vec<ParkedFetch>,
    /// When the purgatory is looked through next.
    pub(super) wake: Option<Time>,
}

/// The in-sync replicas as the leader sees them (KIP-497).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Isr {
    /// Agreed with the controllers.
    pub agreed: Vec<BrokerId>,
    /// The registration they were agreed in.
    pub partition_epoch: PartitionEpoch,
    /// The maximal ISR: `agreed`, and whoever was in any wish made since. The controllers may have accepted
    /// such a wish although this leader has not heard of it, or may yet accept a copy of it that is late.
    pub maximal: Vec<BrokerId>,
    /// The wish that waits for an answer.
    pub pending: Option<Wish>,
}

/// A wish for another ISR.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The request's number.
    pub id: CorrelationId,
    /// The wished members.
    pub members: Vec<(BrokerId, BrokerEpoch)>,
}

/// How far a follower is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Who.
    pub broker: BrokerId,
    /// The registration it last fetched under.
    pub broker_epoch: Option<BrokerEpoch>,
    /// It holds everything before; `None` until it has fetched in this reign.
    pub end: Option<Offset>,
    /// When it last had all there was.
    pub caught_up: Time,
    /// The log end when it last fetched, and when that was.
    pub last_fetch: Option<(Offset, Time)>,
}

/// A produce request that waits.
#[derive(Debug, Clone)]
pub(super) struct ParkedProduce {
    pub(super) asker: Asker,
    pub(super) acks: Acks,
    pub(super) base: Offset,
    pub(super) next: Offset,
    pub(super) deadline: Time,
    /// Whose transaction it ends; `None`: it is a producer's batch.
    pub(super) marks: Option<ProducerId>,
}

/// A fetch that waits.
#[derive(Debug, Clone)]
pub(super) struct ParkedFetch {
    pub(super) asker: Asker,
    pub(super) request: Fetch,
    pub(super) deadline: Time,
}

impl ParkedProduce {
    /// What whoever waits is told.
    pub(super) fn reply(&self, at: TopicPartition, result: Result<(), Refused>) -> Reply {
        match self.marks {
            Some(producer) => Reply::Transaction(TransactionReply::WriteMarker { at, producer, result }),
            None => Reply::Produce { at, result: result.map(|()| Produced { base: self.base }) },
        }
    }
}

impl Leader {
    /// A reign that begins. In-sync followers get a whole lag time-out to show themselves.
    pub(super) fn new(state: &PartitionState, start: Offset, me: BrokerId, now: Time) -> Self {
        let followers = state
            .replicas
            .iter()
            .filter(|&&broker| broker != me)
            .map(|&broker| Progress {
                broker,
                broker_epoch: None,
                end: None,
                caught_up: if state.isr.contains(&broker) { now } else { Time::ZERO },
                last_fetch: None,
            })
            .collect();
        Self {
            start,
            exposed: false,
            isr: Isr {
                agreed: state.isr.clone(),
                partition_epoch: state.partition_epoch,
                maximal: state.isr.clone(),
                pending: None,
            },
            followers,
            produces: Vec::new(),
            fetches: Vec::new(),
            wake: None,
        }
    }

    /// Tells everybody who waits why they need not.
    pub(super) fn dismiss(self, at: TopicPartition, refused: Refused, env: &mut Host<'_>) {
        for parked in self.produces {
            parked.asker.answer(parked.reply(at, Err(refused)), env);
        }
        for parked in self.fetches {
            parked.asker.answer(Reply::Fetch { at, result: Err(refused) }, env);
        }
    }

    /// A follower's place in `followers`.
    pub(super) fn follower(&mut self, broker: BrokerId) -> Option<&mut Progress> {
        self.followers.iter_mut().find(|progress| progress.broker == broker)
    }
}
