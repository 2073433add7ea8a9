//! What a replica is told with every input: who it works for, and what the controllers decided.

use crate::host::{Correlations, Host};
use crate::ids::{BrokerEpoch, BrokerId, CorrelationId, NodeId, TopicPartition};
use crate::message::{Message, Reply, Request};
use crate::metadata::Image;
use crate::partition::config::ReplicaConfig;

/// The broker around a replica, for the length of one input.
pub struct Context<'a> {
    /// The broker.
    pub me: BrokerId,
    /// Its present registration.
    pub broker_epoch: BrokerEpoch,
    /// The controller to ask.
    pub controller: NodeId,
    /// What the controllers decided, as far as this broker knows.
    pub image: &'a Image,
    /// Settings.
    pub config: &'a ReplicaConfig,
    /// Numbers for requests.
    pub ids: &'a mut Correlations,
}

impl Context<'_> {
    /// `min.insync.replicas` of the partition's topic, but never more than it has replicas.
    pub fn min_isr(&self, at: TopicPartition, replicas: usize) -> usize {
        self.image.topics.get(&at.topic).map_or(1, |topic| topic.min_isr as usize).clamp(1, replicas.max(1))
    }

    /// The broker epoch under which `broker` may be in sync now; `None` while it is fenced or unknown.
    pub fn eligible_epoch(&self, broker: BrokerId) -> Option<BrokerEpoch> {
        self.image.brokers.get(&broker).filter(|state| !state.fenced).map(|state| state.epoch)
    }

    /// Sends a request and answers its number.
    pub fn ask(&mut self, to: NodeId, request: Request, env: &mut Host<'_>) -> CorrelationId {
        let id = self.ids.next();
        env.send(to, Message::Request { id, request });
        id
    }
}

/// Somebody who waits for a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Asker {
    /// The node.
    pub node: NodeId,
    /// Its number for the request.
    pub id: CorrelationId,
}

impl Asker {
    /// Answers.
    pub fn answer(self, reply: Reply, env: &mut Host<'_>) {
        env.send(self.node, Message::Reply { id: self.id, reply });
    }
}
