//! A controller: the consensus, the state it agrees on, and the decisions of the one that is active.
//!
//! The active controller decides registration and fencing, elections, ISR changes, topics and producer ids.
//! It decides from its committed log alone, one request at a time: each decision is answered at once, or its
//! records are proposed as one batch and answered when they are applied. What is not in the log (sessions,
//! questions that wait) is gone with its reign.
//! Deliberately absent: the partitions' data, and any word to a broker that did not ask.

mod alter_partition;
mod apply;
#[cfg(test)]
mod bench;
mod change;
mod elect;
mod fetch_metadata;
#[cfg(test)]
mod fixture;
mod heartbeat;
mod pending;
mod producer_ids;
mod register;
mod reign;
mod route;
mod sessions;
#[cfg(test)]
mod tests;
mod topics;

use fetch_metadata::{Purgatory, Tail};
use pending::Queue;
use sessions::Sessions;

use crate::env::{DiskFault, SyncId};
use crate::host::Host;
use crate::ids::{LeaderEpoch, NodeId};
use crate::message::Message;
use crate::metadata::Image;
use crate::probe::{MetadataProbe, Probe};
use crate::quirk::Quirks;
use crate::quorum::{Quorum, QuorumConfig};
use crate::time::Span;
use crate::timer::Timer;

/// The settings of a controller.
#[derive(Debug, Clone)]
pub struct ControllerConfig {
    /// Of its consensus.
    pub quorum: QuorumConfig,
    /// A broker that is silent for so long is fenced (`broker.session.timeout.ms`).
    pub session: Span,
    /// How often silent brokers are looked for.
    pub sweep: Span,
    /// A snapshot of the metadata log is taken after so many records.
    pub snapshot_every: u64,
    /// How many producer ids a broker is given at once. Kafka: 1000.
    pub producer_id_block: u32,
    /// Mistakes that are switched on.
    pub quirks: Quirks,
}

/// A whole controller node.
#[derive(Debug, Clone)]
pub struct Controller {
    config: ControllerConfig,
    quorum: Quorum,
    /// All committed records, applied.
    image: Image,
    tail: Tail,
    /// The reign in which this node decides; `None`: it does not.
    active: Option<LeaderEpoch>,
    queue: Queue,
    sessions: Sessions,
    purgatory: Purgatory,
    halted: bool,
}

impl Controller {
    /// A controller that has not read its disk yet.
    pub fn new(config: ControllerConfig) -> Self {
        Self {
            quorum: Quorum::new(config.quorum.clone()),
            image: Image::default(),
            tail: Tail::default(),
            active: None,
            queue: Queue::default(),
            sessions: Sessions::new(config.session),
            purgatory: Purgatory::default(),
            halted: false,
            config,
        }
    }

    /// Begins a life: reads the disk.
    pub fn start(&mut self, env: &mut Host<'_>) {
        let outcome = self.quorum.start(env);
        self.finish(outcome, env);
    }

    /// A message arrived.
    pub fn on_message(&mut self, from: NodeId, message: Message, env: &mut Host<'_>) {
        if !self.halted {
            let outcome = route::on_message(self, from, message, env);
            self.finish(outcome, env);
        }
    }

    /// A timer ran out.
    pub fn on_timer(&mut self, timer: Timer, env: &mut Host<'_>) {
        if !self.halted {
            let outcome = route::on_timer(self, timer, env);
            self.finish(outcome, env);
        }
    }

    /// A sync ended. All syncs are the consensus's.
    pub fn on_synced(&mut self, sync: SyncId, outcome: Result<(), DiskFault>, env: &mut Host<'_>) {
        if !self.halted {
            let outcome = self.quorum.on_synced(sync, outcome, env).map(drop);
            self.finish(outcome, env);
        }
    }

    /// A person wants `to` to be the active controller.
    pub fn transfer_quorum(&mut self, to: NodeId, env: &mut Host<'_>) {
        if !self.halted {
            self.quorum.transfer(to, env);
            self.finish(Ok(()), env);
        }
    }

    /// All that is committed, as far as this node knows.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// The consensus.
    pub fn quorum(&self) -> &Quorum {
        &self.quorum
    }

    /// Whether this node decides now.
    pub fn is_active(&self) -> bool {
        self.active.is_some()
    }

    /// Whether its disk failed it. It does nothing any more in this life.
    pub fn is_halted(&self) -> bool {
        self.halted
    }

    /// The end of every step: follows what the input did to the consensus.
    fn finish(&mut self, outcome: Result<(), DiskFault>, env: &mut Host<'_>) {
        if outcome.and_then(|()| self.advance(env)).is_err() {
            // What is on the disk is unknown from here on, so no vote and no answer may come from it.
            self.halted = true;
            self.active = None;
            env.probe(Probe::Metadata(MetadataProbe::Halted));
        }
        self.assert_invariants();
    }

    /// True between any two inputs.
    pub fn assert_invariants(&self) {
        debug_assert!(self.halted || self.tail.end() == self.image.end, "the tail ends with the image");
        debug_assert!(
            self.active.is_none_or(|epoch| self.quorum.is_leader() && self.quorum.epoch() == epoch),
            "who decides leads the quorum"
        );
        debug_assert!(
            self.halted || self.is_active() || (self.queue.is_empty() && self.purgatory.is_empty()),
            "nobody waits for a controller that does not decide"
        );
    }
}
