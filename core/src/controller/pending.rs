//! Requests that wait for their turn, and the one whose records are being agreed.
//!
//! One decision at a time: each is made on an image that holds all earlier ones, so that two can never
//! contradict each other. Deliberately absent: a look-ahead image over uncommitted records.

use std::collections::VecDeque;

use crate::host::Host;
use crate::ids::{BrokerId, CorrelationId, NodeId, Offset, TopicId, TopicPartition};
use crate::message::{
    AllocateProducerIds, AlterPartition, CreateTopic, ElectLeader, Heartbeat, HeartbeatReply, Message,
    ProducerIds, RegisterBroker, Reply,
};
use crate::metadata::{Image, MetadataRecord};
use crate::refused::Refused;

/// Who waits for an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asker {
    pub(super) node: NodeId,
    pub(super) id: CorrelationId,
}

impl Asker {
    pub(super) fn answer(self, reply: Reply, env: &mut Host<'_>) {
        env.send(self.node, Message::Reply { id: self.id, reply });
    }
}

/// What is to be decided.
#[derive(Debug, Clone)]
pub(super) enum Operation {
    Register(RegisterBroker),
    Unfence(Heartbeat),
    Alter(AlterPartition),
    CreateTopic(CreateTopic),
    AllocateProducerIds(AllocateProducerIds),
    Elect(ElectLeader),
    /// Fences the brokers whose session ran out. Nobody asked.
    Sweep,
}

impl Operation {
    /// The answer that says no; `None` if nobody asked.
    fn refusal(&self, refused: Refused) -> Option<Reply> {
        match self {
            Self::Register(_) => Some(Reply::RegisterBroker(Err(refused))),
            Self::Unfence(_) => Some(Reply::Heartbeat(Err(refused))),
            Self::Alter(wish) => Some(Reply::AlterPartition { at: wish.at, result: Err(refused) }),
            Self::CreateTopic(_) => Some(Reply::CreateTopic(Err(refused))),
            Self::AllocateProducerIds(_) => Some(Reply::AllocateProducerIds(Err(refused))),
            Self::Elect(_) => Some(Reply::ElectLeader(Err(refused))),
            Self::Sweep => None,
        }
    }
}

/// An operation and who waits for it; `None`: nobody.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) asker: Option<Asker>,
    pub(super) operation: Operation,
}

impl Pending {
    pub(super) fn answer(&self, reply: Reply, env: &mut Host<'_>) {
        if let Some(asker) = self.asker {
            asker.answer(reply, env);
        }
    }

    pub(super) fn refuse(&self, refused: Refused, env: &mut Host<'_>) {
        if let Some(reply) = self.operation.refusal(refused) {
            self.answer(reply, env);
        }
    }
}

/// What a decision came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Nothing changes, and nobody is told.
    Nothing,
    /// Nothing changes.
    Answer(Reply),
    /// Refused.
    Refuse(Refused),
    /// These records, all or none; the answer is read from the image that has them.
    Write { records: Vec<MetadataRecord>, answer: Answer },
}

/// What to answer once the records are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Nobody asked.
    Nothing,
    /// The broker's registration.
    Registered(BrokerId),
    /// Whether the broker is fenced.
    Fenced(BrokerId),
    /// The partition's registration.
    Partition(TopicPartition),
    TopicCreated(TopicId),
    ProducerIds(ProducerIds),
    Elected,
}

impl Answer {
    /// The reply, as `image` has it.
    fn reply(self, image: &Image) -> Option<Reply> {
        match self {
            Self::Nothing => None,
            Self::Registered(broker) => {
                let epoch = image.brokers.get(&broker).map(|state| state.epoch);
                Some(Reply::RegisterBroker(epoch.ok_or(Refused::BrokerIdNotRegistered)))
            }
            Self::Fenced(broker) => {
                let fenced = !image.is_unfenced(broker);
                Some(Reply::Heartbeat(Ok(HeartbeatReply { fenced })))
            }
            Self::Partition(at) => {
                let result = image.partition(at).cloned().ok_or(Refused::UnknownTopicOrPartition);
                Some(Reply::AlterPartition { at, result })
            }
            Self::TopicCreated(topic) => Some(Reply::CreateTopic(Ok(topic))),
            Self::ProducerIds(ids) => Some(Reply::AllocateProducerIds(Ok(ids))),
            Self::Elected => Some(Reply::ElectLeader(Ok(()))),
        }
    }
}

/// A decision whose records are proposed.
#[derive(Debug, Clone)]
pub(super) struct Proposed {
    pub(super) pending: Pending,
    pub(super) answer: Answer,
    /// One past its last record.
    pub(super) end: Offset,
}

/// The queue of an active controller.
#[derive(Debug, Clone, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Pending>,
    proposed: Option<Proposed>,
}

impl Queue {
    pub(super) fn push(&mut self, pending: Pending) {
        self.waiting.push_back(pending);
    }

    /// The next operation to be decided; `None` while another is being agreed.
    pub(super) fn next(&mut self) -> Option<Pending> {
        if self.proposed.is_some() { None } else { self.waiting.pop_front() }
    }

    pub(super) fn propose(&mut self, proposed: Proposed) {
        self.proposed = Some(proposed);
    }

    /// Answers the operation that was being agreed, if `image` has all its records now.
    pub(super) fn settle(&mut self, image: &Image, env: &mut Host<'_>) {
        let Some(done) = self.proposed.take_if(|proposed| proposed.end <= image.end) else { return };
        if let Some(reply) = done.answer.reply(image) {
            done.pending.answer(reply, env);
        }
    }

    /// Answers everything that waits with `refused`. Records that are proposed may still be committed.
    pub(super) fn refuse_all(&mut self, refused: Refused, env: &mut Host<'_>) {
        let proposed = self.proposed.take().map(|proposed| proposed.pending);
        proposed.into_iter().chain(self.waiting.drain(..)).for_each(|pending| pending.refuse(refused, env));
    }

    /// Whether a sweep waits for its turn already.
    pub(super) fn has_sweep(&self) -> bool {
        self.waiting.iter().any(|pending| matches!(pending.operation, Operation::Sweep))
    }
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.proposed.is_none()
    }
}
