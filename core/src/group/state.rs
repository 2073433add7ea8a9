//! A living group: where it stands between two generations, and its members.
//!
//! State, and what can be said of it without asking anybody. It is changed by the handlers beside this file.
//! Source: Kafka's `GroupMetadata` and `MemberMetadata`.

use std::sync::Arc;

use crate::group::message::{Assignor, GroupReply, Join, JoinedMember, Subscription};
use crate::group::record::{StoredGroup, StoredMember};
use crate::host::Host;
use crate::ids::{CorrelationId, Generation, InstanceId, MemberId, TopicPartition};
use crate::message::Reply;
use crate::partition::Asker;
use crate::refused::Refused;
use crate::time::{Span, Time};

/// Where a group stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Nobody is in it. It may still have offsets.
    Empty,
    /// Waits until everybody has joined.
    PreparingRebalance,
    /// Waits for the leader's assignment, and until that is in the log.
    CompletingRebalance,
    /// Everybody has an assignment.
    Stable,
    /// Its removal is being written. Kafka forgets it at once.
    Dead,
}

/// A living group.
#[derive(Debug, Clone)]
pub struct Group {
    pub(super) state: State,
    pub(super) generation: Generation,
    pub(super) protocol: Option<Assignor>,
    pub(super) leader: Option<MemberId>,
    /// By id.
    pub(super) members: Vec<Member>,
    /// Ids that were given out and did not join yet (KIP-394).
    pub(super) pending: Vec<PendingMember>,
    /// How many of `members` wait for the rebalance to end.
    pub(super) joining: usize,
    /// When the rebalance ends though somebody is missing.
    pub(super) join_by: Option<JoinBy>,
    /// When those are expelled who have not asked for their assignment.
    pub(super) sync_by: Option<Time>,
    /// The assignment of this generation is being written.
    pub(super) is_storing: bool,
    /// Since when it is in its state, in milliseconds of the calendar.
    pub(super) since: u64,
    /// Whether it ever had members. A group that only keeps offsets is no group of consumers.
    pub(super) had_members: bool,
}

/// When a rebalance ends though somebody is missing.
#[derive(Debug, Clone, Copy)]
pub(super) struct JoinBy {
    pub(super) deadline: Time,
    /// The first rebalance of an empty group ends no earlier than this, and is put off while members come
    /// (KIP-134): what of the rebalance time-out is left for that.
    pub(super) initial: Option<Span>,
    /// Somebody came since it was last put off.
    pub(super) newcomers: bool,
}

/// A member.
#[derive(Debug, Clone)]
pub struct Member {
    pub(super) id: MemberId,
    pub(super) instance: Option<InstanceId>,
    pub(super) session_timeout: Span,
    pub(super) rebalance_timeout: Span,
    pub(super) protocols: Vec<Assignor>,
    pub(super) subscription: Arc<Subscription>,
    pub(super) assignment: Vec<TopicPartition>,
    /// Who waits for the rebalance to end.
    pub(super) joining: Option<Asker>,
    /// Who waits for the assignment.
    pub(super) syncing: Option<Asker>,
    /// It was told of no generation yet.
    pub(super) is_new: bool,
    /// It was told of this generation, and has not asked for its assignment.
    pub(super) owes_sync: bool,
    /// When it is given up without another sign of life.
    pub(super) deadline: Time,
    /// Its newest request that must not come twice.
    pub(super) last: Option<Asker>,
    /// The same of a few earlier lives of a static member.
    pub(super) before: Vec<Asker>,
}

/// An id that was given out.
#[derive(Debug, Clone, Copy)]
pub(super) struct PendingMember {
    pub(super) id: MemberId,
    pub(super) deadline: Time,
    pub(super) asker: Asker,
}

impl Group {
    /// A group that nobody is in.
    pub(super) const fn empty(since: u64) -> Self {
        Self {
            state: State::Empty,
            generation: Generation(0),
            protocol: None,
            leader: None,
            members: Vec::new(),
            pending: Vec::new(),
            joining: 0,
            join_by: None,
            sync_by: None,
            is_storing: false,
            since,
            had_members: false,
        }
    }

    /// A group as it was kept. Its members have a whole session to show themselves.
    pub(super) fn restored(stored: &StoredGroup, now: Time) -> Self {
        let member = |stored: &StoredMember| Member {
            id: stored.id,
            instance: stored.instance.clone(),
            session_timeout: stored.session_timeout,
            rebalance_timeout: stored.rebalance_timeout,
            protocols: stored.protocols.clone(),
            subscription: stored.subscription.clone(),
            assignment: stored.assignment.clone(),
            joining: None,
            syncing: None,
            is_new: false,
            owes_sync: false,
            deadline: now + stored.session_timeout,
            last: stored.last,
            before: Vec::new(),
        };
        Self {
            state: if stored.members.is_empty() { State::Empty } else { State::Stable },
            generation: stored.generation,
            protocol: stored.protocol,
            leader: stored.leader,
            members: stored.members.iter().map(member).collect(),
            had_members: true,
            ..Self::empty(stored.since)
        }
    }

    /// Where it stands.
    pub const fn state(&self) -> State {
        self.state
    }

    /// The generation it is in, or was in last.
    pub const fn generation(&self) -> Generation {
        self.generation
    }

    /// Its members, by id.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    pub(super) fn place(&self, id: MemberId) -> Option<usize> {
        self.members.binary_search_by_key(&id, |member| member.id).ok()
    }

    pub(super) fn member(&self, id: MemberId) -> Option<&Member> {
        self.place(id).map(|place| &self.members[place])
    }

    pub(super) fn member_mut(&mut self, id: MemberId) -> Option<&mut Member> {
        self.place(id).map(|place| &mut self.members[place])
    }

    /// Who has this instance name now.
    pub(super) fn holder(&self, instance: &InstanceId) -> Option<MemberId> {
        self.members.iter().find(|member| member.instance.as_ref() == Some(instance)).map(|member| member.id)
    }

    /// Takes a member in.
    pub(super) fn add(&mut self, member: Member) {
        self.pending.retain(|pending| pending.id != member.id);
        self.leader = self.leader.or(Some(member.id));
        self.joining += usize::from(member.joining.is_some());
        self.had_members = true;
        let place = self.members.partition_point(|other| other.id < member.id);
        self.members.insert(place, member);
    }

    /// Lets a member go. Somebody else leads then.
    pub(super) fn remove(&mut self, id: MemberId) -> Option<Member> {
        let member = self.members.remove(self.place(id)?);
        self.joining -= usize::from(member.joining.is_some());
        if self.leader == Some(id) {
            self.leader = self.members.first().map(|member| member.id);
        }
        Some(member)
    }

    /// The member in this place waits for the rebalance to end. An earlier request of its gets no answer.
    pub(super) fn await_join(&mut self, place: usize, asker: Asker) {
        let before = self.members[place].joining.replace(asker);
        self.joining += usize::from(before.is_none());
    }

    /// Nobody waits for the rebalance any more in this place.
    pub(super) fn take_joining(&mut self, place: usize) -> Option<Asker> {
        let asker = self.members[place].joining.take();
        self.joining -= usize::from(asker.is_some());
        asker
    }

    /// Whether nobody is missing.
    pub(super) fn have_all_joined(&self) -> bool {
        self.joining == self.members.len() && self.pending.is_empty()
    }

    /// The longest that any member may take for a rebalance.
    pub(super) fn rebalance_timeout(&self) -> Span {
        self.members.iter().map(|member| member.rebalance_timeout).max().unwrap_or_default()
    }

    /// Whether some assignor is known to all members and to whoever knows `protocols`.
    pub(super) fn supports(&self, protocols: &[Assignor]) -> bool {
        protocols.iter().any(|wanted| self.members.iter().all(|member| member.protocols.contains(wanted)))
    }

    /// The assignor that most members like best among those that all know. Of several the first in the order of
    /// their names here: Kafka leaves that to a hash table.
    pub(super) fn vote(&self) -> Option<Assignor> {
        let common =
            |assignor: &Assignor| self.members.iter().all(|member| member.protocols.contains(assignor));
        let common: Vec<_> = Assignor::ALL.into_iter().filter(common).collect();
        let vote = |member: &Member| member.protocols.iter().copied().find(|known| common.contains(known));
        let votes = |assignor: &Assignor| {
            self.members.iter().filter(|member| vote(member) == Some(*assignor)).count()
        };
        // `max_by_key` takes the last of equals.
        common.iter().rev().copied().max_by_key(votes).filter(|_| !self.members.is_empty())
    }

    /// All members, as their leader is told of them.
    pub(super) fn for_leader(&self) -> Vec<JoinedMember> {
        let told = |member: &Member| JoinedMember {
            member: member.id,
            instance: member.instance.clone(),
            subscription: member.subscription.clone(),
        };
        self.members.iter().map(told).collect()
    }

    /// Its ids.
    pub(super) fn ids(&self) -> Vec<MemberId> {
        self.members.iter().map(|member| member.id).collect()
    }

    /// The group as it is kept, with these assignments.
    pub(super) fn stored(&self, assignment: impl Fn(&Member) -> Vec<TopicPartition>) -> StoredGroup {
        let member = |member: &Member| StoredMember {
            id: member.id,
            instance: member.instance.clone(),
            session_timeout: member.session_timeout,
            rebalance_timeout: member.rebalance_timeout,
            protocols: member.protocols.clone(),
            subscription: member.subscription.clone(),
            assignment: assignment(member),
            last: member.last,
        };
        StoredGroup {
            generation: self.generation,
            protocol: self.protocol,
            leader: self.leader,
            since: self.since,
            members: self.members.iter().map(member).collect(),
        }
    }

    /// Refuses a request of somebody who is no member, or whose instance name another process has now.
    pub(super) fn admit(&self, id: MemberId, instance: Option<&InstanceId>) -> Result<(), Refused> {
        if let Some(instance) = instance {
            match self.holder(instance) {
                None => return Err(Refused::UnknownMemberId),
                Some(holder) if holder != id => return Err(Refused::FencedInstanceId),
                Some(_) => {}
            }
        }
        if self.place(id).is_none() { Err(Refused::UnknownMemberId) } else { Ok(()) }
    }

    /// The same, and the generation must be the group's.
    pub(super) fn admit_in(
        &self,
        id: MemberId,
        generation: Generation,
        instance: Option<&InstanceId>,
    ) -> Result<(), Refused> {
        self.admit(id, instance)?;
        if generation == self.generation { Ok(()) } else { Err(Refused::IllegalGeneration) }
    }

    /// Whether this process has asked this, or something later, already. A connection would have kept the order
    /// of its requests; this network doubles and delays them.
    pub(super) fn is_copy(&self, asker: Asker) -> bool {
        self.members.iter().any(|member| member.is_copy(asker))
    }

    /// The earliest moment at which something is due.
    pub(super) fn next_deadline(&self) -> Option<Time> {
        let sessions = self.members.iter().filter(|member| !member.waits()).map(|member| member.deadline);
        let pending = self.pending.iter().map(|pending| pending.deadline);
        let own = self.join_by.map(|join_by| join_by.deadline).into_iter().chain(self.sync_by);
        sessions.chain(pending).chain(own).min()
    }

    /// Tells everybody who waits for something that it will not come from here.
    pub(super) fn dismiss(self, refused: Refused, env: &mut Host<'_>) {
        for member in self.members {
            member.dismiss(refused, env);
        }
    }
}

/// Whether `asked` is `known`, or an earlier request of the same process: its numbers only grow, and start at a
/// random place of 2⁶⁴.
pub(crate) const fn is_not_later(asked: CorrelationId, known: CorrelationId) -> bool {
    known.0.wrapping_sub(asked.0) < 1 << 32
}

impl Member {
    /// A member that joins.
    pub(super) fn joining(id: MemberId, asker: Asker, request: Join, deadline: Time) -> Self {
        Self {
            id,
            instance: request.instance,
            session_timeout: request.session_timeout,
            rebalance_timeout: request.rebalance_timeout,
            protocols: request.protocols,
            subscription: request.subscription,
            assignment: Vec::new(),
            joining: Some(asker),
            syncing: None,
            is_new: true,
            owes_sync: false,
            deadline,
            last: Some(asker),
            before: Vec::new(),
        }
    }

    /// Who.
    pub const fn id(&self) -> MemberId {
        self.id
    }

    /// What it is assigned.
    pub fn assignment(&self) -> &[TopicPartition] {
        &self.assignment
    }

    /// Whether it asks for nothing new: the same assignors and the same subscription.
    pub(super) fn is_as_before(&self, request: &Join) -> bool {
        self.protocols == request.protocols && self.subscription == request.subscription
    }

    /// Whether its silence is the coordinator's doing. A new member may be given up even so.
    pub(super) const fn waits(&self) -> bool {
        !self.is_new && (self.joining.is_some() || self.syncing.is_some())
    }

    /// A sign of life.
    pub(super) fn is_alive(&mut self, now: Time) {
        self.deadline = now + self.session_timeout;
    }

    pub(super) fn is_copy(&self, asker: Asker) -> bool {
        let mut known = self.last.iter().chain(&self.before);
        known.any(|known| known.node == asker.node && is_not_later(asker.id, known.id))
    }

    /// Another process goes on under its name.
    pub(super) fn succeeded_by(&mut self, id: MemberId) {
        const REMEMBERED: usize = 4;
        self.id = id;
        self.before.extend(self.last.take());
        let forgotten = self.before.len().saturating_sub(REMEMBERED);
        self.before.drain(..forgotten);
    }

    /// Tells whoever waits for it that nothing will come.
    pub(super) fn dismiss(self, refused: Refused, env: &mut Host<'_>) {
        if let Some(asker) = self.joining {
            asker.answer(Reply::Group(GroupReply::Join(Err(refused))), env);
        }
        if let Some(asker) = self.syncing {
            asker.answer(Reply::Group(GroupReply::Sync(Err(refused))), env);
        }
    }
}
