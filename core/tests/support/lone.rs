//! One client on the only node, and a script in the place of everybody else.

use squall_core::env::{Input, Process};
use squall_core::host::Host;
use squall_core::ids::{BrokerId, CorrelationId, LeaderEpoch, NodeId, Offset, TopicId};
use squall_core::message::{ClusterMetadata, Message, PartitionMetadata, Reply, Request, TopicMetadata};
use squall_core::probe::Probe;
use squall_core::refused::Refused;
use squall_core::time::{Span, Time};
use squall_core::timer::{ClientTimer, Timer};

use super::bench::{Bench, Packet, Said};

const ME: NodeId = NodeId(1);

/// What lives on the node.
pub trait Client: Clone {
    /// The first call of its life.
    fn start(&mut self, env: &mut Host<'_>);

    /// A reply arrived.
    fn on_reply(&mut self, from: NodeId, id: CorrelationId, reply: Reply, env: &mut Host<'_>);

    /// A timer rang.
    fn on_timer(&mut self, timer: ClientTimer, env: &mut Host<'_>);

    /// What scripts call a request.
    fn kind(request: &Request) -> &'static str;
}

/// The process on the node.
#[derive(Debug, Clone)]
pub struct Node<C>(C);

impl<C: Client> Process for Node<C> {
    type Message = Message;
    type Timer = Timer;
    type Probe = Probe;

    fn start(&mut self, env: &mut Host<'_>) {
        self.0.start(env);
    }

    fn step(&mut self, input: Input<Message, Timer>, env: &mut Host<'_>) {
        match input {
            Input::Deliver { from, message: Message::Reply { id, reply } } => {
                self.0.on_reply(from, id, reply, env);
            }
            Input::Expired { timer: Timer::Client(timer) } => self.0.on_timer(timer, env),
            other @ (Input::Deliver { .. } | Input::Expired { .. } | Input::Synced { .. }) => {
                panic!("nobody tells a client {other:?}")
            }
        }
    }
}

/// A client, once the script has started one, and what it asked and was not answered.
#[derive(Debug)]
pub struct Lone<C: Client> {
    bench: Option<Bench<Node<C>>>,
    open: Vec<Packet<Message>>,
    version: u64,
}

impl<C: Client> Default for Lone<C> {
    fn default() -> Self {
        Self { bench: None, open: Vec::new(), version: 0 }
    }
}

impl<C: Client> Lone<C> {
    /// Begins anew with this one.
    pub fn start(&mut self, client: C) {
        let mut bench = Bench::new(vec![Node(client)]);
        bench.start(ME);
        *self = Self { bench: Some(bench), open: Vec::new(), version: 0 };
    }

    fn bench(&mut self) -> &mut Bench<Node<C>> {
        self.bench.as_mut().expect("a client was started")
    }

    /// Does something with the client.
    pub fn with(&mut self, act: impl FnOnce(&mut C, &mut Host<'_>)) {
        self.bench().with(ME, |node, env| act(&mut node.0, env));
    }

    /// Everything that came out since the last call: requests with where they go, and facts, as lines.
    pub fn said(
        &mut self,
        request: impl Fn(&Request) -> Option<String>,
        fact: impl Fn(&Probe) -> Option<String>,
    ) -> String {
        let mut lines = String::new();
        for said in self.bench().take_said() {
            let line = match said {
                Said::Sent(packet) => {
                    let line = request(asked(&packet)).map(|text| format!("-> {} {text}", packet.to));
                    self.open.push(packet);
                    line
                }
                Said::Probe(_, probe) => fact(&probe),
            };
            lines.extend(line.map(|line| line + "\n"));
        }
        lines
    }

    /// The oldest request of a kind that was not answered.
    pub fn take(&mut self, kind: &str) -> Packet<Message> {
        let place = self.open.iter().position(|packet| C::kind(asked(packet)) == kind);
        self.open.remove(place.unwrap_or_else(|| panic!("no open request: {kind}")))
    }

    /// Answers a request.
    pub fn reply(&mut self, to: &Packet<Message>, reply: Reply) {
        let Message::Request { id, .. } = to.message else { panic!("{to:?}") };
        let (from, message) = (to.to, Message::Reply { id, reply });
        self.bench().with(ME, |node, env| node.step(Input::Deliver { from, message }, env));
    }

    /// Refuses the oldest request of a kind.
    pub fn refuse(&mut self, kind: &str, refused: Refused) {
        let packet = self.take(kind);
        let reply = asked(&packet).refuse(refused).expect("somebody listens");
        self.reply(&packet, reply);
    }

    /// Answers the oldest request for metadata: broker 11 leads all partitions of the one topic.
    pub fn metadata(&mut self, topic: &str, partitions: u64, epoch: LeaderEpoch) {
        let packet = self.take("metadata");
        self.version += 1;
        let partition = PartitionMetadata { leader: Some(BrokerId(11)), epoch };
        let partitions = vec![partition; partitions as usize];
        let topic = TopicMetadata { topic: TopicId(0), name: topic.into(), partitions };
        let metadata = ClusterMetadata { version: Offset(self.version), topics: vec![topic] };
        self.reply(&packet, Reply::Metadata(Ok(metadata)));
    }

    /// Time passes, and whatever is due by then happens.
    pub fn pass(&mut self, span: Span) {
        let mut now = Time::ZERO;
        self.with(|_, env| now = env.now());
        let end = now + span;
        while self.bench().next_deadline(ME).is_some_and(|deadline| deadline <= end) {
            self.bench().pass_time();
        }
        self.with(|_, env| now = env.now());
        self.bench().wait(ME, end.since(now));
    }
}

/// A client sends nothing but requests.
fn asked(packet: &Packet<Message>) -> &Request {
    let Message::Request { request, .. } = &packet.message else { panic!("{packet:?}") };
    request
}
