//! A node that runs the consensus alone, with a list of payloads as its state machine.

use bytes::Bytes;

use squall_core::env::{DiskFault, EnvOf, Input, InputOf, Process};
use squall_core::ids::{LeaderEpoch, NodeId, Offset};
use squall_core::log::LogConfig;
use squall_core::message::Message;
use squall_core::probe::Probe;
use squall_core::quirk::Quirks;
use squall_core::quorum::{Delivery, Quorum, QuorumConfig};
use squall_core::time::Span;
use squall_core::timer::Timer;

/// A committed entry as the state machine got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) offset: Offset,
    pub(crate) epoch: LeaderEpoch,
    pub(crate) payload: Option<Bytes>,
}

/// The node.
#[derive(Debug, Clone)]
pub(crate) struct Voter {
    pub(crate) quorum: Quorum,
    /// Every payload ever committed, a line each: what a snapshot holds.
    pub(crate) state: String,
    /// One past the last entry in `state`.
    pub(crate) applied: Offset,
    /// What was handed over since the test last looked.
    pub(crate) news: Vec<Applied>,
}

/// A quorum of `voters` with tiny limits.
pub(crate) fn voters(voters: u32, max_batch_bytes: usize, quirks: Quirks) -> Vec<Voter> {
    let config = QuorumConfig {
        voters: (1..=voters).map(NodeId).collect(),
        election_min: Span::from_millis(1_000),
        election_max: Span::from_millis(2_000),
        heartbeat: Span::from_millis(200),
        max_batch_bytes,
        log: LogConfig { segment_bytes: 300, ..LogConfig::default() },
        quirks,
    };
    let voter =
        Voter { quorum: Quorum::new(config), state: String::new(), applied: Offset::ZERO, news: Vec::new() };
    vec![voter; voters as usize]
}

impl Voter {
    /// Takes what is committed.
    pub(crate) fn apply(&mut self, env: &mut EnvOf<'_, Self>) {
        while let Some(delivery) = self.quorum.poll_committed(env).expect("a sound disk") {
            match delivery {
                Delivery::Snapshot { end, state, .. } => {
                    assert!(end > self.applied, "a snapshot that says nothing new");
                    self.state = String::from_utf8(state.to_vec()).expect("a snapshot is text");
                    self.applied = end;
                }
                Delivery::Entry { offset, epoch, payload } => {
                    assert_eq!(offset, self.applied, "entries come once and in order");
                    self.applied = offset.plus(1);
                    if let Some(payload) = &payload {
                        self.state += std::str::from_utf8(payload).expect("payloads are text");
                        self.state += "\n";
                    }
                    self.news.push(Applied { offset, epoch, payload });
                }
            }
        }
    }

    /// Takes a snapshot of what was applied.
    pub(crate) fn snapshot(&mut self, env: &mut EnvOf<'_, Self>) {
        let state = self.state.clone();
        self.quorum.snapshot(self.applied, state.as_bytes(), env).expect("a sound disk");
    }
}

impl Process for Voter {
    type Message = Message;
    type Timer = Timer;
    type Probe = Probe;

    fn start(&mut self, env: &mut EnvOf<'_, Self>) {
        self.quorum.start(env).expect("a sound disk");
        self.apply(env);
    }

    fn step(&mut self, input: InputOf<Self>, env: &mut EnvOf<'_, Self>) {
        let result: Result<(), DiskFault> = match input {
            Input::Deliver { from, message: Message::Quorum(message) } => {
                self.quorum.on_message(from, message, env)
            }
            Input::Expired { timer: Timer::Quorum(timer) } => self.quorum.on_timer(timer, env),
            Input::Synced { sync, outcome } => {
                self.quorum.on_synced(sync, outcome, env).map(|mine| assert!(mine, "nobody else syncs here"))
            }
            Input::Deliver { .. } | Input::Expired { .. } => panic!("not of the consensus: {input:?}"),
        };
        result.expect("a sound disk");
        self.apply(env);
    }
}
