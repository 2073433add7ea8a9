//! Offsets committed, by hand and automatically.
//!
//! One request at a time, and what comes in meanwhile is put together: a commit that overtook an older one
//! would be undone by it. A commit is for the generation that owns the partition; what is given up meanwhile is
//! no longer committed, or a partition's next owner would be set back.

use super::verdict::{Verdict, judge};
use super::{Member, MemberEvent, Phase};
use crate::client::slot::Slot;
use crate::group::message::{CommittedOffset, GroupRequest, OffsetCommit};
use crate::host::Host;
use crate::ids::{CorrelationId, Offset, TopicPartition};
use crate::refused::Refused;
use crate::time::{Span, Time};

/// Offsets by partition.
type Offsets = Vec<(TopicPartition, CommittedOffset)>;

/// What is to be committed.
#[derive(Debug, Clone, Default)]
pub(super) struct Commits {
    slot: Slot,
    /// Not sent yet, sorted.
    waiting: Offsets,
    /// Under way, sorted.
    sent: Offsets,
    /// When the oldest of these gives up.
    give_up: Time,
    /// When the next automatic commit is due.
    next: Time,
    /// What this member was told is committed, in what it owns.
    known: Vec<(TopicPartition, Offset)>,
}

impl Commits {
    /// Whether anything is not settled.
    pub(super) const fn is_open(&self) -> bool {
        !self.waiting.is_empty() || !self.sent.is_empty()
    }

    /// When to look again.
    pub(super) fn due(&self, automatic: Option<Span>) -> impl Iterator<Item = Time> + use<> {
        let open = self.is_open().then(|| [self.slot.due(), self.give_up]);
        open.into_iter().flatten().chain(automatic.map(|_| self.next))
    }

    /// Whether the answer is too late.
    pub(super) fn is_overdue(&mut self, now: Time) -> bool {
        let overdue = self.slot.is_overdue(now);
        if overdue {
            self.unanswered();
        }
        overdue
    }

    /// The answer will not come: it is sent anew.
    pub(super) fn unanswered(&mut self) {
        self.slot.forget();
        let sent = std::mem::take(&mut self.sent);
        for (partition, offset) in sent {
            // What came in since is newer.
            if let Err(place) = self.waiting.binary_search_by_key(&partition, |(known, _)| *known) {
                self.waiting.insert(place, (partition, offset));
            }
        }
    }

    /// What was tried for too long.
    pub(super) fn given_up(&mut self, now: Time) -> Option<MemberEvent> {
        if !self.is_open() || now < self.give_up {
            return None;
        }
        self.unanswered();
        Some(MemberEvent::CommitFailed { offsets: std::mem::take(&mut self.waiting), refused: None })
    }

    fn remember(&mut self, committed: &Offsets) {
        self.known.retain(|(known, _)| committed.iter().all(|(partition, _)| partition != known));
        self.known.extend(committed.iter().map(|(partition, committed)| (*partition, committed.offset)));
    }

    /// Drops what is not owned any more.
    pub(super) fn keep(&mut self, owned: &[TopicPartition]) -> Option<MemberEvent> {
        self.known.retain(|(known, _)| owned.contains(known));
        let others = |offsets: &Offsets| offsets.iter().any(|(partition, _)| !owned.contains(partition));
        if !others(&self.waiting) && !others(&self.sent) {
            return None;
        }
        self.unanswered();
        let all = std::mem::take(&mut self.waiting);
        let (kept, dropped) = all.into_iter().partition(|(partition, _)| owned.contains(partition));
        self.waiting = kept;
        Some(MemberEvent::CommitFailed { offsets: dropped, refused: None })
    }
}

impl Member {
    /// Commits the next offset to be read in each of these partitions; what became of it is an event. Of
    /// several for one partition the last one counts. A refusal that passes is tried again, for
    /// `max.poll.interval.ms` at most.
    pub fn commit(&mut self, offsets: Vec<(TopicPartition, CommittedOffset)>, env: &mut Host<'_>) {
        let (owned, others): (Offsets, Offsets) =
            offsets.into_iter().partition(|(partition, _)| self.owned.contains(partition));
        if !others.is_empty() {
            self.events.push_back(MemberEvent::CommitFailed { offsets: others, refused: None });
        }
        self.add_commit(owned, env);
        self.go(env);
    }

    /// Whether a commit is under way or waits for its turn.
    pub const fn is_committing(&self) -> bool {
        self.commits.is_open()
    }

    fn add_commit(&mut self, offsets: Offsets, env: &mut Host<'_>) {
        if offsets.is_empty() {
            return;
        }
        if !self.commits.is_open() {
            self.commits.give_up = env.now() + self.config.max_poll;
        }
        for (partition, offset) in offsets {
            let waiting = &mut self.commits.waiting;
            match waiting.binary_search_by_key(&partition, |(known, _)| *known) {
                Ok(place) => waiting[place].1 = offset,
                Err(place) => waiting.insert(place, (partition, offset)),
            }
        }
    }

    /// The automatic commit, if it is due.
    pub(super) fn commit_by_itself(&mut self, env: &mut Host<'_>) {
        let Some(interval) = self.config.auto_commit else { return };
        if env.now() >= self.commits.next {
            self.commits.next = env.now() + interval;
            self.commit_positions(env);
        }
    }

    /// Commits where the application stands in everything it owns, if commits are automatic. What it was told is
    /// committed is left out, where Kafka repeats it: an idle group would write for ever.
    pub(super) fn commit_positions(&mut self, env: &mut Host<'_>) {
        if self.config.auto_commit.is_none() || self.generation.is_none() {
            return;
        }
        let place = |&partition: &TopicPartition| {
            let offset = self.consumer.position(partition)?;
            if self.commits.known.contains(&(partition, offset)) {
                return None;
            }
            let leader_epoch = self.consumer.epoch_before(partition);
            Some((partition, CommittedOffset { offset, leader_epoch, metadata: "".into() }))
        };
        let positions = self.owned.iter().filter_map(place).collect();
        self.add_commit(positions, env);
    }

    /// Sends what is to be committed, unless something is under way.
    pub(super) fn send_commit(&mut self, env: &mut Host<'_>) {
        let now = env.now();
        let may = match self.phase {
            Phase::Stable | Phase::Assigned(_) | Phase::Revoking(_) => true,
            // Between two generations nothing is taken; the next one takes what is still owned.
            Phase::Unjoined | Phase::Joining | Phase::Syncing(_) | Phase::Gone => false,
        };
        let (Some(to), Some(member)) = (self.coordinator, self.identity()) else { return };
        if !may || self.commits.waiting.is_empty() || !self.commits.slot.is_free(now) {
            return;
        }
        let offsets = std::mem::take(&mut self.commits.waiting);
        let request = OffsetCommit {
            group: self.config.group.clone(),
            member: Some(member),
            instance: self.config.instance.clone(),
            offsets: offsets.clone(),
        };
        self.commits.sent = offsets;
        let id = self.ask(to, GroupRequest::OffsetCommit(request), env);
        self.commits.slot.sent(id, now + self.config.consumer.request_timeout);
    }

    /// The answer to a commit.
    pub(super) fn on_committed(
        &mut self,
        id: CorrelationId,
        result: Result<(), Refused>,
        env: &mut Host<'_>,
    ) {
        if !self.commits.slot.answered(id) {
            return;
        }
        let Err(refused) = result else {
            self.commits.slot.succeeded();
            self.commits.give_up = env.now() + self.config.max_poll;
            let sent = std::mem::take(&mut self.commits.sent);
            self.commits.remember(&sent);
            self.events.push_back(MemberEvent::Committed(sent));
            return;
        };
        let verdict = judge(refused);
        if let Verdict::Later | Verdict::Elsewhere = verdict {
            self.commits.unanswered();
            self.commits.slot.rest(self.config.consumer.retry_backoff, env);
            if verdict == Verdict::Elsewhere {
                self.lose_coordinator();
            }
            return;
        }
        let offsets = std::mem::take(&mut self.commits.sent);
        self.events.push_back(MemberEvent::CommitFailed { offsets, refused: Some(refused) });
        match verdict {
            Verdict::Rejoin => self.rejoin |= self.phase == Phase::Stable,
            Verdict::GenerationOver => self.lose_generation(false),
            Verdict::Named(_) | Verdict::Unknown => self.lose_generation(true),
            Verdict::Fatal if refused == Refused::FencedInstanceId => self.fail(refused, env),
            // It is about this commit alone.
            Verdict::Fatal | Verdict::Later | Verdict::Elsewhere => {}
        }
    }
}
