//! Join and sync: into the next generation. The member that the coordinator makes leader assigns.

use std::sync::Arc;

use super::verdict::{Verdict, judge};
use super::{Member, Phase};
use crate::client::assign::{Topic, assign};
use crate::group::message::{Assignor, GroupRequest, Join, Joined, Subscription, Sync, Synced};
use crate::host::Host;
use crate::ids::{CorrelationId, Generation, MemberId, TopicPartition};
use crate::quirk::Quirk;
use crate::refused::Refused;
use crate::time::Time;

impl Member {
    /// The next request on the way into a generation, unless one is under way.
    pub(super) fn send_join_or_sync(&mut self, env: &mut Host<'_>) {
        let now = env.now();
        let Some(to) = self.coordinator.filter(|_| self.joining.is_free(now)) else { return };
        let timeout = self.config.consumer.request_timeout;
        let (request, patience) = match &self.phase {
            // A join is answered when all have joined, or have had their time.
            Phase::Joining => (GroupRequest::Join(self.join()), self.config.max_poll + timeout),
            Phase::Syncing(assignments) => {
                let Some((member, generation)) = self.identity() else { return };
                let sync = Sync {
                    group: self.config.group.clone(),
                    generation,
                    member,
                    instance: self.config.instance.clone(),
                    protocol: self.protocol.expect("a generation has an assignor"),
                    assignments: assignments.clone(),
                };
                (GroupRequest::Sync(sync), timeout)
            }
            Phase::Unjoined | Phase::Revoking(_) | Phase::Assigned(_) | Phase::Stable | Phase::Gone => return,
        };
        let id = self.ask(to, request, env);
        self.joining.sent(id, now + patience);
    }

    fn join(&self) -> Join {
        let cooperative = self.config.assignors.contains(&Assignor::CooperativeSticky);
        // An eager member has given everything up. It says all the same what it had, for sticky assignors,
        // unless one might be chosen that takes it for what the member still has.
        let owned = if self.is_cooperative() {
            self.owned.clone()
        } else if cooperative {
            Vec::new()
        } else {
            self.memory.clone()
        };
        let subscription =
            Subscription { topics: self.config.topics.clone(), owned, generation: self.assigned_in };
        Join {
            group: self.config.group.clone(),
            member: self.id,
            instance: self.config.instance.clone(),
            session_timeout: self.config.session_timeout,
            rebalance_timeout: self.config.max_poll,
            protocols: self.config.assignors.clone(),
            subscription: Arc::new(subscription),
        }
    }

    /// The answer to a join: the generation begins.
    pub(super) fn on_joined(
        &mut self,
        id: CorrelationId,
        result: Result<Joined, Refused>,
        env: &mut Host<'_>,
    ) {
        if !self.joining.answered(id) || self.phase != Phase::Joining {
            return;
        }
        let joined = match result {
            Ok(joined) => joined,
            Err(refused) => return self.not_joined(refused, env),
        };
        self.joining.succeeded();
        // The same generation again: an assignment that went out before may be the one that counts.
        let before = self.assigned_topics.take().filter(|_| self.generation == Some(joined.generation));
        if self.missed_one(joined.generation) {
            self.lose_everything(env);
        }
        self.id = Some(joined.member);
        self.generation = Some(joined.generation);
        self.follows = self.generation;
        self.protocol = Some(joined.protocol);
        self.session_end = env.now() + self.config.session_timeout;
        self.next_heartbeat = env.now() + self.config.heartbeat;
        if !self.owned.is_empty() {
            // A cooperative member takes what it has into the generation.
            self.owner = self.identity();
            self.report_owned(env);
        }
        self.withheld = None;
        let assignments =
            if joined.leader == joined.member { self.assignments(joined, env) } else { Vec::new() };
        if let (Some(topics), Some(before)) = (&mut self.assigned_topics, before) {
            topics.retain(|topic| before.contains(topic));
        }
        self.phase = Phase::Syncing(assignments);
    }

    /// A static member stays one though it sleeps through a generation, and what it had may have been given away in
    /// it. Kafka's goes on with that until it hears of its assignment, and commits it even then.
    fn missed_one(&self, joined: Generation) -> bool {
        self.follows.is_some_and(|last| joined < last || joined.0 > last.0 + 1)
    }

    fn not_joined(&mut self, refused: Refused, env: &mut Host<'_>) {
        let pause = self.config.consumer.retry_backoff;
        match judge(refused) {
            Verdict::Later | Verdict::Rejoin => self.joining.rest(pause, env),
            Verdict::Elsewhere => self.lose_coordinator(),
            Verdict::Named(member) => self.id = Some(member),
            Verdict::GenerationOver => self.lose_generation(false),
            Verdict::Unknown => self.lose_generation(true),
            Verdict::Fatal => self.fail(refused, env),
        }
    }

    /// As the leader: what everybody gets.
    fn assignments(&mut self, joined: Joined, env: &mut Host<'_>) -> Vec<(MemberId, Vec<TopicPartition>)> {
        let members = joined.members;
        let mut names: Vec<&Arc<str>> =
            members.iter().flat_map(|member| member.subscription.topics.iter()).collect();
        names.sort_unstable();
        names.dedup();
        let view = self.consumer.view();
        let topics: Vec<Topic> = names
            .iter()
            .filter_map(|&name| {
                let (topic, partitions) = view.topic(name)?;
                Some(Topic { name: name.clone(), topic, partitions })
            })
            .collect();
        if topics.len() < names.len() {
            self.consumer.want_metadata(env);
        }
        self.assigned_topics = Some(topics.iter().map(|topic| (topic.topic, topic.partitions)).collect());
        if joined.skip_assignment {
            // What its earlier life knew and left to nobody it does not know. A topic of which it gets a partition
            // was assigned; for the others it has to ask. Kafka's takes them for assigned (KIP-814).
            self.assigned_topics = Some(Vec::new());
            self.withheld = (joined.protocol == Assignor::CooperativeSticky).then(|| env.now());
            return Vec::new();
        }
        let owned_twice = self.config.consumer.quirks.has(Quirk::OwnedTwice);
        let hands_over_at_once = owned_twice && joined.protocol == Assignor::CooperativeSticky;
        let assignor = if hands_over_at_once { Assignor::Sticky } else { joined.protocol };
        let shares = assign(assignor, &topics, &members);
        let all: u32 = topics.iter().map(|topic| topic.partitions).sum();
        if shares.iter().map(|(_, share)| share.len()).sum::<usize>() < all as usize {
            self.withheld = Some(env.now() + self.config.max_poll);
        }
        shares
    }

    /// Whoever still had a partition gives it up and joins again, which gives it an owner. A static member that
    /// is restarted meanwhile does not: it comes back into the generation as it is, and nobody would ever own
    /// the partition. So the leader asks for a rebalance itself if none comes. Kafka's does not.
    pub(super) fn look_at_withheld(&mut self, now: Time) {
        if self.phase == Phase::Stable && self.withheld.is_some_and(|at| now >= at) {
            self.withheld = None;
            self.rejoin = true;
        }
    }

    /// The answer to a sync: what this member gets.
    pub(super) fn on_synced(
        &mut self,
        id: CorrelationId,
        result: Result<Synced, Refused>,
        env: &mut Host<'_>,
    ) {
        if !self.joining.answered(id) || !matches!(self.phase, Phase::Syncing(_)) {
            return;
        }
        match result {
            Ok(synced) => {
                self.joining.succeeded();
                let mut partitions = synced.partitions;
                partitions.sort_unstable();
                self.note_assigned(&partitions);
                self.phase = Phase::Assigned(partitions);
            }
            Err(refused) => match judge(refused) {
                // A coordinator that loads knows nothing of the rebalance any more.
                Verdict::Later | Verdict::Rejoin => {
                    self.phase = Phase::Joining;
                    self.joining.rest(self.config.consumer.retry_backoff, env);
                }
                Verdict::Elsewhere => self.lose_coordinator(),
                Verdict::GenerationOver => self.lose_generation(false),
                Verdict::Named(_) | Verdict::Unknown => self.lose_generation(true),
                Verdict::Fatal => self.fail(refused, env),
            },
        }
    }

    /// As the leader: a topic of which there is a partition was known when the assignment was made that counts.
    fn note_assigned(&mut self, partitions: &[TopicPartition]) {
        let Some(assigned) = &mut self.assigned_topics else { return };
        let view = self.consumer.view();
        let topics = self.config.topics.iter().filter_map(|name| view.topic(name));
        assigned.extend(topics.filter(|&(topic, _)| partitions.iter().any(|at| at.topic == topic)));
    }

    /// Metadata may be news: a leader that would assign something else now asks for a rebalance.
    pub(super) fn on_metadata(&mut self, env: &mut Host<'_>) {
        let view = self.consumer.view();
        let unknown = self.config.topics.iter().any(|name| view.topic(name).is_none());
        if let Some(assigned) = &self.assigned_topics {
            let now = self.config.topics.iter().filter_map(|name| view.topic(name));
            let news = now.into_iter().any(|topic| !assigned.contains(&topic));
            self.rejoin |= news && self.phase == Phase::Stable;
        }
        if unknown {
            self.consumer.want_metadata(env);
        }
    }
}
