//! A recording: one run as a diagram needs it, with a lane for each node, every message and every fact.
//!
//! Holds: plain values in a scenario's own words ([`crate::narrate`]), times in nanoseconds of virtual time.
//! Made by [`run::record`](crate::run::record()), read by `reports`. Bounded by [`Limits`]: of a long run the
//! end is kept, and how much was left out is said ([`Window`]). Deliberately absent: how it is drawn.

use serde::Serialize;

use crate::narrate::Fields;

/// How much of a run is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Messages, the last ones sent.
    pub arrows: usize,
    /// Facts, the last ones reported.
    pub facts: usize,
    /// Operations of the plan, the first ones.
    pub operations: usize,
}

impl Default for Limits {
    /// What a browser draws at ease, in less than two megabytes.
    fn default() -> Self {
        Self { arrows: 5_000, facts: 5_000, operations: 400 }
    }
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recording {
    /// What is kept of it.
    pub window: Window,
    /// Every node, by number.
    pub lanes: Vec<Lane>,
    /// Every message, in the order in which they were sent.
    pub arrows: Vec<Arrow>,
    /// Every fact, in order.
    pub facts: Vec<Fact>,
    /// Of each node, kind and partition the newest fact before the window: what the window begins with.
    pub before: Vec<Fact>,
    /// Every fault that took effect, in the order in which they began.
    pub faults: Vec<FaultSpan>,
    /// When nodes were down or stood still.
    pub states: Vec<StateSpan>,
    /// How every node was when the run ended.
    pub ending: Vec<NodeEnd>,
    /// Where the run ended, for the pin.
    pub end: End,
    /// What was planned.
    pub plan: PlanSummary,
}

/// Which part of a run a recording has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Window {
    /// Where it begins.
    pub from_ns: u64,
    /// Where it ends: at the end of the run.
    pub to_ns: u64,
    /// When the calm began, if the run came so far.
    pub calm_ns: Option<u64>,
    /// The first event of which everything is kept, from 1.
    pub from_event: u64,
    /// How many events the run had.
    pub events: u64,
    /// How many earlier messages were left out.
    pub arrows_left_out: u64,
    /// How many earlier facts were left out.
    pub facts_left_out: u64,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lane {
    /// Its name: `broker 2`.
    pub name: String,
    /// The name without the number, the same for nodes of one sort: `broker`.
    pub kind: String,
    /// Whether it is outside the system: it asks, and serves nobody.
    pub client: bool,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Arrow {
    /// The sender's number; `None`: the operator.
    pub from: Option<u32>,
    /// The receiver's number; `None`: nobody has that name.
    pub to: Option<u32>,
    /// Its kind, as the scenario calls it.
    pub kind: &'static str,
    /// What it says.
    pub fields: Fields,
    /// When it was sent.
    pub sent_ns: u64,
    /// In which event.
    pub sent_event: u64,
    /// When its way ended.
    pub end_ns: Option<u64>,
    /// In which event.
    pub end_event: Option<u64>,
    /// How its way ended.
    pub fate: Fate,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It was taken in.
    Arrived,
    /// The link's weather lost it.
    Lost,
    /// The link was cut when it was sent.
    CutWhenSent,
    /// The link was cut when it should have arrived.
    CutOnArrival,
    /// Its receiver was down.
    ReceiverDown,
    /// It had arrived, and its receiver died before it took it in.
    Forgotten,
    /// It was on its way when the run ended.
    OnItsWay,
}

impl Fate {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Arrived,
        Self::Lost,
        Self::CutWhenSent,
        Self::CutOnArrival,
        Self::ReceiverDown,
        Self::Forgotten,
        Self::OnItsWay,
    ];

    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Arrived => "arrived",
            Self::Lost => "lost on the way",
            Self::CutWhenSent => "dropped: the link was cut when it was sent",
            Self::CutOnArrival => "dropped: the link was cut when it should have arrived",
            Self::ReceiverDown => "dropped: the receiver was down",
            Self::Forgotten => "dropped: the receiver died before it took it in",
            Self::OnItsWay => "still on its way at the end",
        }
    }

    /// Whether it got nowhere.
    pub const fn is_dropped(self) -> bool {
        match self {
            Self::Arrived | Self::OnItsWay => false,
            Self::Lost | Self::CutWhenSent | Self::CutOnArrival | Self::ReceiverDown | Self::Forgotten => {
                true
            }
        }
    }
}

/// What a node reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// When.
    pub at_ns: u64,
    /// In which event.
    pub event: u64,
    /// The node's number.
    pub node: u32,
    /// Its kind, as the scenario calls it.
    pub kind: &'static str,
    /// What it says.
    pub fields: Fields,
}

impl Fact {
    /// The value of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value.as_str())
    }
}

/// A fault that took effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaultSpan {
    /// Its place in the plan, from 0.
    pub item: usize,
    /// Its kind, as plans call it.
    pub kind: &'static str,
    /// The fault as plans say it.
    pub text: String,
    /// When it began.
    pub begin_ns: u64,
    /// When it ended; `None`: it had not when the run ended.
    pub end_ns: Option<u64>,
    /// Whom it hit, sorted.
    pub nodes: Vec<u32>,
}

/// How a node is when it does not do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It has no process.
    Down,
    /// Its process stands still.
    Paused,
}

/// A time in which a node did not do its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StateSpan {
    /// The node's number.
    pub node: u32,
    /// How it was.
    pub state: State,
    /// What made it so: `power lost`.
    pub why: &'static str,
    /// Since when.
    pub begin_ns: u64,
    /// Until when; `None`: until the run ended.
    pub end_ns: Option<u64>,
}

/// A node at the end of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeEnd {
    /// The node's number.
    pub node: u32,
    /// How it was, if it did not do its work.
    pub state: Option<State>,
    /// What the scenario says about it; nothing if it was down.
    pub fields: Fields,
}

/// Where a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct End {
    /// When.
    pub at_ns: u64,
    /// After how many events.
    pub event: u64,
    /// Whom the last event happened to; `None`: the world as a whole.
    pub node: Option<u32>,
}

/// What was planned.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct PlanSummary {
    /// Settings that differ from their calm value.
    pub settings: Vec<SettingLine>,
    /// The faults, in the plan's order.
    pub faults: Vec<FaultLine>,
    /// The first operations.
    pub operations: Vec<OperationLine>,
    /// How many more there are.
    pub operations_left_out: usize,
    /// Known mistakes that are switched on.
    pub quirks: Vec<String>,
    /// How long the storm lasts.
    pub storm_ns: u64,
    /// How long the calm may take.
    pub calm_ns: u64,
}

/// A setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SettingLine {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: u64,
    /// Its calm value.
    pub calm: u64,
    /// What both count.
    pub unit: String,
}

/// A planned fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaultLine {
    /// When it should begin; `None` if it waits for something to happen.
    pub at_ns: Option<u64>,
    /// How long it should last.
    pub lasts_ns: u64,
    /// The fault as plans say it.
    pub text: String,
    /// What became of it.
    pub effect: Effect,
}

/// What became of a planned fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It took effect.
    Began,
    /// It found no target, or nothing to change.
    Skipped,
    /// The run ended before it came.
    NeverCame,
}

/// A planned operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperationLine {
    /// When it should begin.
    pub at_ns: u64,
    /// Which client, as plans number them.
    pub client: u32,
    /// The operation as plans write it.
    pub text: String,
}
