//! Transactions (KIP-98, KIP-360, KIP-447, KIP-890): all records of one, in however many partitions, or none.
//!
//! Holds: what producers, leaders and coordinators say to each other, the facts they report, the states of a
//! transactional id, and where each is coordinated.
//! Deliberately absent: two-phase commit with others (KIP-939).

pub mod message;
pub mod probe;
pub mod state;

use crate::coordinator::place::Home;
use crate::ids::{BrokerId, TopicId, TransactionalId};
use crate::metadata::Image;

/// The internal topic that holds transactional ids. Whoever sets a cluster up creates it like any topic; the name
/// makes it internal: producers are refused.
pub const TRANSACTIONS_TOPIC: &str = "__transaction_state";

/// What a broker knows of transactions' coordinators.
#[derive(Debug, Clone)]
pub struct Transactions {
    /// The transactions' topic.
    home: Home,
}

impl Transactions {
    /// No coordinator yet.
    pub const fn new() -> Self {
        Self { home: Home::named(TRANSACTIONS_TOPIC) }
    }

    /// The transactions' topic, if there is one.
    pub const fn topic(&self) -> Option<TopicId> {
        self.home.topic()
    }

    /// The controllers decided something: there may be a topic now.
    pub(crate) fn on_metadata(&mut self, image: &Image) {
        self.home.on_metadata(image);
    }

    /// Who coordinates a producer's transactions, as far as this broker knows.
    pub(crate) fn coordinator(&self, transactional: &TransactionalId, image: &Image) -> Option<BrokerId> {
        self.home.coordinator(&transactional.0, image)
    }
}
