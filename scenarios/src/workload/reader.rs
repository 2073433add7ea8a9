//! Reads every partition from its start, and reports every record it is handed.

use squall_core::client::{Consumer, ConsumerConfig, Start};
use squall_core::env::Input;
use squall_core::host::Host;
use squall_core::ids::{Offset, TopicPartition};
use squall_core::message::Message;
use squall_core::probe::{ClientProbe, Probe};
use squall_core::timer::Timer;

use crate::workload::TOPIC;
use crate::workload::sender::name_of;

/// A consumer that wants everything.
#[derive(Debug, Clone)]
pub struct Reader {
    consumer: Consumer,
    partitions: u32,
}

impl Reader {
    /// Will read all of the topic's `partitions`.
    pub fn new(config: ConsumerConfig, partitions: u32) -> Self {
        Self { consumer: Consumer::new(config), partitions }
    }

    /// The next offset it wants; `None` before it knows.
    pub fn position(&self, at: TopicPartition) -> Option<Offset> {
        self.consumer.position(at)
    }

    /// How many partitions it reads.
    pub(crate) const fn partitions(&self) -> u32 {
        self.partitions
    }

    pub(crate) fn start(&mut self, env: &mut Host<'_>) {
        self.consumer.start(env);
        let all = (0..self.partitions).map(|partition| (TOPIC.into(), partition, Start::Earliest)).collect();
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
            env.probe(Probe::Client(ClientProbe::Consumed {
                at: consumed.at,
                offset: consumed.offset,
                epoch: consumed.epoch,
                record: name_of(&consumed),
            }));
        }
    }
}
