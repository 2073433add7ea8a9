//! Where and since when somebody coordinates, how far they have come, and how that begins.
//!
//! A reign begins with reading: what a coordinator knows is what the log says. It reads up to where the reign
//! starts, bounded bytes a step. What lies there above the high watermark is read too: this leader keeps it, so it
//! will be committed, or vanish with the leader. Until it is committed nobody is answered; Kafka answers as soon as
//! it has read, and may show a commit that the next leader does not have.

use crate::env::DiskFault;
use crate::host::Host;
use crate::ids::{LeaderEpoch, Offset, TopicPartition};
use crate::partition::Partition;
use crate::record::{Batch, batches};
use crate::time::{Span, Time};
use crate::timer::Timer;

/// How fast a reign begins, and how soon one that is over is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LoadConfig {
    /// How many bytes of the log one step of loading reads.
    pub bytes: usize,
    /// How long a step of loading takes: the disk, and other work in between.
    pub pause: Span,
    /// How long it takes until an ended reign is cleared away. Kafka's scheduler does it among other things.
    pub unload_pause: Span,
}

impl Default for LoadConfig {
    fn default() -> Self {
        Self { bytes: 64 << 10, pause: Span::from_millis(1), unload_pause: Span::from_millis(1) }
    }
}

/// The timers of a reign.
#[derive(Debug, Clone)]
pub(crate) struct Timers {
    /// The next stretch of the log is due to be read.
    pub(crate) load: Timer,
    /// Something reaches its deadline.
    pub(crate) deadline: Timer,
    /// A reign that is over is due to be cleared away.
    pub(crate) unload: Timer,
    /// What else ends with it.
    pub(crate) others: Vec<Timer>,
}

/// How far a reign has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Reads the log from here up to where the reign starts; then waits until all of that is committed.
    Loading {
        /// The next offset to be read.
        next: Offset,
        /// Where the reign starts.
        end: Offset,
    },
    /// Coordinates.
    Active,
    /// Is over, and waits to be cleared away.
    Over,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Tenure {
    pub(crate) at: TopicPartition,
    pub(crate) epoch: LeaderEpoch,
    pub(crate) phase: Phase,
    config: LoadConfig,
    timers: Timers,
    /// When deadlines are looked through next.
    wake: Option<Time>,
}

impl Tenure {
    /// Of whoever leads `at` from now on, and reads from `next` to `end` first.
    pub(crate) const fn new(
        at: TopicPartition,
        epoch: LeaderEpoch,
        (next, end): (Offset, Offset),
        config: LoadConfig,
        timers: Timers,
    ) -> Self {
        Self { at, epoch, phase: Phase::Loading { next, end }, config, timers, wake: None }
    }

    /// The partition.
    pub const fn at(&self) -> TopicPartition {
        self.at
    }

    /// In which reign of its leader.
    pub const fn epoch(&self) -> LeaderEpoch {
        self.epoch
    }

    /// How far it has come.
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// It has begun: the log is read a step at a time.
    pub(super) fn begin(&self, env: &mut Host<'_>) {
        env.set_timer(self.timers.load, self.config.pause);
    }

    /// It is over, and is cleared away a little later.
    pub(super) fn end(&mut self, env: &mut Host<'_>) {
        self.phase = Phase::Over;
        let Timers { load, deadline, unload, others } = &self.timers;
        for timer in [load, deadline].into_iter().chain(others) {
            env.cancel_timer(*timer);
        }
        env.set_timer(*unload, self.config.unload_pause);
    }

    /// Reads a little more and folds it in; answers up to where. `None`: there was nothing to read.
    pub(crate) fn read(
        &mut self,
        partition: &Partition,
        env: &mut Host<'_>,
        mut fold: impl FnMut(&Batch),
    ) -> Result<Option<Offset>, DiskFault> {
        let Phase::Loading { next, end } = self.phase else { return Ok(None) };
        if next >= end {
            return Ok(None);
        }
        // What was deleted meanwhile is in no fold.
        let next = next.max(partition.log().log_start());
        let bytes = partition.read_own(next, end, self.config.bytes, env)?;
        // The last of what there was may have been compacted away.
        let mut next = if bytes.is_empty() { end } else { next };
        for batch in batches(bytes) {
            let batch = batch.expect("what is read is sound");
            fold(&batch);
            next = batch.next_offset();
        }
        self.phase = Phase::Loading { next, end };
        if next < end {
            env.set_timer(self.timers.load, self.config.pause);
        }
        Ok(Some(next))
    }

    /// Coordinates from here on, if all up to where the reign starts has been read and is committed; answers where
    /// that is.
    pub(crate) fn finish(&mut self, committed: Offset) -> Option<Offset> {
        match self.phase {
            Phase::Loading { next, end } if next >= end && committed >= end => {
                self.phase = Phase::Active;
                Some(end)
            }
            Phase::Loading { .. } | Phase::Active | Phase::Over => None,
        }
    }

    /// Makes sure that deadlines are looked through at `deadline` at the latest.
    pub(crate) fn wake_by(&mut self, deadline: Time, env: &mut Host<'_>) {
        if self.wake.is_none_or(|wake| deadline < wake) {
            self.wake = Some(deadline);
            env.set_timer(self.timers.deadline, deadline.since(env.now()));
        }
    }

    /// Deadlines are being looked through. Whoever does sets the next alarm.
    pub(crate) const fn awake(&mut self) {
        self.wake = None;
    }
}
