//! Groups as observed: what each coordinator takes for current, and what members own.
//!
//! Two sides of the same group, kept apart: a coordinator that slept through its deposition goes on for a while,
//! and a member that slept through its expulsion too. Whether a member is current is for the coordinator to say
//! that the controllers name.

use std::collections::{BTreeMap, BTreeSet};

use squall_core::group::probe::GroupProbe;
use squall_core::ids::{BrokerId, Generation, GroupId, MemberId, NodeId, TopicPartition};

/// All groups.
#[derive(Debug, Clone, Default)]
pub struct GroupsGhost {
    /// By coordinator.
    coordinated: BTreeMap<(BrokerId, GroupId), Coordinated>,
    /// The members' side.
    owned: BTreeMap<GroupId, Owned>,
}

/// A group as one coordinator has it.
#[derive(Debug, Clone, Default)]
pub struct Coordinated {
    /// The offsets partition it belongs to.
    at: TopicPartition,
    /// Its generation.
    pub generation: Generation,
    /// Who is in it.
    pub members: Vec<MemberId>,
}

/// What members of a group own.
#[derive(Debug, Clone, Default)]
pub struct Owned {
    /// By node.
    pub holders: Vec<Holder>,
    /// Ids that their coordinator has let go.
    gone: BTreeSet<MemberId>,
    /// Ids that a coordinator has let go which the controllers did not name.
    departed: Vec<(BrokerId, MemberId)>,
}

/// What one process owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Where it lives.
    pub node: NodeId,
    /// Its id.
    pub member: MemberId,
    /// The generation it is in.
    pub generation: Generation,
    /// What it owns.
    pub partitions: Vec<TopicPartition>,
}

impl GroupsGhost {
    /// The group as `broker` has it; `None`: it knows none.
    pub fn coordinated(&self, broker: BrokerId, group: &GroupId) -> Option<&Coordinated> {
        self.coordinated.get(&(broker, group.clone()))
    }

    /// Those who own something of the group and are members of it.
    pub fn current(&self, group: &GroupId) -> impl Iterator<Item = &Holder> {
        let owned = self.owned.get(group).into_iter();
        owned.flat_map(|owned| owned.holders.iter().filter(|holder| !owned.gone.contains(&holder.member)))
    }

    /// A process owns this from now on, and nothing else.
    pub fn owns(&mut self, group: &GroupId, holder: Holder) {
        let owned = self.owned.entry(group.clone()).or_default();
        let had = owned.holders.iter().find(|other| other.member == holder.member);
        let gains = holder.partitions.iter().any(|at| had.is_none_or(|had| !had.partitions.contains(at)));
        if gains {
            // Nobody is given anything before that is committed: whoever its coordinator had let go is out, though
            // that one is deposed and has not heard of it, nor have those who copy its log.
            let coordinated = &self.coordinated;
            let gives = |broker: BrokerId| {
                let known = coordinated.get(&(broker, group.clone()));
                known.is_some_and(|known| {
                    known.generation == holder.generation && known.members.contains(&holder.member)
                })
            };
            let Owned { departed, gone, .. } = owned;
            gone.extend(departed.extract_if(.., |(broker, _)| gives(*broker)).map(|(_, member)| member));
        }
        owned.holders.retain(|other| other.node != holder.node);
        owned.holders.push(holder);
    }

    /// A process is no more, and owns nothing.
    pub fn died(&mut self, node: NodeId) {
        for owned in self.owned.values_mut() {
            owned.holders.retain(|holder| holder.node != node);
        }
    }

    /// A coordinator's reign over `at` begins, or its life ends: it knows nothing of these groups.
    pub fn forget(&mut self, broker: BrokerId, at: Option<TopicPartition>) {
        let other = |place: TopicPartition| at.is_some_and(|at| at != place);
        self.coordinated.retain(|(coordinator, _), group| *coordinator != broker || other(group.at));
    }

    /// A coordinator reports of a group of `at`. `named`: the controllers name it, so what it says is so.
    pub fn fold(&mut self, broker: BrokerId, at: TopicPartition, named: bool, probe: &GroupProbe) {
        match probe {
            GroupProbe::Restored { group, generation, members } => {
                let known = self.known(broker, at, group);
                known.generation = *generation;
                known.members.clone_from(members);
                // What its predecessor changed and did not get into the log never was.
                self.returned(group, *generation, members);
            }
            GroupProbe::Joined { group, member, .. } => self.known(broker, at, group).members.push(*member),
            GroupProbe::Rebalanced { group, generation, members, .. } => {
                let known = self.known(broker, at, group);
                known.generation = *generation;
                known.members.clone_from(members);
            }
            GroupProbe::Replaced { group, old, new, .. } => {
                let known = self.known(broker, at, group);
                known.members.retain(|member| member != old);
                known.members.push(*new);
                self.left(broker, group, *old, named);
            }
            GroupProbe::Left { group, member, .. } => {
                self.known(broker, at, group).members.retain(|other| other != member);
                self.left(broker, group, *member, named);
            }
            GroupProbe::Removed { group } => {
                self.coordinated.remove(&(broker, group.clone()));
                if named {
                    // The next group of this name counts its generations anew.
                    self.owned.remove(group);
                }
            }
            GroupProbe::Loading { .. }
            | GroupProbe::Loaded { .. }
            | GroupProbe::Unloaded { .. }
            | GroupProbe::Rebalancing { .. }
            | GroupProbe::Assigned { .. }
            | GroupProbe::Fenced { .. }
            | GroupProbe::CommitTaken { .. }
            | GroupProbe::OffsetCommitted { .. }
            | GroupProbe::OffsetExpired { .. }
            | GroupProbe::OwnedChanged { .. }
            | GroupProbe::Resumed { .. }
            | GroupProbe::Processed { .. }
            | GroupProbe::Acknowledged { .. } => {}
        }
    }

    fn known(&mut self, broker: BrokerId, at: TopicPartition, group: &GroupId) -> &mut Coordinated {
        let known = self.coordinated.entry((broker, group.clone())).or_default();
        known.at = at;
        known
    }

    fn left(&mut self, broker: BrokerId, group: &GroupId, member: MemberId, named: bool) {
        let owned = self.owned.entry(group.clone()).or_default();
        if named {
            owned.gone.insert(member);
        } else {
            owned.departed.push((broker, member));
        }
    }

    fn returned(&mut self, group: &GroupId, generation: Generation, members: &[MemberId]) {
        if let Some(owned) = self.owned.get_mut(group) {
            owned.gone.retain(|member| !members.contains(member));
            // What a coordinator did that was deposed already may have got into the log all the same.
            let left = owned.departed.extract_if(.., |(_, member)| !members.contains(member));
            owned.gone.extend(left.map(|(_, member)| member));
            // Who was told of a later generation holds what it does by this one: those after it are counted again.
            for holder in &mut owned.holders {
                holder.generation = holder.generation.min(generation);
            }
        }
    }
}
