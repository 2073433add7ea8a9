//! Reads every effect from the start, with or without those that do not count.

use squall_core::client::transacted::TransactedProbe;
use squall_core::client::{Consumer, ConsumerConfig, Start};
use squall_core::env::Input;
use squall_core::host::Host;
use squall_core::ids::{Offset, TopicPartition};
use squall_core::message::{Isolation, Message};
use squall_core::probe::Probe;
use squall_core::timer::Timer;

use crate::workload::EFFECTS;
use crate::workload::sender::name_of;

/// A consumer of everything that pipelines wrote.
#[derive(Debug, Clone)]
pub struct EffectsReader {
    consumer: Consumer,
    partitions: u32,
    committed: bool,
}

impl EffectsReader {
    /// Will read all of the topic's `partitions`, as its settings say.
    pub fn new(config: ConsumerConfig, partitions: u32) -> Self {
        let committed = config.isolation == Isolation::ReadCommitted;
        Self { consumer: Consumer::new(config), partitions, committed }
    }

    /// The next offset it wants; `None` before it knows.
    pub fn position(&self, at: TopicPartition) -> Option<Offset> {
        self.consumer.position(at)
    }

    /// Whether it reads what is committed only.
    pub(crate) const fn is_committed(&self) -> bool {
        self.committed
    }

    /// The partitions that it reads, once it knows their topic.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = TopicPartition> {
        (0..self.partitions).filter_map(|partition| self.consumer.resolve(EFFECTS, partition))
    }

    pub(crate) fn start(&mut self, env: &mut Host<'_>) {
        self.consumer.start(env);
        let all =
            (0..self.partitions).map(|partition| (EFFECTS.into(), partition, Start::Earliest)).collect();
        self.consumer.assign(all, env);
    }

    pub(crate) fn step(&mut self, input: Input<Message, Timer>, env: &mut Host<'_>) {
        match input {
            Input::Deliver { from, message: Message::Reply { id, reply } } => {
                self.consumer.on_reply(from, id, reply, env);
            }
            Input::Expired { timer: Timer::Client(timer) } => self.consumer.on_timer(timer, env),
            // Nobody asks a client, and it has no disk.
            Input::Expired { .. } | Input::Deliver { .. } | Input::Synced { .. } => {}
        }
        while let Some(consumed) = self.consumer.poll(env) {
            env.probe(Probe::Transacted(TransactedProbe::Read {
                at: consumed.at,
                offset: consumed.offset,
                effect: name_of(&consumed),
                committed: self.committed,
            }));
        }
    }
}
