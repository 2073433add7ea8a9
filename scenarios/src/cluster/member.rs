//! The one process type of a cluster's world. Routing only.

use squall_core::broker::Broker;
use squall_core::controller::Controller;
use squall_core::env::{Input, Process};
use squall_core::host::Host;
use squall_core::message::Message;
use squall_core::probe::Probe;
use squall_core::timer::Timer;

use crate::cluster::Charged;
use crate::workload::{Admin, EffectsReader, IdTaker, Person, Pipeline, Reader, Sender, ShareWorker, Worker};

/// Whoever lives on a node.
#[derive(Debug, Clone)]
pub enum Member {
    /// A broker.
    Broker(Box<Charged<Broker>>),
    /// A controller.
    Controller(Box<Controller>),
    /// Makes the topic.
    Admin(Admin),
    /// Sends records.
    Sender(Box<Sender>),
    /// Reads records.
    Reader(Box<Reader>),
    /// Asks for producer ids.
    IdTaker(IdTaker),
    /// Works for a consumer group.
    Worker(Box<Charged<Worker>>),
    /// Consumes, transforms and produces in transactions.
    Pipeline(Box<Pipeline>),
    /// Reads what pipelines wrote.
    EffectsReader(Box<EffectsReader>),
    /// Works for a share group.
    ShareWorker(Box<ShareWorker>),
    /// Looks after dead letters.
    Person(Box<Person>),
}

impl Member {
    /// Whether its disk failed it, so that it does nothing any more.
    pub fn is_halted(&self) -> bool {
        match self {
            Self::Broker(broker) => broker.is_halted(),
            Self::Controller(controller) => controller.is_halted(),
            Self::Admin(_)
            | Self::Sender(_)
            | Self::Reader(_)
            | Self::IdTaker(_)
            | Self::Worker(_)
            | Self::Pipeline(_)
            | Self::EffectsReader(_)
            | Self::ShareWorker(_)
            | Self::Person(_) => false,
        }
    }

    /// Whether it is outside the cluster: it asks, and serves nobody.
    pub(crate) const fn is_client(&self) -> bool {
        match self {
            Self::Broker(_) | Self::Controller(_) => false,
            Self::Admin(_)
            | Self::Sender(_)
            | Self::Reader(_)
            | Self::IdTaker(_)
            | Self::Worker(_)
            | Self::Pipeline(_)
            | Self::EffectsReader(_)
            | Self::ShareWorker(_)
            | Self::Person(_) => true,
        }
    }
}

impl Process for Member {
    type Message = Message;
    type Timer = Timer;
    type Probe = Probe;

    fn start(&mut self, env: &mut Host<'_>) {
        match self {
            Self::Broker(broker) => broker.start(env),
            Self::Controller(controller) => controller.start(env),
            Self::Admin(admin) => admin.start(env),
            Self::Sender(sender) => sender.start(env),
            Self::Reader(reader) => reader.start(env),
            Self::IdTaker(taker) => taker.start(env),
            Self::Worker(worker) => worker.start(env),
            Self::Pipeline(pipeline) => pipeline.start(env),
            Self::EffectsReader(reader) => reader.start(env),
            Self::ShareWorker(worker) => worker.start(env),
            Self::Person(person) => person.start(env),
        }
    }

    fn message_size(message: &Message) -> u64 {
        message.bytes()
    }

    fn step(&mut self, input: Input<Message, Timer>, env: &mut Host<'_>) {
        match self {
            Self::Broker(broker) => broker.step(input, env, serve),
            Self::Controller(controller) => match input {
                Input::Deliver { from, message } => controller.on_message(from, message, env),
                Input::Expired { timer } => controller.on_timer(timer, env),
                Input::Synced { sync, outcome } => controller.on_synced(sync, outcome, env),
            },
            Self::Admin(admin) => admin.step(input, env),
            Self::Sender(sender) => sender.step(input, env),
            Self::Reader(reader) => reader.step(input, env),
            Self::IdTaker(taker) => taker.step(input, env),
            Self::Worker(worker) => worker.step(input, env, Worker::step),
            Self::Pipeline(pipeline) => pipeline.step(input, env),
            Self::EffectsReader(reader) => reader.step(input, env),
            Self::ShareWorker(worker) => worker.step(input, env),
            Self::Person(person) => person.step(input, env),
        }
    }
}

fn serve(broker: &mut Broker, input: Input<Message, Timer>, env: &mut Host<'_>) {
    match input {
        Input::Deliver { from, message } => broker.on_message(from, message, env),
        Input::Expired { timer } => broker.on_timer(timer, env),
        Input::Synced { sync, outcome } => broker.on_synced(sync, outcome, env),
    }
}
