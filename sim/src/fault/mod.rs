//! What can go wrong, as one closed vocabulary.
//!
//! Holds: [`Fault`], whom it hits, and when ([`PlannedFault`], [`When`]); the table of kinds ([`table`]);
//! the generator that draws faults from a budget ([`mod@generate`]). A fault is a span: a crash and the restart
//! that follows are one item, so that a plan without it is still a plan.
//! Deliberately absent: how a fault is carried out. That is the [`run`](crate::run)'s.

mod aimed;
pub mod check;
pub mod generate;
pub(crate) mod ledger;
mod of_disks;
mod over_time;
mod planned;
mod rule;
pub(crate) mod softer;
pub mod table;
pub mod text;
pub mod when;
mod whom;

use std::fmt;

use serde::{Deserialize, Serialize};
use squall_core::time::Span;

pub use generate::{FaultSpace, Group, generate};
pub use planned::{PlannedFault, TO_THE_CALM};
pub use rule::Rule;
pub use softer::Names;
pub use table::{Row, TABLE};
pub use when::{Happening, Letters, Trigger, When};
pub use whom::{Links, Whom};

/// All that can be done to a world. Chances are in millionths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Fault {
    /// Messages get lost.
    Loss {
        /// Where.
        on: Links,
        /// The chance.
        ppm: u32,
    },
    /// Messages take longer.
    Delay {
        /// Where.
        on: Links,
        /// By so much at most.
        #[serde(with = "text::span")]
        extra: Span,
    },
    /// Messages come twice.
    Duplication {
        /// Where.
        on: Links,
        /// The chance.
        ppm: u32,
    },
    /// Messages are overtaken by later ones.
    Reordering {
        /// Where.
        on: Links,
        /// The chance.
        ppm: u32,
        /// How far one falls behind at most.
        #[serde(with = "text::span")]
        extra: Span,
    },
    /// Nothing passes between the two sides.
    SplitHalves {
        /// One side.
        left: Vec<u32>,
        /// The other.
        right: Vec<u32>,
    },
    /// Each of these reaches its two neighbours in the ring only. Others reach all of them.
    SplitRing {
        /// The ring.
        ring: Vec<u32>,
    },
    /// Nothing passes between the two sides; both reach the bridge.
    SplitBridge {
        /// One side.
        left: Vec<u32>,
        /// Whom both reach.
        bridge: u32,
        /// The other side.
        right: Vec<u32>,
    },
    /// A node reaches nobody and nobody reaches it.
    Isolate {
        /// The node.
        whom: Whom,
    },
    /// What one sends to the other vanishes; the way back is open.
    OneWayCut {
        /// The sender.
        from: Whom,
        /// The receiver.
        to: Whom,
    },
    /// The process ends and boots when the fault is over. Its disk keeps what was written.
    Crash {
        /// Whose process.
        whom: Whom,
    },
    /// The same, and the disk loses or tears what was not synced.
    PowerLoss {
        /// Whose power.
        whom: Whom,
    },
    /// The same, and the disk is empty.
    Wipe {
        /// Whose disk.
        whom: Whom,
    },
    /// The process stands still; its inputs wait.
    Pause {
        /// Whose process.
        whom: Whom,
    },
    /// The process ends and boots at once.
    Restart {
        /// Whose process.
        whom: Whom,
    },
    /// Whoever has the role is asked to hand it over.
    Transfer {
        /// The role, as the scenario calls it.
        role: String,
    },
    /// A link carries only so many bytes a second; what comes faster waits in line, and is dropped where the
    /// line is longer than a second.
    Bandwidth {
        /// Where.
        on: Links,
        /// Bytes a second.
        bytes: u64,
    },
    /// Some messages take much longer, and what was sent after them waits for them.
    SlowTail {
        /// Where.
        on: Links,
        /// The chance.
        ppm: u32,
        /// By so much at most.
        #[serde(with = "text::span")]
        extra: Span,
    },
    /// Links are cut for half of each period and whole for the other half.
    Flapping {
        /// Which.
        on: Links,
        /// A cut and a mend take so long; a millisecond at least.
        #[serde(with = "text::span")]
        period: Span,
    },
    /// Half of the nodes are cut off from the other half, and with each period one node changes sides.
    MovingSplit {
        /// The nodes, in the order in which they change sides.
        ring: Vec<u32>,
        /// How long a split stays; a millisecond at least.
        #[serde(with = "text::span")]
        period: Span,
    },
    /// What a node sends vanishes; it hears everybody.
    Mute {
        /// The node.
        whom: Whom,
    },
    /// Links are cut one by one in the first half of the fault, and mended in another order in the second.
    Swizzle {
        /// The links, both ways, as they are cut.
        cut: Vec<(u32, u32)>,
        /// The same as they are mended; one that is missing here is mended in the end.
        mend: Vec<(u32, u32)>,
    },
    /// A node's calendar is wrong while the fault lasts, and put right again.
    ClockOffset {
        /// Whose.
        whom: Whom,
        /// By so much; negative: it is behind.
        #[serde(with = "text::signed")]
        by: i64,
    },
    /// A node's calendar jumps and stays wrong until the calm.
    ClockStep {
        /// Whose.
        whom: Whom,
        /// By so much; negative: back.
        #[serde(with = "text::signed")]
        by: i64,
    },
    /// All of a node's clocks jump ahead, as after the virtual machine was suspended: its monotonic one too.
    ClockLeap {
        /// Whose.
        whom: Whom,
        /// By so much.
        #[serde(with = "text::span")]
        by: Span,
    },
    /// A node's clocks and timers run too fast or too slow.
    ClockDrift {
        /// Whose.
        whom: Whom,
        /// By so many millionths; negative: too slow.
        ppm: i32,
    },
    /// A node's clocks show the same time all the while; its timers run.
    ClockFreeze {
        /// Whose.
        whom: Whom,
    },
    /// The process stands still for longer than any lease or session lasts; its inputs wait.
    LongPause {
        /// Whose process.
        whom: Whom,
    },
    /// A process ends and comes back again and again, equally long down and up.
    RestartStorm {
        /// Whose process.
        whom: Whom,
        /// How often.
        times: u32,
    },
    /// One process after the other ends and comes back; the next goes down when the last is up again.
    RollingRestart {
        /// In this order.
        nodes: Vec<u32>,
    },
    /// Several nodes lose power at the same moment.
    RackPowerLoss {
        /// Those in the rack.
        nodes: Vec<u32>,
    },
    /// A process ends, and ends again shortly after it came back.
    CrashRecovering {
        /// Whose process.
        whom: Whom,
        /// So long after it came back.
        #[serde(with = "text::span")]
        after: Span,
    },
    /// The same, and both times the disk loses or tears what was not synced.
    PowerLossRecovering {
        /// Whose power.
        whom: Whom,
        /// So long after it came back.
        #[serde(with = "text::span")]
        after: Span,
    },
    /// Whoever has the role is asked to hand it over, again and again: it goes to and fro.
    TransferStorm {
        /// The role, as the scenario calls it.
        role: String,
        /// How often.
        times: u32,
    },
    /// Of the messages of a kind, one or some in a row never arrive. Counted from when the fault begins.
    DropMessage {
        /// Their kind.
        message: String,
        /// Who sends them; none: whoever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<Whom>,
        /// Whom they are for; none: whomever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<Whom>,
        /// From which one on; at least 1.
        #[serde(default = "when::one", skip_serializing_if = "when::is_one")]
        nth: u64,
        /// How many in a row; at least 1.
        #[serde(default = "when::one", skip_serializing_if = "when::is_one")]
        count: u64,
    },
    /// They arrive late, and later ones overtake them.
    DelayMessage {
        /// Their kind.
        message: String,
        /// Who sends them; none: whoever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<Whom>,
        /// Whom they are for; none: whomever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<Whom>,
        /// From which one on; at least 1.
        #[serde(default = "when::one", skip_serializing_if = "when::is_one")]
        nth: u64,
        /// How many in a row; at least 1.
        #[serde(default = "when::one", skip_serializing_if = "when::is_one")]
        count: u64,
        /// So late.
        #[serde(with = "text::span")]
        extra: Span,
    },
    /// They come a second time.
    DuplicateMessage {
        /// Their kind.
        message: String,
        /// Who sends them; none: whoever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<Whom>,
        /// Whom they are for; none: whomever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<Whom>,
        /// From which one on; at least 1.
        #[serde(default = "when::one", skip_serializing_if = "when::is_one")]
        nth: u64,
        /// How many in a row; at least 1.
        #[serde(default = "when::one", skip_serializing_if = "when::is_one")]
        count: u64,
        /// So long after the first.
        #[serde(with = "text::span")]
        extra: Span,
    },
    /// Power goes right after the next write: of what is not synced, any sectors survive.
    TornWrite {
        /// Whose power.
        whom: Whom,
    },
    /// Power goes, and with it every creation, rename and removal that no sync of the directory covers.
    LostNames {
        /// Whose power.
        whom: Whom,
    },
    /// Syncs end well and make nothing durable.
    LostSync {
        /// Whose disk.
        whom: Whom,
    },
    /// A synced byte changes, but not in the sector that was written last.
    RotCold {
        /// Whose disk.
        whom: Whom,
    },
    /// A synced byte changes in the sector that was written last.
    RotTail {
        /// Whose disk.
        whom: Whom,
    },
    /// The next write lands at another place and overwrites what is there.
    MisdirectedWrite {
        /// Whose disk.
        whom: Whom,
    },
    /// Writes fail.
    WriteError {
        /// Whose disk.
        whom: Whom,
        /// The chance.
        ppm: u32,
    },
    /// Reads fail.
    ReadError {
        /// Whose disk.
        whom: Whom,
        /// The chance.
        ppm: u32,
    },
    /// Syncs fail, and what they should have written counts as clean all the same.
    SyncError {
        /// Whose disk.
        whom: Whom,
        /// The chance.
        ppm: u32,
    },
    /// There is no room for more.
    DiskFull {
        /// Whose disk.
        whom: Whom,
        /// But for so many bytes.
        left: u64,
    },
    /// Syncs take longer.
    SlowDisk {
        /// Whose disk.
        whom: Whom,
        /// By so much at most.
        #[serde(with = "text::span")]
        extra: Span,
    },
    /// Syncs do not end while it lasts.
    StalledDisk {
        /// Whose disk.
        whom: Whom,
    },
}

impl Fault {
    /// The name of its kind, as in [`TABLE`] and in a record's counts.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Loss { .. } => "loss",
            Self::Delay { .. } => "delay",
            Self::Duplication { .. } => "duplication",
            Self::Reordering { .. } => "reordering",
            Self::SplitHalves { .. } => "split-halves",
            Self::SplitRing { .. } => "split-ring",
            Self::SplitBridge { .. } => "split-bridge",
            Self::Isolate { whom: Whom::Node(_) } => "isolate",
            Self::Isolate { whom: Whom::Role(_) } => "isolate-role",
            Self::OneWayCut { .. } => "one-way-cut",
            Self::Crash { .. } => "crash",
            Self::PowerLoss { .. } => "power-loss",
            Self::Wipe { .. } => "wipe",
            Self::Pause { .. } => "pause",
            Self::Restart { .. } => "restart",
            Self::Transfer { .. } => "transfer",
            Self::Bandwidth { .. } => "bandwidth",
            Self::SlowTail { .. } => "slow-tail",
            Self::Flapping { .. } => "flapping",
            Self::MovingSplit { .. } => "moving-split",
            Self::Mute { .. } => "mute",
            Self::Swizzle { .. } => "swizzle",
            Self::ClockOffset { .. } => "clock-offset",
            Self::ClockStep { by: 0.., .. } => "clock-step-forth",
            Self::ClockStep { by: ..0, .. } => "clock-step-back",
            Self::ClockLeap { .. } => "clock-leap",
            Self::ClockDrift { .. } => "clock-drift",
            Self::ClockFreeze { .. } => "clock-freeze",
            Self::LongPause { .. } => "long-pause",
            Self::RestartStorm { .. } => "restart-storm",
            Self::RollingRestart { .. } => "rolling-restart",
            Self::RackPowerLoss { .. } => "rack-power-loss",
            Self::CrashRecovering { .. } => "crash-recovering",
            Self::PowerLossRecovering { .. } => "power-loss-recovering",
            Self::TransferStorm { .. } => "transfer-storm",
            Self::DropMessage { .. } => "drop-message",
            Self::DelayMessage { .. } => "delay-message",
            Self::DuplicateMessage { .. } => "duplicate-message",
            Self::TornWrite { .. } => "torn-write",
            Self::LostNames { .. } => "lost-names",
            Self::LostSync { .. } => "lost-sync",
            Self::RotCold { .. } => "rot-cold",
            Self::RotTail { .. } => "rot-tail",
            Self::MisdirectedWrite { .. } => "misdirected-write",
            Self::WriteError { .. } => "write-error",
            Self::ReadError { .. } => "read-error",
            Self::SyncError { .. } => "sync-error",
            Self::DiskFull { .. } => "disk-full",
            Self::SlowDisk { .. } => "slow-disk",
            Self::StalledDisk { .. } => "stalled-disk",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind())?;
        match self {
            Self::Loss { on, ppm } | Self::Duplication { on, ppm } => write!(f, " of {ppm} ppm on {on}"),
            Self::Reordering { on, ppm, extra } => {
                write!(f, " of {ppm} ppm by up to {} on {on}", text::written(extra.0))
            }
            Self::Delay { on, extra } => write!(f, " of up to {} on {on}", text::written(extra.0)),
            Self::SplitHalves { left, right } => write!(f, " {left:?} | {right:?}"),
            Self::SplitRing { ring } => write!(f, " {ring:?}"),
            Self::SplitBridge { left, bridge, right } => write!(f, " {left:?} | {bridge} | {right:?}"),
            Self::OneWayCut { from, to } => write!(f, " {from} -> {to}"),
            Self::Transfer { role } => write!(f, " {role}"),
            Self::DropMessage { .. } => self.rule().map_or(Ok(()), |rule| write!(f, " {rule}")),
            Self::DelayMessage { extra, .. } | Self::DuplicateMessage { extra, .. } => {
                self.rule().map_or(Ok(()), |rule| write!(f, " {rule}, by {}", text::written(extra.0)))
            }
            Self::Isolate { whom }
            | Self::Crash { whom }
            | Self::PowerLoss { whom }
            | Self::Wipe { whom }
            | Self::Pause { whom }
            | Self::Restart { whom }
            | Self::Mute { whom }
            | Self::ClockFreeze { whom }
            | Self::LongPause { whom } => write!(f, " {whom}"),
            Self::Bandwidth { on, bytes } => write!(f, " of {bytes} bytes/s on {on}"),
            Self::SlowTail { on, ppm, extra } => {
                write!(f, " of {ppm} ppm by up to {} on {on}", text::written(extra.0))
            }
            Self::Flapping { on, period } => write!(f, " {on} every {}", text::written(period.0)),
            Self::MovingSplit { ring, period } => {
                write!(f, " {ring:?} every {}", text::written(period.0))
            }
            Self::Swizzle { cut, mend } => write!(f, " cuts {cut:?}, mends {mend:?}"),
            Self::ClockOffset { whom, by } | Self::ClockStep { whom, by } => {
                write!(f, " of {} on {whom}", text::signed::written(*by))
            }
            Self::ClockLeap { whom, by } => write!(f, " of {} on {whom}", text::written(by.0)),
            Self::ClockDrift { whom, ppm } => write!(f, " of {ppm} ppm on {whom}"),
            Self::RestartStorm { whom, times } => write!(f, " of {times} on {whom}"),
            Self::TransferStorm { role, times } => write!(f, " of {times}, {role}"),
            Self::RollingRestart { nodes } | Self::RackPowerLoss { nodes } => write!(f, " {nodes:?}"),
            Self::CrashRecovering { whom, after } | Self::PowerLossRecovering { whom, after } => {
                write!(f, " {whom}, again after {}", text::written(after.0))
            }
            Self::WriteError { whom, ppm }
            | Self::ReadError { whom, ppm }
            | Self::SyncError { whom, ppm } => write!(f, " of {ppm} ppm at {whom}"),
            Self::DiskFull { whom, left } => write!(f, " but for {left} bytes at {whom}"),
            Self::SlowDisk { whom, extra } => write!(f, " of up to {} at {whom}", text::written(extra.0)),
            Self::TornWrite { whom }
            | Self::LostNames { whom }
            | Self::LostSync { whom }
            | Self::RotCold { whom }
            | Self::RotTail { whom }
            | Self::MisdirectedWrite { whom }
            | Self::StalledDisk { whom } => write!(f, " {whom}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use squall_core::ids::NodeId;

    use super::*;

    #[test]
    fn links_read_back_from_their_text() {
        let node = |n| Whom::Node(NodeId(n));
        for links in [
            Links::All,
            Links::Of(node(3)),
            Links::Of(Whom::Role("controller".to_owned())),
            Links::Between(node(1), Whom::Role("controller".to_owned())),
        ] {
            assert_eq!(links.to_string().parse(), Ok(links));
        }
    }
}
