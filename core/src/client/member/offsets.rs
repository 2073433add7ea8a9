//! Where to read on in a partition that was won: the committed offset, or the reset policy.

use super::verdict::{Verdict, judge};
use super::{Member, MemberEvent, Phase};
use crate::client::consumer::{Reset, Start};
use crate::group::message::{CommittedOffset, GroupRequest, OffsetFetch};
use crate::group::probe::GroupProbe;
use crate::host::Host;
use crate::ids::{CorrelationId, TopicPartition};
use crate::probe::Probe;
use crate::refused::Refused;

impl Member {
    /// Asks for the committed offsets of partitions without a place, unless that is under way.
    pub(super) fn send_offset_fetch(&mut self, env: &mut Host<'_>) {
        let now = env.now();
        let Some(to) = self.coordinator.filter(|_| self.fetching.is_free(now)) else { return };
        if self.unplaced.is_empty() || self.phase == Phase::Gone {
            return;
        }
        let request =
            OffsetFetch { group: self.config.group.clone(), partitions: Some(self.unplaced.clone()) };
        let id = self.ask(to, GroupRequest::OffsetFetch(request), env);
        self.fetching.sent(id, now + self.config.consumer.request_timeout);
    }

    /// The committed offsets.
    pub(super) fn on_offsets(
        &mut self,
        id: CorrelationId,
        result: Result<Vec<(TopicPartition, Option<CommittedOffset>)>, Refused>,
        env: &mut Host<'_>,
    ) {
        if !self.fetching.answered(id) {
            return;
        }
        match result {
            Ok(offsets) => {
                self.fetching.succeeded();
                for (partition, committed) in offsets {
                    self.place(partition, committed, env);
                }
            }
            Err(refused) => match judge(refused) {
                Verdict::Elsewhere => self.lose_coordinator(),
                Verdict::Fatal => self.fail(refused, env),
                Verdict::Later
                | Verdict::Rejoin
                | Verdict::Named(_)
                | Verdict::GenerationOver
                | Verdict::Unknown => self.fetching.rest(self.config.consumer.retry_backoff, env),
            },
        }
    }

    /// Reads `partition` on from what was committed.
    fn place(&mut self, partition: TopicPartition, committed: Option<CommittedOffset>, env: &mut Host<'_>) {
        let Some(place) = self.unplaced.iter().position(|&unplaced| unplaced == partition) else { return };
        self.unplaced.remove(place);
        let Some((member, generation)) = self.owner else { return };
        let offset = committed.as_ref().map(|committed| committed.offset);
        env.probe(Probe::Group(GroupProbe::Resumed {
            group: self.config.group.clone(),
            member,
            generation,
            at: partition,
            offset,
        }));
        let start = match (committed, self.config.consumer.reset) {
            (Some(committed), _) => {
                Start::Committed { offset: committed.offset, epoch: committed.leader_epoch }
            }
            (None, Reset::Earliest) => Start::Earliest,
            (None, Reset::Latest) => Start::Latest,
            (None, Reset::None) => {
                self.events.push_back(MemberEvent::NoOffset(partition));
                Start::Hold
            }
        };
        self.consumer.add(partition, start, env);
    }
}
