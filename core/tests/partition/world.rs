//! Brokers on a bench, a controller that decides what the test says, and one client.

use std::sync::Arc;

use squall_core::broker::{Broker, BrokerConfig};
use squall_core::client::ProducerConfig;
use squall_core::coordinator::LoadConfig;
use squall_core::env::{EnvOf, Input, InputOf, Process};
use squall_core::group::config::GroupConfig;
use squall_core::ids::{
    BrokerEpoch, BrokerId, CorrelationId, LeaderEpoch, NodeId, Offset, PartitionEpoch, ProducerId, TopicId,
    TopicPartition,
};
use squall_core::log::{CleanConfig, CleanupPolicy, LogConfig};
use squall_core::message::{Acks, AlterPartition, Message, MetadataUpdate, ProducerIds, Reply, Request};
use squall_core::metadata::{Image, MetadataRecord, PartitionState};
use squall_core::partition::{Flush, Partition, ReplicaConfig};
use squall_core::probe::Probe;
use squall_core::quirk::Quirks;
use squall_core::refused::Refused;
use squall_core::share::config::{DeadLetters, ShareConfig};
use squall_core::time::Span;
use squall_core::timer::Timer;
use squall_core::transaction::config::TransactionConfig;

use crate::support::bench::{Bench, Packet};

/// The only partition.
pub(crate) const AT: TopicPartition = TopicPartition { topic: TopicId(0), partition: 0 };
/// Where the scripted controller would live.
pub(crate) const CONTROLLER: NodeId = NodeId(9);
/// Where the other controller would live, which is never active.
pub(crate) const SPARE: NodeId = NodeId(8);
/// Where the client would live.
pub(crate) const CLIENT: NodeId = NodeId(100);

/// A node that runs a broker alone.
#[derive(Debug, Clone)]
pub(crate) struct Node(pub(crate) Broker);

impl Process for Node {
    type Message = Message;
    type Timer = Timer;
    type Probe = Probe;

    fn start(&mut self, env: &mut EnvOf<'_, Self>) {
        self.0.start(env);
    }

    fn step(&mut self, input: InputOf<Self>, env: &mut EnvOf<'_, Self>) {
        match input {
            Input::Deliver { from, message } => self.0.on_message(from, message, env),
            Input::Expired { timer } => self.0.on_timer(timer, env),
            Input::Synced { sync, outcome } => self.0.on_synced(sync, outcome, env),
        }
        self.0.partitions().for_each(Partition::assert_invariants);
    }
}

/// How the brokers are set up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup {
    pub(crate) brokers: u32,
    pub(crate) flush: Flush,
    pub(crate) segment_bytes: u64,
    pub(crate) retention_bytes: Option<u64>,
    pub(crate) cleanup: CleanupPolicy,
    pub(crate) quirks: Quirks,
    /// The topic's name.
    pub(crate) topic: &'static str,
}

/// The brokers, the metadata log and the client's numbers.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) bench: Bench<Node>,
    /// What the controller decided, record by record.
    log: Vec<Arc<MetadataRecord>>,
    /// The fold of `log`.
    pub(crate) image: Image,
    /// Of the topic.
    cleanup: CleanupPolicy,
    /// The brokers' talk with the controller about their own lives is not shown.
    pub(crate) quiet: bool,
    topic: &'static str,
    requests: u64,
    next_producer_id: u64,
}

impl World {
    pub(crate) fn new(setup: Setup, quiet: bool) -> Self {
        let nodes = (1..=setup.brokers).map(|id| Node(Broker::new(config(BrokerId(id), setup)))).collect();
        let (log, image) = (Vec::new(), Image::default());
        let (topic, cleanup) = (setup.topic, setup.cleanup);
        let bench = Bench::new(nodes);
        Self { bench, log, image, cleanup, quiet, topic, requests: 0, next_producer_id: 0 }
    }

    /// Starts every broker, formats its disk, registers and unfences it, and makes the topic.
    pub(crate) fn boot(&mut self, min_isr: u32) {
        let nodes: Vec<_> = self.bench.nodes().collect();
        for &node in &nodes {
            self.bench.start(node);
            self.end_syncs(node);
            self.register(node);
            self.beat(node, None);
            self.unfence(node, true);
        }
        self.create_topic(min_isr);
        for &node in &nodes {
            self.inform(node, None);
        }
        self.bench.take_said();
    }

    /// Ends every sync of `node` that is under way.
    pub(crate) fn end_syncs(&mut self, node: NodeId) {
        for _ in 0..self.bench.seat_mut(node).disk.pending().len() {
            self.bench.sync_next(node);
        }
    }

    /// Writes a record to the metadata log.
    pub(crate) fn decide(&mut self, record: MetadataRecord) -> Offset {
        let offset = self.image.end;
        self.image.apply(offset, &record);
        self.log.push(Arc::new(record));
        offset
    }

    pub(crate) fn create_topic(&mut self, min_isr: u32) {
        let (topic, name) = (AT.topic, self.topic.into());
        self.decide(MetadataRecord::TopicCreated {
            topic,
            name,
            min_isr,
            unclean: true,
            cleanup: self.cleanup,
        });
    }

    /// Registers the partition like this; all brokers hold it.
    pub(crate) fn decide_partition(
        &mut self,
        leader: Option<BrokerId>,
        leader_epoch: LeaderEpoch,
        isr: Vec<BrokerId>,
    ) {
        let partition_epoch = self.partition_epoch().next();
        let replicas = self.bench.nodes().map(|node| BrokerId(node.0)).collect();
        let state = PartitionState {
            replicas,
            isr,
            elr: vec![],
            leader,
            leader_epoch,
            partition_epoch,
            unclean: false,
        };
        self.decide(MetadataRecord::PartitionChanged { at: AT, state });
    }

    fn partition_epoch(&self) -> PartitionEpoch {
        self.image.partition(AT).map_or(PartitionEpoch(0), |state| state.partition_epoch)
    }

    /// Accepts the registration that `node` asks for.
    pub(crate) fn register(&mut self, node: NodeId) {
        let (id, request) = self.taken(node, |request| matches!(request, Request::RegisterBroker(_)));
        let Request::RegisterBroker(register) = request else { panic!("{request:?}") };
        let record = MetadataRecord::BrokerRegistered {
            broker: register.broker,
            incarnation: register.incarnation,
            disk: register.disk,
        };
        let epoch = BrokerEpoch(self.decide(record).0);
        self.answer(node, id, Reply::RegisterBroker(Ok(epoch)));
    }

    /// Lets `node` lead and be in sync, or forbids it.
    pub(crate) fn unfence(&mut self, node: NodeId, unfenced: bool) {
        let broker = BrokerId(node.0);
        let epoch = self.image.brokers[&broker].epoch;
        self.decide(if unfenced {
            MetadataRecord::BrokerUnfenced { broker, epoch }
        } else {
            MetadataRecord::BrokerFenced { broker, epoch }
        });
    }

    /// Answers the metadata fetch of `node`, with what there is before `until`. Whether it asked.
    pub(crate) fn inform(&mut self, node: NodeId, until: Option<Offset>) -> bool {
        let fetch = self.take(node, |request| matches!(request, Request::FetchMetadata(_)));
        let Some((id, Request::FetchMetadata(fetch))) = fetch else { return false };
        let until = until.map_or(self.log.len(), |until| until.0 as usize);
        let records = self.log[fetch.from.0 as usize..until].to_vec();
        let update = MetadataUpdate { snapshot: None, base: fetch.from, records };
        self.answer(node, id, Reply::FetchMetadata(Ok(update)));
        true
    }

    /// Answers the metadata fetch of `node` with all there is at once.
    pub(crate) fn load(&mut self, node: NodeId) {
        let (id, _) = self.taken(node, |request| matches!(request, Request::FetchMetadata(_)));
        let (snapshot, base) = (Some(Arc::new(self.image.clone())), self.image.end);
        let update = MetadataUpdate { snapshot, base, records: Vec::new() };
        self.answer(node, id, Reply::FetchMetadata(Ok(update)));
    }

    /// Refuses the metadata fetch of `node`.
    pub(crate) fn refuse_metadata(&mut self, node: NodeId, refused: Refused) {
        let (id, _) = self.taken(node, |request| matches!(request, Request::FetchMetadata(_)));
        self.answer(node, id, Reply::FetchMetadata(Err(refused)));
    }

    /// Accepts the wish of `node` for another ISR; `heard`: it is told by a reply.
    pub(crate) fn accept_isr(&mut self, node: NodeId, heard: bool) {
        let (id, wish) = self.wish(node);
        let now = self.image.partition(AT).expect("a partition").clone();
        assert_eq!(wish.partition_epoch, now.partition_epoch, "the controller would refuse this wish");
        assert_eq!(wish.leader_epoch, now.leader_epoch, "the controller would refuse this wish");
        let wished = |broker: &BrokerId| wish.isr.iter().any(|(member, _)| member == broker);
        let isr = now.replicas.iter().copied().filter(wished).collect();
        let state = PartitionState { isr, partition_epoch: now.partition_epoch.next(), ..now };
        self.decide(MetadataRecord::PartitionChanged { at: AT, state: state.clone() });
        if heard {
            self.answer(node, id, Reply::AlterPartition { at: AT, result: Ok(state) });
        }
    }

    /// Refuses the wish of `node` for another ISR.
    pub(crate) fn refuse_isr(&mut self, node: NodeId, refused: Refused) {
        let (id, _) = self.wish(node);
        self.answer(node, id, Reply::AlterPartition { at: AT, result: Err(refused) });
    }

    /// The newest wish of `node` for another ISR, if one is on its way.
    pub(crate) fn pending_wish(&self, node: NodeId) -> Option<AlterPartition> {
        self.bench.pool.iter().rev().find_map(|packet| match &packet.message {
            Message::Request { request: Request::AlterPartition(wish), .. } if packet.from == node => {
                Some(wish.clone())
            }
            Message::Request { .. } | Message::Reply { .. } | Message::Quorum(_) => None,
        })
    }

    /// The wish of `node` for another ISR never arrives.
    pub(crate) fn lose_isr(&mut self, node: NodeId) {
        self.wish(node);
    }

    fn wish(&mut self, node: NodeId) -> (CorrelationId, AlterPartition) {
        match self.taken(node, |request| matches!(request, Request::AlterPartition(_))) {
            (id, Request::AlterPartition(wish)) => (id, wish),
            (_, other) => panic!("{other:?}"),
        }
    }

    /// Answers the heartbeat of `node`.
    pub(crate) fn beat(&mut self, node: NodeId, refused: Option<Refused>) {
        let (id, _) = self.taken(node, |request| matches!(request, Request::Heartbeat(_)));
        let answer = squall_core::message::HeartbeatReply { fenced: false };
        self.answer(node, id, Reply::Heartbeat(refused.map_or(Ok(answer), Err)));
    }

    /// Answers what `node` asked for its own life with a refusal.
    pub(crate) fn refuse_registration(&mut self, node: NodeId, refused: Refused) {
        let (id, _) = self.taken(node, |request| matches!(request, Request::RegisterBroker(_)));
        self.answer(node, id, Reply::RegisterBroker(Err(refused)));
    }

    /// Gives `node` a block of `count` producer ids, for the oldest of its requests.
    pub(crate) fn allocate(&mut self, node: NodeId, count: u32) {
        let id_of = |Packet { from, message, .. }: &Packet<Message>| match message {
            Message::Request { id, request: Request::AllocateProducerIds(_) } if *from == node => Some(*id),
            Message::Request { .. } | Message::Reply { .. } | Message::Quorum(_) => None,
        };
        let found =
            self.bench.pool.iter().enumerate().find_map(|(place, packet)| Some((place, id_of(packet)?)));
        let (place, id) = found.unwrap_or_else(|| panic!("{node} does not ask the controller for that"));
        self.bench.pool.remove(place);
        let first = ProducerId(self.next_producer_id);
        self.next_producer_id += u64::from(count);
        self.answer(node, id, Reply::AllocateProducerIds(Ok(ProducerIds { first, count })));
    }

    /// The client asks `node`.
    pub(crate) fn ask(&mut self, node: NodeId, request: Request) {
        self.requests += 1;
        let message = Message::Request { id: CorrelationId(self.requests), request };
        self.bench.with(node, |process, env| process.step(Input::Deliver { from: CLIENT, message }, env));
    }

    fn answer(&mut self, node: NodeId, id: CorrelationId, reply: Reply) {
        let message = Message::Reply { id, reply };
        self.bench.with(node, |process, env| process.step(Input::Deliver { from: CONTROLLER, message }, env));
    }

    fn taken(&mut self, node: NodeId, wanted: impl Fn(&Request) -> bool) -> (CorrelationId, Request) {
        self.take(node, wanted).unwrap_or_else(|| panic!("{node} does not ask the controller for that"))
    }

    /// The newest request of that kind from `node` to the controller; older ones are lost.
    fn take(&mut self, node: NodeId, wanted: impl Fn(&Request) -> bool) -> Option<(CorrelationId, Request)> {
        let mut newest = None;
        self.bench.pool.retain(|Packet { from, to, message }| match message {
            Message::Request { id, request }
                if *from == node && [CONTROLLER, SPARE].contains(to) && wanted(request) =>
            {
                newest = Some((*id, request.clone()));
                false
            }
            Message::Request { .. } | Message::Reply { .. } | Message::Quorum(_) => true,
        });
        newest
    }

    /// The replica on `node`.
    pub(crate) fn replica(&self, node: NodeId) -> Option<&Partition> {
        self.bench.process(node)?.0.partition(AT)
    }
}

fn config(id: BrokerId, setup: Setup) -> BrokerConfig {
    BrokerConfig {
        id,
        controllers: vec![CONTROLLER, SPARE],
        heartbeat: Span::from_millis(2_000),
        request_timeout: Span::from_millis(1_000),
        metadata_wait: Span::from_millis(500),
        housekeeping: Span::from_secs(60),
        replica: ReplicaConfig {
            lag_max: Span::from_secs(10),
            fetch_wait: Span::from_millis(500),
            fetch_bytes: 1_000,
            fetch_backoff: Span::from_millis(100),
            request_timeout: Span::from_millis(1_000),
            flush: setup.flush,
            max_batch_bytes: 500,
            log: LogConfig {
                segment_bytes: setup.segment_bytes,
                retention_bytes: setup.retention_bytes,
                clean: CleanConfig { delete_retention: Span::from_secs(90), ..CleanConfig::default() },
                ..LogConfig::default()
            },
            quirks: setup.quirks,
        },
        transactions: TransactionConfig::default(),
        groups: GroupConfig {
            session_min: Span::from_secs(1),
            session_max: Span::from_secs(60),
            max_size: 3,
            metadata_max: 8,
            retention: Span::from_secs(3_600),
            load: LoadConfig { bytes: 1, ..LoadConfig::default() },
            ..GroupConfig::default()
        },
        shares: ShareConfig {
            lock: Span::from_secs(2),
            delivery_limit: 3,
            max_in_flight: 4,
            load: LoadConfig { bytes: 1, ..LoadConfig::default() },
            dead_letters: Some(dead_letters()),
            ..ShareConfig::default()
        },
    }
}

/// How brokers write letters, where there is a topic for them.
fn dead_letters() -> DeadLetters {
    let producer = ProducerConfig {
        quirks: Quirks::NONE,
        transactional: None,
        acks: Acks::All,
        idempotent: true,
        linger: Span::ZERO,
        batch_bytes: 1_000,
        max_in_flight: 1,
        request_timeout: Span::from_secs(1),
        delivery_timeout: Span::from_secs(10),
        retry_backoff: Span::from_millis(100),
        metadata_max_age: Span::from_secs(60),
        brokers: vec![NodeId(1), NodeId(2), NodeId(3)],
    };
    DeadLetters { topic: "dlq.orders".to_owned(), producer }
}
