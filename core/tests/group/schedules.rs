//! Random schedules: coordinators that come and go, members that ask whoever, messages that are lost, doubled,
//! delayed and overtake each other.
//!
//! Held against them after every step: whoever coordinates leads, in the same reign; what it keeps is the fold of
//! its log; a commit is taken from current members alone, in their generation; a partition goes to one of them.
//! In the end every commit that was answered with success is in the log of every replica.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use squall_core::coordinator::Phase;
use squall_core::env::EnvOf;
use squall_core::group::Table;
use squall_core::group::message::{
    Assignor, CommittedOffset, GroupHeartbeat, GroupReply, GroupRequest, Join, Joined, Leave, OffsetCommit,
    Subscription, Sync,
};
use squall_core::group::probe::GroupProbe;
use squall_core::group::record::GroupRecord;
use squall_core::ids::{
    BrokerId, CorrelationId, Generation, GroupId, InstanceId, LeaderEpoch, MemberId, NodeId, Offset, TopicId,
    TopicPartition,
};
use squall_core::log::CleanupPolicy;
use squall_core::message::{Message, Reply, Request};
use squall_core::partition::{Flush, Partition};
use squall_core::probe::Probe;
use squall_core::quirk::{Quirk, Quirks};
use squall_core::record::batches;
use squall_core::refused::Refused;
use squall_core::time::Span;
use squall_core::timer::{GroupTimer, PartitionTimer, Timer};

use crate::partition::world::{AT, CONTROLLER, Node, SPARE, Setup, World};
use crate::support::bench::{Packet, Said};

/// One thing that happens, with two random numbers to choose by.
type Step = (u8, u8, u8);

const MEMBERS: u32 = 3;

/// A member that knows what its answers say, and asks what may come next.
#[derive(Debug, Default)]
struct Client {
    id: Option<MemberId>,
    joined: Option<Joined>,
    owns: Option<Vec<TopicPartition>>,
}

/// A group as its coordinator says it is.
#[derive(Debug, Default)]
struct Told {
    generation: Generation,
    members: Vec<MemberId>,
}

struct Play {
    world: World,
    clients: Vec<Client>,
    requests: u64,
    /// The next offset to be committed: each commit is of another one.
    next: u64,
    /// Commits by the number of their request.
    sent: BTreeMap<CorrelationId, (TopicPartition, Offset)>,
    acked: Vec<(TopicPartition, Offset)>,
    told: BTreeMap<NodeId, Told>,
    rebalances: usize,
}

fn group() -> GroupId {
    GroupId("g".into())
}

impl Play {
    fn new(quirks: Quirks) -> Self {
        let topic = "__consumer_offsets";
        let flush = Flush::Never;
        let cleanup = CleanupPolicy::Delete;
        let setup =
            Setup { brokers: 3, flush, segment_bytes: 300, retention_bytes: None, quirks, topic, cleanup };
        let mut world = World::new(setup, true);
        world.boot(2);
        let clients = (0..MEMBERS).map(|_| Client::default()).collect();
        let (sent, told) = (BTreeMap::new(), BTreeMap::new());
        let mut play =
            Self { world, clients, requests: 0, next: 0, sent, acked: Vec::new(), told, rebalances: 0 };
        play.elect(0);
        for node in 1..=3 {
            play.world.inform(NodeId(node), None);
        }
        play
    }

    fn step(&mut self, (what, a, b): Step) {
        let node = NodeId(u32::from(a) % 3 + 1);
        match what % 32 {
            0..=15 => self.deliver(a),
            16 if !b.is_multiple_of(4) => self.deliver(a),
            17 if !b.is_multiple_of(4) => self.deliver(a),
            16 => self.on_packet(a, |world, index| drop(world.bench.pool.remove(index))),
            17 => self.on_packet(a, |world, index| {
                let copy = world.bench.pool[index].clone();
                world.bench.pool.push(copy);
            }),
            18..=25 => self.act(usize::from(a) % self.clients.len(), b),
            26 if a.is_multiple_of(32) => self.elect(b),
            26..=28 => _ = self.world.inform(node, None),
            29 => self.world.bench.wait(node, Span::from_millis(u64::from(b) * 10)),
            _ => self.expire(node, b),
        }
        self.look();
    }

    fn on_packet(&mut self, a: u8, act: impl FnOnce(&mut World, usize)) {
        let pool = &self.world.bench.pool;
        let places: Vec<_> =
            (0..pool.len()).filter(|index| ![CONTROLLER, SPARE].contains(&pool[*index].to)).collect();
        // What was sent first is a little likelier to come first.
        let place = usize::from(a % 16) % places.len().max(1);
        if let Some(&place) = places.get(place) {
            act(&mut self.world, place);
        }
    }

    fn deliver(&mut self, a: u8) {
        let mut heard = None;
        self.on_packet(a, |world, index| {
            if world.bench.pool[index].to.0 >= 100 {
                heard = Some(world.bench.pool.remove(index));
            } else {
                world.bench.deliver(index);
            }
        });
        if let Some(packet) = heard {
            self.hear(packet);
        }
    }

    fn expire(&mut self, node: NodeId, b: u8) {
        let timer = match b % 8 {
            0..=2 => Timer::Group(AT, GroupTimer::Load),
            3 => Timer::Group(AT, GroupTimer::Unload),
            4..=5 => Timer::Group(AT, GroupTimer::Deadline),
            6 => Timer::Group(AT, GroupTimer::Retention),
            _ => Timer::Partition(AT, PartitionTimer::Fetch),
        };
        self.world.bench.expire(node, timer);
    }

    /// Leadership moves, though nothing failed.
    fn elect(&mut self, b: u8) {
        let epoch = self.world.image.partition(AT).map_or(LeaderEpoch(0), |state| state.leader_epoch);
        let leader = BrokerId(u32::from(b) % 3 + 1);
        self.world.decide_partition(Some(leader), epoch.next(), [1, 2, 3].map(BrokerId).to_vec());
    }

    /// A member asks what may come next, of the coordinator or now and then of another broker.
    fn act(&mut self, who: usize, b: u8) {
        let leader = self.world.image.partition(AT).and_then(|state| state.leader).expect("a leader").node();
        let to = if b.is_multiple_of(16) { NodeId(u32::from(b / 16) % 3 + 1) } else { leader };
        self.requests += 1;
        let id = CorrelationId(self.requests);
        let request = self.request(who, b, id);
        let message = Message::Request { id, request: Request::Group(request) };
        self.world.bench.pool.push(Packet { from: NodeId(100 + who as u32), to, message });
    }

    fn request(&mut self, who: usize, b: u8, id: CorrelationId) -> GroupRequest {
        let instance = (who == 0).then(|| InstanceId("one".into()));
        let client = &self.clients[who];
        let (Some(member), Some(joined)) = (client.id, &client.joined) else {
            return GroupRequest::Join(Join {
                group: group(),
                member: client.id,
                instance,
                session_timeout: Span::from_secs(10),
                rebalance_timeout: Span::from_secs(10),
                protocols: vec![Assignor::Range],
                subscription: Arc::new(Subscription::default()),
            });
        };
        let generation = joined.generation;
        let Some(own) = &client.owns else {
            let assignments = joined.members.iter().enumerate();
            let assignments =
                assignments.map(|(place, other)| (other.member, vec![partition(place)])).collect();
            let protocol = joined.protocol;
            return GroupRequest::Sync(Sync {
                group: group(),
                generation,
                member,
                instance,
                protocol,
                assignments,
            });
        };
        match (b % 8, own.first()) {
            (0, _) => GroupRequest::Leave(Leave { group: group(), member: Some(member), instance }),
            (1..=5, Some(&at)) => {
                let offset = Offset(self.next);
                self.next += 1;
                self.sent.insert(id, (at, offset));
                let committed = CommittedOffset { offset, leader_epoch: None, metadata: "".into() };
                GroupRequest::OffsetCommit(OffsetCommit {
                    group: group(),
                    member: Some((member, generation)),
                    instance,
                    offsets: vec![(at, committed)],
                })
            }
            _ => GroupRequest::Heartbeat(GroupHeartbeat { group: group(), generation, member, instance }),
        }
    }

    /// A member is answered.
    fn hear(&mut self, packet: Packet<Message>) {
        let Message::Reply { id, reply: Reply::Group(reply) } = packet.message else {
            panic!("{:?}", packet.message)
        };
        let client = &mut self.clients[packet.to.index() - 100];
        let refused = match reply {
            GroupReply::Join(Ok(joined)) => {
                *client = Client { id: Some(joined.member), joined: Some(joined), owns: None };
                return;
            }
            GroupReply::Join(Err(Refused::MemberIdRequired { member })) => {
                *client = Client { id: Some(member), ..Client::default() };
                return;
            }
            GroupReply::Sync(Ok(synced)) => {
                client.owns = client.joined.as_ref().map(|_| synced.partitions);
                return;
            }
            GroupReply::OffsetCommit(Ok(())) => {
                self.acked.push(self.sent[&id]);
                return;
            }
            GroupReply::Heartbeat(Ok(())) => return,
            GroupReply::Leave(Ok(())) => Refused::UnknownMemberId,
            GroupReply::Join(Err(refused))
            | GroupReply::Sync(Err(refused))
            | GroupReply::Heartbeat(Err(refused))
            | GroupReply::Leave(Err(refused))
            | GroupReply::OffsetCommit(Err(refused)) => refused,
            GroupReply::FindCoordinator(_)
            | GroupReply::OffsetFetch(_)
            | GroupReply::Delete(_)
            | GroupReply::TxnOffsetCommit(_) => {
                panic!("nobody asked: {reply:?}")
            }
        };
        if [Refused::UnknownMemberId, Refused::FencedInstanceId].contains(&refused) {
            *client = Client::default();
        } else if [Refused::IllegalGeneration, Refused::RebalanceInProgress].contains(&refused) {
            (client.joined, client.owns) = (None, None);
        }
    }

    /// What must hold after every step.
    fn look(&mut self) {
        for said in self.world.bench.take_said() {
            if let Said::Probe(node, Probe::Group(probe)) = said {
                self.note(node, probe);
            }
        }
        for node in [1, 2, 3].map(NodeId) {
            let process = self.world.bench.process(node).expect("nobody dies here");
            let leads = process.0.partition(AT).and_then(Partition::reign);
            let living: Vec<_> = process
                .0
                .groups()
                .reigns()
                .filter(|reign| reign.tenure.phase() != Phase::Over)
                .cloned()
                .collect();
            assert!(living.len() <= 1, "{node} coordinates twice");
            for reign in living {
                assert_eq!(Some(reign.tenure.epoch()), leads.map(|(epoch, _)| epoch), "{node} does not lead");
                let folded = self.fold(node, reign.applied());
                assert_eq!(*reign.table(), folded, "{node} keeps something else than its log says");
            }
        }
    }

    fn note(&mut self, node: NodeId, probe: GroupProbe) {
        let told = self.told.entry(node).or_default();
        match probe {
            GroupProbe::Loading { .. } | GroupProbe::Removed { .. } => *told = Told::default(),
            GroupProbe::Restored { generation, members, .. } => *told = Told { generation, members },
            GroupProbe::Rebalanced { generation, members, .. } => {
                *told = Told { generation, members };
                self.rebalances += 1;
            }
            GroupProbe::Joined { member, .. } => told.members.push(member),
            GroupProbe::Replaced { old, new, .. } => {
                told.members.retain(|member| *member != old);
                told.members.push(new);
            }
            GroupProbe::Left { member, .. } => told.members.retain(|other| *other != member),
            GroupProbe::CommitTaken { member, .. } => {
                let (member, generation) = member.expect("members alone commit");
                assert_eq!(generation, told.generation, "a commit of another generation was taken");
                assert!(told.members.contains(&member), "a commit of a stranger was taken");
            }
            GroupProbe::Assigned { assignments, .. } => {
                let mut all: Vec<_> =
                    assignments.into_iter().flat_map(|(_, partitions)| partitions).collect();
                let count = all.len();
                all.sort_unstable();
                all.dedup();
                assert_eq!(all.len(), count, "a partition was assigned twice");
            }
            GroupProbe::Loaded { .. }
            | GroupProbe::Unloaded { .. }
            | GroupProbe::Rebalancing { .. }
            | GroupProbe::Fenced { .. }
            | GroupProbe::OffsetCommitted { .. }
            | GroupProbe::OffsetExpired { .. }
            | GroupProbe::OwnedChanged { .. }
            | GroupProbe::Resumed { .. }
            | GroupProbe::Processed { .. }
            | GroupProbe::Acknowledged { .. } => {}
        }
    }

    fn records(&mut self, node: NodeId, end: Offset) -> Vec<GroupRecord> {
        let read = |process: &mut Node, env: &mut EnvOf<'_, Node>| {
            let log = process.0.partition(AT).expect("a replica").log();
            let (mut from, mut found) = (log.log_start(), Vec::new());
            while from < end {
                for batch in batches(log.read(from, end, usize::MAX, env).expect("a sound log")) {
                    let batch = batch.expect("a sound log");
                    found.extend(batch.records().map(|record| {
                        GroupRecord::decode(record.key.expect("a key"), record.value).expect("a record")
                    }));
                    from = batch.next_offset();
                }
            }
            found
        };
        self.world.bench.with(node, read).expect("a living node")
    }

    fn fold(&mut self, node: NodeId, end: Offset) -> Table {
        let mut table = Table::default();
        self.records(node, end).into_iter().for_each(|record| table.apply(record));
        table
    }

    /// All is quiet, and everybody has everything.
    fn end(&mut self) {
        let nodes = [1, 2, 3].map(NodeId);
        for _ in 0..4 {
            for node in nodes {
                self.world.inform(node, None);
                self.world.bench.expire(node, Timer::Partition(AT, PartitionTimer::Fetch));
            }
            self.world.bench.stabilize(&nodes);
            self.look();
        }
        for node in nodes {
            let end = self.world.replica(node).expect("a replica").log().log_end();
            let records = self.records(node, end);
            for (at, offset) in self.acked.clone() {
                let is_it = |record: &GroupRecord| match record {
                    GroupRecord::Offset { at: of, value: Some(value), .. } => {
                        *of == at && value.committed.offset == offset
                    }
                    GroupRecord::Offset { value: None, .. } | GroupRecord::Group { .. } => false,
                };
                assert!(records.iter().any(is_it), "{node} lost the acknowledged commit of {offset} in {at}");
            }
        }
    }
}

fn partition(place: usize) -> TopicPartition {
    TopicPartition { topic: TopicId(1), partition: place as u32 }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(any::<Step>(), 400..1_500)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whatever_happens_a_coordinator_keeps_what_its_log_says_and_loses_no_commit(steps in steps()) {
        let mut play = Play::new(Quirks::NONE);
        steps.into_iter().for_each(|step| play.step(step));
        play.end();
    }
}

/// How many of so many schedules fail with a mistake switched on, and what went on in them.
fn failures(quirk: Quirk, cases: usize) -> usize {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let fails = |_: &usize| {
        let steps = steps().new_tree(&mut runner).expect("steps").current();
        let play = || {
            let mut play = Play::new(Quirks::NONE.with(quirk));
            steps.into_iter().for_each(|step| play.step(step));
            play.end();
        };
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(play)).is_err()
    };
    (0..cases).filter(fails).count()
}

#[test]
fn the_schedules_find_a_late_unload_and_the_commit_of_a_zombie() {
    assert!(failures(Quirk::LateUnload, 60) > 0);
    assert!(failures(Quirk::CommitWithoutGeneration, 60) > 0);
}

#[test]
fn the_schedules_get_as_far_as_commits_after_rebalances() {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let (mut rebalances, mut acked) = (0, 0);
    for _ in 0..40 {
        let mut play = Play::new(Quirks::NONE);
        steps().new_tree(&mut runner).expect("steps").current().into_iter().for_each(|step| play.step(step));
        rebalances += play.rebalances;
        acked += play.acked.len();
    }
    assert!(rebalances > 60 && acked > 50, "{rebalances} rebalances, {acked} acknowledged commits");
}
