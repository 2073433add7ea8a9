//! A broker's reigns over the partitions of an internal topic.
//!
//! One begins when the broker leads a partition, is over when it does so no longer, and is cleared away a little
//! later: until then whoever waits there waits. Only what is over is cleared away: an end that comes late leaves a
//! newer reign alone (KAFKA-10614).

use crate::coordinator::{LoadConfig, Phase, Tenure, Timers};
use crate::host::Host;
use crate::ids::{LeaderEpoch, Offset, TopicPartition};
use crate::partition::Partition;
use crate::refused::Refused;

/// Whoever coordinates what lives on one partition, for as long as this broker leads it.
pub(crate) trait Reigning {
    /// The timers of whoever reigns over `at`.
    fn timers(at: TopicPartition) -> Timers;

    /// Where, since when, how far.
    fn tenure(&self) -> &Tenure;

    /// The same, to be changed.
    fn tenure_mut(&mut self) -> &mut Tenure;

    /// It begins, and reads up to `end` first.
    fn announce(&self, end: Offset, env: &mut Host<'_>);

    /// It is cleared away: whoever waits is told to look elsewhere.
    fn dismiss(self, env: &mut Host<'_>);
}

/// One for each partition that is led, and those that are over.
#[derive(Debug, Clone)]
pub(crate) struct Reigns<R> {
    config: LoadConfig,
    all: Vec<R>,
}

impl<R> Reigns<R> {
    /// None yet.
    pub(crate) const fn new(config: LoadConfig) -> Self {
        Self { config, all: Vec::new() }
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &R> {
        self.all.iter()
    }

    /// The same, to be changed.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut R> {
        self.all.iter_mut()
    }
}

impl<R: Reigning> Reigns<R> {
    /// The one over `at` that is not over.
    pub(crate) fn current(&mut self, at: TopicPartition) -> Option<&mut R> {
        self.all.iter_mut().find(|reign| reign.tenure().at == at && reign.tenure().phase != Phase::Over)
    }

    /// The one that may answer.
    pub(crate) fn serving(&mut self, partition: &Partition) -> Result<&mut R, Refused> {
        if !partition.is_leader() {
            return Err(Refused::NotCoordinator);
        }
        let reign = self.current(partition.at()).filter(|reign| reign.tenure().epoch == partition.epoch());
        match reign {
            None => Err(Refused::NotCoordinator),
            Some(reign) if matches!(reign.tenure().phase, Phase::Loading { .. }) => {
                Err(Refused::CoordinatorLoadInProgress)
            }
            Some(reign) => Ok(reign),
        }
    }

    /// Follows what may have happened to `partition`: a reign ends, or begins, or both. Answers which one ended.
    /// `begin` is told where the new one begins to read.
    pub(crate) fn follow(
        &mut self,
        partition: &Partition,
        begin: impl FnOnce(Tenure, Offset) -> R,
        env: &mut Host<'_>,
    ) -> Option<LeaderEpoch> {
        let leads = partition.reign();
        let current = self.current(partition.at());
        let known = current.as_ref().map(|reign| reign.tenure().epoch);
        if leads.map(|(epoch, _)| epoch) == known {
            return None;
        }
        if let Some(reign) = current {
            reign.tenure_mut().end(env);
        }
        if let Some((epoch, end)) = leads {
            let (at, start) = (partition.at(), partition.log().log_start());
            let tenure = Tenure::new(at, epoch, (start, end), self.config, R::timers(at));
            let reign = begin(tenure, start);
            reign.announce(end, env);
            reign.tenure().begin(env);
            self.all.push(reign);
        }
        known
    }

    /// Forgets those over `at` that are over, and tells those who wait there.
    pub(crate) fn clear_away(&mut self, at: TopicPartition, env: &mut Host<'_>) {
        let is_over = |reign: &mut R| reign.tenure().at == at && reign.tenure().phase == Phase::Over;
        let over: Vec<R> = self.all.extract_if(.., is_over).collect();
        over.into_iter().for_each(|reign| reign.dismiss(env));
    }
}
