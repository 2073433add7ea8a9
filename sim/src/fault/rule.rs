//! What a fault speaks of: the messages that it singles out, and whoever it names.

use std::fmt;

use squall_core::ids::NodeId;

use super::{Fault, Links, Whom};

impl Fault {
    /// The messages that it singles out, if it does.
    pub fn rule(&self) -> Option<Rule<'_>> {
        let (Self::DropMessage { message, from, to, nth, count }
        | Self::DelayMessage { message, from, to, nth, count, .. }
        | Self::DuplicateMessage { message, from, to, nth, count, .. }) = self
        else {
            return None;
        };
        Some(Rule { kind: message, from: from.as_ref(), to: to.as_ref(), nth: *nth, count: *count })
    }

    /// Everybody it speaks of, in no special order.
    pub fn targets(&self) -> Vec<Whom> {
        let nodes = |lists: &[&[u32]]| lists.concat().into_iter().map(|number| Whom::Node(NodeId(number)));
        match self {
            Self::Loss { on, .. }
            | Self::Delay { on, .. }
            | Self::Duplication { on, .. }
            | Self::Reordering { on, .. }
            | Self::Bandwidth { on, .. }
            | Self::SlowTail { on, .. }
            | Self::Flapping { on, .. } => match on {
                Links::All => Vec::new(),
                Links::Of(whom) => vec![whom.clone()],
                Links::Between(from, to) => vec![from.clone(), to.clone()],
            },
            Self::SplitHalves { left, right } => nodes(&[left, right]).collect(),
            Self::SplitRing { ring } | Self::MovingSplit { ring, .. } => nodes(&[ring]).collect(),
            Self::RollingRestart { nodes: all } | Self::RackPowerLoss { nodes: all } => {
                nodes(&[all]).collect()
            }
            Self::Swizzle { cut, mend } => {
                let ends: Vec<u32> = cut.iter().chain(mend).flat_map(|(a, b)| [*a, *b]).collect();
                nodes(&[&ends]).collect()
            }
            Self::SplitBridge { left, bridge, right } => nodes(&[left, &[*bridge], right]).collect(),
            Self::OneWayCut { from, to } => vec![from.clone(), to.clone()],
            Self::Isolate { whom }
            | Self::Crash { whom }
            | Self::PowerLoss { whom }
            | Self::Wipe { whom }
            | Self::Pause { whom }
            | Self::Restart { whom }
            | Self::Mute { whom }
            | Self::ClockOffset { whom, .. }
            | Self::ClockStep { whom, .. }
            | Self::ClockLeap { whom, .. }
            | Self::ClockDrift { whom, .. }
            | Self::ClockFreeze { whom }
            | Self::LongPause { whom }
            | Self::RestartStorm { whom, .. }
            | Self::CrashRecovering { whom, .. }
            | Self::PowerLossRecovering { whom, .. }
            | Self::TornWrite { whom }
            | Self::LostNames { whom }
            | Self::LostSync { whom }
            | Self::RotCold { whom }
            | Self::RotTail { whom }
            | Self::MisdirectedWrite { whom }
            | Self::WriteError { whom, .. }
            | Self::ReadError { whom, .. }
            | Self::SyncError { whom, .. }
            | Self::DiskFull { whom, .. }
            | Self::SlowDisk { whom, .. }
            | Self::StalledDisk { whom } => vec![whom.clone()],
            Self::Transfer { role } | Self::TransferStorm { role, .. } => vec![Whom::Role(role.clone())],
            Self::DropMessage { from, to, .. }
            | Self::DelayMessage { from, to, .. }
            | Self::DuplicateMessage { from, to, .. } => from.iter().chain(to).cloned().collect(),
        }
    }
}

/// Which messages a fault singles out: of a kind between some, the `nth` and those after it, `count` in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule<'a> {
    /// Their kind.
    pub kind: &'a str,
    /// Who sends them.
    pub from: Option<&'a Whom>,
    /// Whom they are for.
    pub to: Option<&'a Whom>,
    /// From which one on.
    pub nth: u64,
    /// How many.
    pub count: u64,
}

impl Rule<'_> {
    /// Whether the `number`-th message of its kind is meant.
    pub fn covers(&self, number: u64) -> bool {
        number >= self.nth && number - self.nth < self.count
    }

    /// Whether no message after the `number`-th is meant.
    pub fn is_past(&self, number: u64) -> bool {
        number >= self.nth && number - self.nth >= self.count.saturating_sub(1)
    }
}

impl fmt::Display for Rule<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.kind)?;
        if let Some(from) = self.from {
            write!(f, " from {from}")?;
        }
        if let Some(to) = self.to {
            write!(f, " to {to}")?;
        }
        match (self.nth, self.count) {
            (nth, 1) => write!(f, ", number {nth}"),
            (nth, count) => write!(f, ", numbers {nth} to {}", nth.saturating_add(count.saturating_sub(1))),
        }
    }
}
