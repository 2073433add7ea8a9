//! The checks of a cluster's run: probes are folded into the ghost state, and whatever they could have
//! broken is looked at.
//!
//! One event's way: the moment (a crash, a power loss) first, then each probe in order; a probe is handled
//! in the file of its kind. Nothing is done for events without probes.
//! Once wipes have destroyed the controllers' log nothing is judged but what clients were told: nothing else was
//! promised any more.
//! Deliberately absent: knowledge of faults' plans and of quirks.

mod backlog;
mod calm;
mod effects_witness;
mod ending;
mod groups;
mod metadata;
mod owners;
mod quorum;
mod readers;
mod replica;
mod shares;
mod tally;
mod transacted;
mod transactions;
mod witness;
mod work;

use squall_core::broker::Broker;
use squall_core::ids::{BrokerId, GroupId, NodeId, TopicPartition};
use squall_core::probe::{BrokerProbe, Probe};
use squall_core::share::probe::SharePartition;
use squall_sim::check::{Checks, Progress};
use squall_sim::engine::World;
use squall_sim::record::{PermittedLoss, Tally, Violation};
use squall_sim::trace::Kind;

use crate::cluster::{Layout, Member};
use crate::ghost::chronicle::{Stop, When};
use crate::ghost::clients::Keys;
use crate::ghost::partition::Damage;
use crate::ghost::{
    Backlog, Clients, Effects, GroupsGhost, Metadata, PartitionGhost, QuorumGhost, Shares, TransactionsGhost,
    Work,
};
use crate::invariants::{Broken, Check, groups as coordination, storage};

pub use effects_witness::EffectsWitness;
pub use owners::Bound as OwnedWithin;
pub use shares::Queues;
pub use tally::{Compared, Counters, Exercised, Permitted};
#[cfg(test)]
pub(crate) use witness::compare;
pub(crate) use witness::{EVERY, MOST};
pub use witness::{Leave, Witness};

/// What a scenario expects of the end of its runs.
#[derive(Debug, Clone)]
pub struct Expectations {
    /// Every record must be read again by an auditor; `None` where there is no topic to read.
    pub audit: Option<Audit>,
    /// The keys of the records that each sender will send, in order.
    pub keys: Keys,
    /// Whether brokers flush every batch before they say that they have it.
    pub flush: bool,
    /// Whether faults may destroy more than the contract survives.
    pub beyond_budget: bool,
    /// Whether the observer's invariants judge as well as what clients saw.
    pub invariants: bool,
    /// Which counters a campaign must reach.
    pub sometimes: &'static [&'static str],
    /// The groups that must process everything.
    pub groups: Vec<GroupId>,
    /// How soon after the storm each of their partitions has one owner; `None` where nobody says.
    pub owned_within: Option<OwnedWithin>,
    /// Whoever writes down what clients saw, for a second opinion; `None` where that is no history of a log, or
    /// nobody asks for one.
    pub witness: Option<Box<Witness>>,
    /// Every effect of a pipeline that counts must be read again so; `None` where there are no pipelines.
    pub effects: Option<Audit>,
    /// Whoever writes down what was seen of transactions, for a second opinion.
    pub effects_witness: Option<Box<EffectsWitness>>,
    /// What share groups must have done; `None` where there are none.
    pub queues: Option<Queues>,
}

/// How the auditor reads.
#[derive(Debug, Clone)]
pub struct Audit {
    /// The settings of its consumer.
    pub consumer: squall_core::client::ConsumerConfig,
    /// How many partitions there are.
    pub partitions: u32,
}

/// A replica to be looked at.
#[derive(Debug, Clone, Copy)]
struct Inspection {
    at: TopicPartition,
    broker: BrokerId,
    what: Look,
}

/// What of it.
#[derive(Debug, Clone, Copy)]
enum Look {
    /// Whether the broker may have taken a role.
    Role,
    /// Its tables in memory.
    Tables,
    /// Its disk, and the tables.
    Disk,
}

/// The ghost state of a cluster and what was counted.
#[derive(Debug, Clone)]
pub struct ClusterChecks {
    layout: Layout,
    metadata: Metadata,
    partitions: Vec<PartitionGhost>,
    quorum: QuorumGhost,
    clients: Clients,
    groups: GroupsGhost,
    transactions: TransactionsGhost,
    /// How many facts coordinators have reported.
    group_facts: u64,
    work: Work,
    owners: owners::Owners,
    effects: Effects,
    shares: Shares,
    backlog: Backlog,
    /// What a look at the calm found: that ends it.
    overdue: Option<Broken>,
    counters: Counters,
    expectations: Expectations,
    auditor: Option<NodeId>,
    effects_auditor: Option<NodeId>,
    /// The first of each kind of permitted loss, for people.
    permits: Vec<PermittedLoss>,
    /// Replicas whose disk or memory is to be looked at once all probes of the event are folded: a probe
    /// tells of one moment of a step, the world shows its end.
    to_inspect: Vec<Inspection>,
    /// Brokers whose coordinators are to be looked at, likewise.
    coordinators_to_inspect: Vec<BrokerId>,
    /// Share-partitions that are to be looked at, likewise; `None`: all of a broker, with its log.
    shares_to_inspect: Vec<(BrokerId, Option<SharePartition>)>,
    /// How many facts leaders of share-partitions have reported.
    share_facts: u64,
    /// How often each broker's disk has changed bytes.
    harms: Vec<usize>,
    events: u64,
}

impl ClusterChecks {
    /// Checks of a world that has not begun.
    pub fn new(layout: Layout, expectations: Expectations) -> Self {
        Self {
            layout,
            metadata: Metadata::default(),
            partitions: Vec::new(),
            quorum: QuorumGhost {
                beyond: expectations.beyond_budget,
                ..QuorumGhost::new(&layout.controller_nodes())
            },
            clients: Clients { keys: expectations.keys.clone(), ..Clients::default() },
            groups: GroupsGhost::default(),
            transactions: TransactionsGhost::default(),
            group_facts: 0,
            work: Work::default(),
            owners: owners::Owners::default(),
            effects: Effects::default(),
            shares: Shares::default(),
            backlog: Backlog::default(),
            overdue: None,
            counters: Counters::default(),
            expectations,
            auditor: None,
            effects_auditor: None,
            permits: Vec::new(),
            to_inspect: Vec::new(),
            coordinators_to_inspect: Vec::new(),
            shares_to_inspect: Vec::new(),
            share_facts: 0,
            harms: vec![0; layout.brokers as usize],
            events: 0,
        }
    }

    /// What the controllers have decided.
    pub const fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Who lives where.
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// The quorum as observed.
    pub const fn quorum(&self) -> &QuorumGhost {
        &self.quorum
    }

    /// The partition's ghost, made when it is first spoken of. Partitions are few and looked up all the time.
    fn place(&mut self, at: TopicPartition) -> usize {
        match self.partitions.binary_search_by_key(&at, |ghost| ghost.at) {
            Ok(place) => place,
            Err(place) => {
                let beyond = self.expectations.beyond_budget;
                let ghost =
                    PartitionGhost { beyond, ..PartitionGhost::new(at, self.layout.brokers as usize) };
                self.partitions.insert(place, ghost);
                place
            }
        }
    }

    /// The partition's ghost, if it was ever spoken of.
    fn partition(&self, at: TopicPartition) -> Option<&PartitionGhost> {
        let place = self.partitions.binary_search_by_key(&at, |ghost| ghost.at).ok()?;
        Some(&self.partitions[place])
    }

    /// What a check found, if this run is judged by that. Where the observer's invariants have no say, what it folds
    /// after one of them broke may be wrong: a failure still is one, a permitted loss need not be.
    fn judged(&self, check: Check) -> Check {
        check.or_else(|broken| {
            let counts = self.expectations.invariants || !broken.is_the_observers();
            if counts { Err(broken) } else { Ok(()) }
        })
    }

    /// What the event itself means for disks and lives.
    fn on_moment(&mut self, node: NodeId, kind: Kind, when: When) {
        let damage = match kind {
            Kind::Crashed => Damage::None,
            Kind::PowerLost => Damage::PowerLoss,
            Kind::Wiped => Damage::Wiped,
            Kind::Created
            | Kind::Started
            | Kind::Delivered { .. }
            | Kind::Dropped { .. }
            | Kind::Expired
            | Kind::Synced
            | Kind::Paused
            | Kind::Resumed
            | Kind::Cut { .. }
            | Kind::Mended { .. }
            | Kind::Weather { .. }
            | Kind::ClockSet
            | Kind::DiskSet
            | Kind::DiskHarmed
            | Kind::Interfered { .. } => return,
        };
        groups::died(self, node);
        if let Some(broker) = self.layout.broker_on(node) {
            self.metadata.stopped(broker, Stop { when, damage });
            for ghost in &mut self.partitions {
                ghost.stopped(broker, damage, when);
            }
        }
        work::died(self, node, when.at);
        if let Some(place) = self.quorum.place(node) {
            quorum::died(&mut self.quorum, place, damage, when);
        }
    }

    /// Whether the disk of the event's node has changed bytes, and which.
    fn note_harm(&mut self, world: &World<Member>, node: NodeId) {
        let Some(known) = self.harms.get_mut(node.index()) else { return };
        let harmed = world.disk(node).harmed();
        let fresh = &harmed[std::mem::replace(known, harmed.len())..];
        if let Some(broker) = self.layout.broker_on(node).filter(|_| !fresh.is_empty()) {
            // A broker that finds damage does not vouch for any of its logs.
            let when = When { event: world.events(), at: world.now() };
            self.metadata.harmed(broker, Stop { when, damage: Damage::Rotten });
            for ghost in &mut self.partitions {
                replica::harmed(ghost, broker, fresh, world);
            }
        }
    }

    /// Routing only.
    fn on_probe(&mut self, world: &World<Member>, node: NodeId, probe: &Probe) -> Result<(), Broken> {
        if self.quorum.lost.is_some() {
            return readers::without_metadata(self, probe);
        }
        match probe {
            Probe::Quorum(probe) => quorum::on_probe(self, world, node, probe),
            Probe::Metadata(probe) => metadata::on_probe(self, world, node, probe),
            Probe::Broker(probe) => self.on_broker_probe(node, probe),
            Probe::Replica(at, probe) => replica::on_probe(self, world, node, *at, probe),
            Probe::Client(probe) => readers::on_probe(self, node, probe),
            Probe::Group(probe) => {
                groups::on_probe(self, node, probe)?;
                work::on_probe(self, node, world.now(), probe)
            }
            Probe::Transaction(probe) => {
                transacted::count(self, probe);
                transactions::on_probe(self, node, probe)
            }
            Probe::Transacted(probe) => transacted::on_probe(self, node, probe),
            Probe::Share(probe) => shares::on_probe(self, node, probe),
        }
    }

    fn inspect(&mut self, world: &World<Member>) -> Result<(), Broken> {
        while let Some(Inspection { at, broker, what }) = self.to_inspect.pop() {
            if let Look::Role = what {
                replica::registered(world, broker)?;
                continue;
            }
            // What a halted broker did last may be done by half.
            if crate::checks::broker(world, broker.node()).is_none_or(Broker::is_halted) {
                continue;
            }
            self.counters.compared(Compared::Folds);
            let place = self.place(at);
            let p = &self.partitions[place];
            if let Look::Disk = what {
                storage::on_disk(p, broker, world)?;
            }
            storage::folds(p, broker, world)?;
        }
        while let Some(broker) = self.coordinators_to_inspect.pop() {
            self.counters.compared(Compared::Folds);
            coordination::coordinators(broker, world)?;
        }
        while let Some((broker, of)) = self.shares_to_inspect.pop() {
            shares::inspect(self, broker, of.as_ref(), world)?;
        }
        Ok(())
    }

    fn on_broker_probe(&mut self, node: NodeId, probe: &BrokerProbe) -> Result<(), Broken> {
        match *probe {
            BrokerProbe::Registered { epoch } => {
                let Some(broker) = self.layout.broker_on(node) else { return Ok(()) };
                self.metadata.registered(broker, epoch);
                metadata::recheck(self)
            }
            BrokerProbe::Started { incarnation, .. } => {
                if let Some(broker) = self.layout.broker_on(node) {
                    self.metadata.started(broker, incarnation);
                }
                Ok(())
            }
            BrokerProbe::Halted => {
                self.counters.exercised(Exercised::Halts);
                // What it wrote last, or cut, may be there or not.
                if let Some(broker) = self.layout.broker_on(node) {
                    for ghost in &mut self.partitions {
                        let replica = &mut ghost.replicas[broker.0 as usize];
                        replica.damage = replica.damage.max(Damage::Halted);
                    }
                }
                Ok(())
            }
        }
    }
}

/// How many events pass between two prunings of what no log keeps any more.
const PRUNE_EVERY: u64 = 1 << 14;

impl Checks<Member> for ClusterChecks {
    fn after_event(&mut self, world: &World<Member>) -> Result<(), Violation> {
        let moment = world.moment();
        let when = When { event: world.events(), at: world.now() };
        self.on_moment(moment.node, moment.kind, when);
        self.note_harm(world, moment.node);
        for (node, probe) in world.probes() {
            if let (Some(witness), Probe::Client(_)) = (&mut self.expectations.witness, probe) {
                witness.fact(world.now(), when.event, *node, probe);
            }
            if let (Some(witness), Probe::Transacted(_)) = (&mut self.expectations.effects_witness, probe) {
                witness.fact(world.now(), when.event, *node, probe);
            }
            let folded = self.on_probe(world, *node, probe);
            if let Err(broken) = self.judged(folded) {
                return Err(broken
                    .violation(world.now())
                    .with("node", world.name(*node))
                    .with("event", moment)
                    .with("reported", format_args!("{probe:?}")));
            }
        }
        let inspected = self.inspect(world);
        if let Err(broken) = self.judged(inspected) {
            return Err(broken.violation(world.now()).with("event", moment));
        }
        self.events += 1;
        if self.events.is_multiple_of(PRUNE_EVERY) {
            self.partitions.iter_mut().for_each(PartitionGhost::prune);
            self.quorum.prune();
        }
        Ok(())
    }

    fn calm(&mut self, world: &mut World<Member>) -> Progress {
        if let Err(broken) = backlog::look(self, world) {
            self.overdue = Some(broken);
            return Progress::Done;
        }
        calm::look(self, world)
    }

    fn at_end(&mut self, world: &World<Member>) -> Result<(), Violation> {
        let judged = self.overdue.take().map_or_else(|| ending::judge(self, world), Err);
        judged.map_err(|broken| broken.violation(world.now()))
    }

    fn counters(&self) -> Tally {
        self.counters.tally()
    }

    fn permits(&self) -> Vec<PermittedLoss> {
        self.permits.clone()
    }

    fn sometimes(&self) -> &'static [&'static str] {
        self.expectations.sometimes
    }
}

/// The broker on a node, while it is up.
pub(crate) fn broker(world: &World<Member>, node: NodeId) -> Option<&Broker> {
    match world.process(node)? {
        Member::Broker(broker) => Some(broker),
        Member::Controller(_)
        | Member::Admin(_)
        | Member::Sender(_)
        | Member::Reader(_)
        | Member::IdTaker(_)
        | Member::Worker(_)
        | Member::Pipeline(_)
        | Member::EffectsReader(_)
        | Member::ShareWorker(_)
        | Member::Person(_) => None,
    }
}
