//! Sends what the plan lists, through a producer, and reports what became of each record.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use squall_core::client::{Consumed, Headers, Producer, ProducerConfig, SendError};
use squall_core::env::Input;
use squall_core::host::Host;
use squall_core::message::{Acks, Message};
use squall_core::probe::{ClientProbe, Probe};
use squall_core::time::Time;
use squall_core::timer::Timer;

use crate::ghost::clients::Name;
use crate::workload::TOPIC;

const NEXT: Timer = Timer::Application(0);

/// The header of a tombstone that has its name.
const NAME: &[u8] = b"name";

/// What a producer promises and is promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// How sure it wants to be.
    pub acks: Acks,
    /// Whether retries are absorbed.
    pub idempotent: bool,
}

/// One record to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Send {
    /// When.
    pub at: Time,
    /// Its key; `None`: any partition.
    pub key: Option<u32>,
    /// The length of its value in bytes, at least the eight that its name takes; 0: it has none, and is a
    /// tombstone.
    pub size: u32,
}

/// A producer and what it has to send.
#[derive(Debug, Clone)]
pub struct Sender {
    producer: Producer,
    kind: Kind,
    script: Arc<[Send]>,
    next: usize,
    /// The tickets of records whose fate is open. Tickets count from 0, as the records do.
    open: VecDeque<squall_core::client::Ticket>,
}

impl Sender {
    /// Will send `script`, which is in order of time.
    pub fn new(config: ProducerConfig, script: Arc<[Send]>) -> Self {
        let kind = Kind { acks: config.acks, idempotent: config.idempotent };
        let producer = Producer::new(config).expect("plans pair idempotence with acks=all only");
        Self { producer, kind, script, next: 0, open: VecDeque::new() }
    }

    /// Whether everything was sent and its fate is known.
    pub fn is_done(&self) -> bool {
        self.next == self.script.len() && self.open.is_empty()
    }

    /// What it promises and is promised.
    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    /// How many records it has sent, of how many.
    pub(crate) fn progress(&self) -> (usize, usize) {
        (self.next, self.script.len())
    }

    /// Records whose fate is open.
    pub(crate) fn open(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn start(&mut self, env: &mut Host<'_>) {
        self.producer.start(env);
        self.plan_next(env);
    }

    pub(crate) fn step(&mut self, input: Input<Message, Timer>, env: &mut Host<'_>) {
        match input {
            Input::Deliver { from, message: Message::Reply { id, reply } } => {
                self.producer.on_reply(from, id, reply, env);
            }
            Input::Expired { timer: Timer::Client(timer) } => self.producer.on_timer(timer, env),
            Input::Expired { timer: NEXT } => self.send_due(env),
            // Nobody asks a client, and it has no disk.
            Input::Expired { .. } | Input::Deliver { .. } | Input::Synced { .. } => {}
        }
        self.report(env);
    }

    fn plan_next(&self, env: &mut Host<'_>) {
        if let Some(send) = self.script.get(self.next) {
            env.set_timer(NEXT, send.at.since(env.now()));
        }
    }

    fn send_due(&mut self, env: &mut Host<'_>) {
        while let Some(&send) = self.script.get(self.next).filter(|send| send.at <= env.now()) {
            let number = self.next as u32;
            let name = Name { sender: env.me().0, number }.pack();
            self.next += 1;
            let Kind { acks, idempotent } = self.kind;
            let key = send.key.map(|key| Bytes::copy_from_slice(&key.to_be_bytes()));
            let (value, headers) = content(name, send.size);
            let ticket = self.producer.send(TOPIC, key, value, headers, env);
            self.open.push_back(ticket);
            let at = self.producer.last_place();
            env.probe(Probe::Client(ClientProbe::Sent { record: name, at, acks, idempotent }));
        }
        self.plan_next(env);
    }

    fn report(&mut self, env: &mut Host<'_>) {
        while let Some(delivery) = self.producer.poll() {
            // A fate that comes twice is reported twice: whoever checks must hear of it.
            // Tickets are in order; most are told of in that order too.
            if let Ok(place) = self.open.binary_search(&delivery.ticket) {
                self.open.remove(place);
            }
            let record = Name { sender: env.me().0, number: delivery.ticket.0 as u32 }.pack();
            env.probe(Probe::Client(match delivery.outcome {
                Ok((at, offset)) => ClientProbe::Delivered { record, at, offset },
                Err(SendError { at, refused, definite }) => {
                    ClientProbe::Undelivered { record, at, definite, refused }
                }
            }));
        }
    }
}

/// What a record says. A tombstone has its name in a header.
fn content(name: u64, size: u32) -> (Option<Bytes>, Headers) {
    if size > 0 {
        return (Some(value(name, size)), Headers::new());
    }
    (None, vec![(Bytes::from_static(NAME), Some(Bytes::copy_from_slice(&name.to_be_bytes())))])
}

/// A value that names its record, filled up to `size`.
pub(crate) fn value(name: u64, size: u32) -> Bytes {
    let mut value = BytesMut::with_capacity(size.max(8) as usize);
    value.put_u64(name);
    // Filled with something that depends on the record, so that mixed-up bytes are not mistaken for it.
    value.resize(size.max(8) as usize, name as u8 ^ 0x5a);
    value.freeze()
}

/// The name of a record that was read.
pub(crate) fn name_of(consumed: &Consumed) -> Option<u64> {
    match &consumed.value {
        Some(value) => name_in(value),
        None => {
            let named = consumed.headers.iter().find(|(key, _)| key == NAME)?;
            Some(u64::from_be_bytes(named.1.as_deref()?.try_into().ok()?))
        }
    }
}

/// The name in a value; `None` if the value is not one that [`value`] made.
pub(crate) fn name_in(value: &[u8]) -> Option<u64> {
    let (name, fill) = value.split_first_chunk::<8>()?;
    let name = u64::from_be_bytes(*name);
    fill.iter().all(|&byte| byte == name as u8 ^ 0x5a).then_some(name)
}
