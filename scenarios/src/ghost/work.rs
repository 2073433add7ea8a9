//! What groups have done: who owns which partition, what was processed, what was committed. Folded from what
//! members and their applications report, and from what coordinators say of generations.

use std::collections::{BTreeMap, BTreeSet};

use squall_core::ids::{Generation, GroupId, MemberId, NodeId, Offset, TopicPartition};
use squall_core::time::Time;

/// So many generations back somebody may still be heard of.
const GENERATIONS: usize = 8;

/// The last commit of a partition that somebody was told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Floor {
    /// The next offset to be read.
    pub offset: Offset,
    /// Whose commit it is, and of which generation, as far as the coordinator told.
    pub by: Option<(MemberId, Generation)>,
}

/// Whoever has a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// Its node.
    pub node: NodeId,
    /// As whom.
    pub member: MemberId,
}

/// A partition that nobody has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vacancy {
    /// Since when.
    pub since: Time,
    /// Whose failure left it; `None`: it was given up.
    pub left_by: Option<NodeId>,
}

/// A group's work on one partition.
#[derive(Debug, Clone, Default)]
pub struct Share {
    /// Everything before was processed.
    pub done: Offset,
    /// What was processed beyond that.
    pub beyond: BTreeSet<Offset>,
    /// Who owned it in which generation, the last few.
    pub owners: Vec<(Generation, MemberId)>,
    /// Who has it.
    pub holder: Option<Holder>,
    /// Nobody has it, though somebody had.
    pub vacant: Option<Vacancy>,
    /// The last commit that somebody was told of.
    pub floor: Option<Floor>,
    /// The last few commits that some coordinator took, a deposed one among them, oldest first.
    pub taken: Vec<(NodeId, Floor)>,
    /// What had been committed was forgotten once: an answer may arrive that tells of it.
    lapsed: bool,
    /// Where the last few members resumed.
    pub resumed: Vec<(MemberId, Offset)>,
}

/// A group.
#[derive(Debug, Clone, Default)]
pub struct GroupWork {
    /// By partition.
    pub shares: BTreeMap<TopicPartition, Share>,
    /// The names of all records that it processed.
    pub names: BTreeSet<u64>,
    /// Who is in which generation, as its coordinator said; the last few.
    pub generations: Vec<(Generation, Vec<MemberId>)>,
}

/// All groups.
#[derive(Debug, Clone, Default)]
pub struct Work {
    /// By name.
    pub groups: BTreeMap<GroupId, GroupWork>,
}

impl Share {
    /// A record was processed; answers whether that had been done before.
    pub fn processed(&mut self, offset: Offset) -> bool {
        if offset < self.done || !self.beyond.insert(offset) {
            return true;
        }
        while self.beyond.remove(&self.done) {
            self.done = self.done.plus(1);
        }
        false
    }

    /// A coordinator took a commit.
    pub fn take(&mut self, coordinator: NodeId, commit: Floor) {
        self.taken.push((coordinator, commit));
        forget_oldest(&mut self.taken);
    }

    /// What was committed is forgotten, by right.
    pub fn lapse(&mut self) {
        self.floor = None;
        self.taken.clear();
        self.lapsed = true;
    }

    /// Somebody was told that this offset is committed; answers whose commit it was, `None` if it may be one that
    /// was forgotten since: a member can sleep over the answer.
    pub fn told(&mut self, member: MemberId, offset: Offset) -> Option<Floor> {
        let is = |floor: &Floor| floor.offset == offset && floor.by.is_some_and(|(by, _)| by == member);
        let known = self.taken.iter().rev().map(|(_, floor)| *floor).find(is);
        known.or((!self.lapsed).then_some(Floor { offset, by: None }))
    }

    /// What a coordinator took is in the log now; answers whose commit it was.
    pub fn written(&self, coordinator: NodeId, offset: Offset) -> Floor {
        let is = |(by, floor): &&(NodeId, Floor)| *by == coordinator && floor.offset == offset;
        let known = self.taken.iter().rev().find(is).map(|(_, floor)| *floor);
        known.unwrap_or(Floor { offset, by: None })
    }

    /// Whether another coordinator took the floor when `coordinator` had taken `commit` already. A coordinator has
    /// read all that its predecessors have in the log before it takes anything.
    pub fn precedes_floor(&self, coordinator: NodeId, commit: Floor) -> bool {
        let taken = self.taken.iter().rposition(|taken| *taken == (coordinator, commit));
        let since = |place: usize| &self.taken[place + 1..];
        let Some((since, floor)) = taken.map(since).zip(self.floor) else { return false };
        since.iter().any(|(by, taken)| *by != coordinator && *taken == floor)
    }

    /// A member learned where to read on.
    pub fn resume(&mut self, member: MemberId, offset: Offset) {
        self.resumed.retain(|(known, _)| *known != member);
        self.resumed.push((member, offset));
        forget_oldest(&mut self.resumed);
    }

    /// Where a member resumed.
    pub fn resumed_at(&self, member: MemberId) -> Option<Offset> {
        self.resumed.iter().rev().find(|(known, _)| *known == member).map(|(_, offset)| *offset)
    }

    /// A member owns it in a generation.
    pub fn own(&mut self, generation: Generation, member: MemberId) {
        if !self.owners.contains(&(generation, member)) {
            self.owners.push((generation, member));
            forget_oldest(&mut self.owners);
        }
    }
}

impl GroupWork {
    /// A generation begins with these members, or a new coordinator knows it so. Whatever was said of it before
    /// was of one that a coordinator did not live to write down.
    pub fn begin(&mut self, generation: Generation, members: &[MemberId], anew: bool) {
        self.generations.retain(|(known, _)| if anew { *known < generation } else { *known != generation });
        self.generations.push((generation, members.to_vec()));
        forget_oldest(&mut self.generations);
        if anew {
            for share in self.shares.values_mut() {
                share.owners.retain(|(known, _)| *known < generation);
            }
        }
    }

    /// Whether a member is in a generation, as far as its coordinator told.
    pub fn is_in(&self, generation: Generation, member: MemberId) -> bool {
        let known = self.generations.iter().rev().find(|(known, _)| *known == generation);
        known.is_some_and(|(_, members)| members.contains(&member))
    }

    /// A static member has another id from now on (KIP-345). What its earlier life owned is void.
    pub fn replace(&mut self, old: MemberId, new: MemberId) {
        for (_, members) in &mut self.generations {
            for member in members.iter_mut().filter(|member| **member == old) {
                *member = new;
            }
        }
        for share in self.shares.values_mut() {
            share.owners.retain(|(_, member)| *member != old);
        }
    }

    /// A member is out.
    pub fn remove(&mut self, member: MemberId) {
        if let Some((_, members)) = self.generations.last_mut() {
            members.retain(|known| *known != member);
        }
    }
}

impl Work {
    /// The group's work on a partition.
    pub fn share(&mut self, group: &GroupId, at: TopicPartition) -> &mut Share {
        self.group(group).shares.entry(at).or_default()
    }

    /// The group.
    pub fn group(&mut self, group: &GroupId) -> &mut GroupWork {
        if !self.groups.contains_key(group) {
            self.groups.insert(group.clone(), GroupWork::default());
        }
        self.groups.get_mut(group).expect("it was inserted")
    }

    /// A node died: what it had is vacant.
    pub fn died(&mut self, node: NodeId, at: Time) {
        for share in self.groups.values_mut().flat_map(|group| group.shares.values_mut()) {
            if share.holder.is_some_and(|holder| holder.node == node) {
                share.holder = None;
                share.vacant = Some(Vacancy { since: at, left_by: Some(node) });
            }
        }
    }
}

fn forget_oldest<T>(all: &mut Vec<T>) {
    if all.len() > GENERATIONS {
        all.remove(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_processed_out_of_turn_counts_once_what_lies_before_it_is() {
        let mut share = Share::default();
        assert!(!share.processed(Offset(1)));
        assert_eq!(share.done, Offset(0));
        assert!(!share.processed(Offset(0)));
        assert_eq!(share.done, Offset(2));
        assert!(share.processed(Offset(1)) && share.beyond.is_empty());
    }

    #[test]
    fn a_commit_precedes_the_floor_only_where_a_later_coordinator_took_that() {
        let commit = |offset, generation: u32| Floor {
            offset: Offset(offset),
            by: Some((MemberId(generation.into()), Generation(generation))),
        };
        let (early, late) = (commit(1, 1), commit(5, 2));
        let mut share = Share { floor: Some(late), ..Share::default() };
        share.take(NodeId(0), early);
        share.take(NodeId(1), late);
        assert!(share.precedes_floor(NodeId(0), early));
        share.take(NodeId(1), early);
        assert!(!share.precedes_floor(NodeId(1), early), "the same coordinator took it after the floor");
        share.take(NodeId(2), early);
        assert!(!share.precedes_floor(NodeId(2), early), "a later coordinator took it after the floor");
    }

    #[test]
    fn an_answer_that_was_slept_over_does_not_bring_back_what_was_forgotten_since() {
        let old = Floor { offset: Offset(5), by: Some((MemberId(1), Generation(1))) };
        let mut share = Share::default();
        share.take(NodeId(0), old);
        assert_eq!(share.told(MemberId(1), Offset(5)), Some(old));
        share.lapse();
        assert_eq!(share.told(MemberId(1), Offset(5)), None);
        let new = Floor { offset: Offset(5), by: Some((MemberId(1), Generation(2))) };
        share.take(NodeId(0), new);
        assert_eq!(share.told(MemberId(1), Offset(5)), Some(new), "this one was taken after that");
    }

    #[test]
    fn a_generation_that_begins_twice_has_the_members_of_its_second_beginning() {
        let mut group = GroupWork::default();
        group.begin(Generation(3), &[MemberId(1)], true);
        group.shares.entry(TopicPartition::default()).or_default().own(Generation(3), MemberId(1));
        group.begin(Generation(3), &[MemberId(2)], true);
        assert!(!group.is_in(Generation(3), MemberId(1)) && group.is_in(Generation(3), MemberId(2)));
        assert!(group.shares[&TopicPartition::default()].owners.is_empty());
        group.replace(MemberId(2), MemberId(9));
        assert!(group.is_in(Generation(3), MemberId(9)));
    }
}
