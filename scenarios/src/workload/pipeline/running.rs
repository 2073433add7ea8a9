//! One life of a pipeline: a group member that reads, and a producer whose transactions hold what it wrote and how
//! far it has read.

use bytes::Bytes;
use squall_core::client::transacted::{Outcome, TransactedProbe};
use squall_core::client::{
    Consumed, Headers, Member, MemberConfig, MemberEvent, Producer, ProducerConfig, Stage, Standing, Start,
    Ticket, TransactionEvent,
};
use squall_core::group::message::{CommittedOffset, GroupReply};
use squall_core::group::probe::GroupProbe;
use squall_core::host::Host;
use squall_core::ids::{CorrelationId, Generation, MemberId, NodeId, Offset, TopicPartition};
use squall_core::message::Reply;
use squall_core::probe::{ClientProbe, Probe};
use squall_core::time::Span;
use squall_core::timer::ClientTimer;

use super::{LINGER, Pace, WORK};
use crate::workload::EFFECTS;
use crate::workload::names::Names;
use crate::workload::sender::{name_in, value};

/// Why a life ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It left, as it was asked to.
    Left,
    /// Its producer was fenced, or its group threw it out for good.
    Over,
}

/// What is in the transaction that is open.
#[derive(Debug, Clone, Default)]
struct Open {
    name: u64,
    /// Where it began to read, by partition.
    from: Vec<(TopicPartition, Offset)>,
    /// How far it has read.
    upto: Vec<(TopicPartition, CommittedOffset)>,
    records: u32,
    /// As whom it committed that.
    member: Option<MemberId>,
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Running {
    pub(super) member: Member,
    pub(super) producer: Producer,
    pace: Pace,
    names: Names,
    open: Option<Open>,
    /// What it is working at, and as whom it was given that.
    busy: Option<(Consumed, (MemberId, Generation))>,
    /// Effects whose place is not known, by the producer's tickets.
    unplaced: Vec<(Ticket, u64)>,
    /// The next end is an abort.
    pub(super) aborts: bool,
    /// It will leave, once its transaction has ended.
    pub(super) leaves: bool,
    /// Partitions are to be given up, once its transaction has ended.
    revoked: bool,
    /// The transaction has waited long enough for more.
    lingered: bool,
    over: bool,
}

impl Running {
    pub(super) fn new(
        member: &MemberConfig,
        producer: &ProducerConfig,
        pace: Pace,
        env: &mut Host<'_>,
    ) -> Self {
        let producer =
            Producer::new(producer.clone()).expect("plans make transactional producers idempotent");
        Self {
            member: Member::new(member.clone()),
            producer,
            pace,
            names: Names::of_this_life(env),
            open: None,
            busy: None,
            unplaced: Vec::new(),
            aborts: false,
            leaves: false,
            revoked: false,
            lingered: false,
            over: false,
        }
    }

    pub(super) fn start(&mut self, env: &mut Host<'_>) {
        self.producer.start(env);
        self.member.start(env);
    }

    pub(super) fn on_reply(&mut self, from: NodeId, id: CorrelationId, reply: Reply, env: &mut Host<'_>) {
        match &reply {
            Reply::InitProducerId(_)
            | Reply::Produce { .. }
            | Reply::Transaction(_)
            | Reply::Group(GroupReply::TxnOffsetCommit(_)) => self.producer.on_reply(from, id, reply, env),
            // Either may have asked. One that it did not ask for has no effect on the other.
            Reply::Metadata(_) | Reply::Group(GroupReply::FindCoordinator(_)) => {
                self.producer.on_reply(from, id, reply.clone(), env);
                self.member.on_reply(from, id, reply, env);
            }
            Reply::RegisterBroker(_)
            | Reply::Heartbeat(_)
            | Reply::FetchMetadata(_)
            | Reply::AlterPartition { .. }
            | Reply::CreateTopic(_)
            | Reply::AllocateProducerIds(_)
            | Reply::ElectLeader(_)
            | Reply::Fetch { .. }
            | Reply::EpochEnd { .. }
            | Reply::ListOffsets { .. }
            | Reply::Share(_)
            | Reply::Group(_) => self.member.on_reply(from, id, reply, env),
        }
    }

    pub(super) fn on_timer(&mut self, timer: ClientTimer, env: &mut Host<'_>) {
        match timer {
            ClientTimer::Metadata | ClientTimer::Group => self.member.on_timer(timer, env),
            ClientTimer::ProducerId
            | ClientTimer::Delivery
            | ClientTimer::Transaction
            | ClientTimer::ProducerMetadata => self.producer.on_timer(timer, env),
            // They read one topic and write another, so only one of them knows the partition.
            ClientTimer::Partition(_) => {
                self.producer.on_timer(timer, env);
                self.member.on_timer(timer, env);
            }
        }
    }

    pub(super) const fn lingered(&mut self) {
        self.lingered = true;
    }

    /// Listens, ends what is to be ended, and takes record after record until one takes time.
    pub(super) fn go_on(&mut self, dawdles: bool, env: &mut Host<'_>) -> Option<End> {
        loop {
            self.listen(env);
            if self.over {
                return Some(End::Over);
            }
            if dawdles || self.busy.is_some() {
                return None;
            }
            match self.producer.stage() {
                Some(Stage::Ready | Stage::Open) => {}
                Some(Stage::Failed) => {
                    self.abort(env);
                    continue;
                }
                Some(Stage::Starting | Stage::Committing | Stage::Aborting | Stage::Over) | None => {
                    return None;
                }
            }
            if self.open.is_some() && (self.leaves || self.revoked || self.is_full()) {
                self.end(env);
                continue;
            }
            if self.open.is_none() {
                if std::mem::take(&mut self.revoked) {
                    self.member.proceed(env);
                    continue;
                }
                if self.leaves {
                    self.member.close(env);
                    if self.member.standing() == Standing::Gone {
                        return Some(End::Left);
                    }
                }
            }
            match self.member.poll(env) {
                Some(record) => self.take(record, env),
                None if !self.listen(env) => return None,
                None => {}
            }
        }
    }

    fn is_full(&self) -> bool {
        self.lingered || self.open.as_ref().is_some_and(|open| open.records >= self.pace.records)
    }

    fn take(&mut self, record: Consumed, env: &mut Host<'_>) {
        let Some(owner) = self.member.owner() else { return };
        env.probe(Probe::Client(ClientProbe::Consumed {
            at: record.at,
            offset: record.offset,
            epoch: record.epoch,
            record: record.value.as_deref().and_then(name_in),
        }));
        let open = match &mut self.open {
            Some(open) => open,
            None => {
                self.producer.begin();
                let open = Open { name: self.names.next(), ..Open::default() };
                env.probe(Probe::Transacted(TransactedProbe::Begun { transaction: open.name }));
                env.set_timer(LINGER, self.pace.linger);
                self.lingered = false;
                self.open.insert(open)
            }
        };
        if open.from.iter().all(|(at, _)| *at != record.at) {
            open.from.push((record.at, record.offset));
        }
        self.busy = Some((record, owner));
        if self.pace.takes == Span::ZERO {
            self.finish(env);
        } else {
            env.set_timer(WORK, self.pace.takes);
        }
    }

    /// A record is transformed. If the transaction ended meanwhile, it will be read again.
    pub(super) fn finish(&mut self, env: &mut Host<'_>) {
        let Some((record, (member, generation))) = self.busy.take() else { return };
        let Some(open) = self.open.as_mut().filter(|_| self.producer.stage() == Some(Stage::Open)) else {
            return;
        };
        let source = record.value.as_deref().and_then(name_in);
        env.probe(Probe::Group(GroupProbe::Processed {
            group: self.member.group().clone(),
            member,
            generation,
            at: record.at,
            offset: record.offset,
            epoch: record.epoch,
            record: source,
        }));
        let effect = self.names.next();
        let bytes: Bytes = value(effect, record.value.as_ref().map_or(0, Bytes::len) as u32);
        let ticket = self.producer.send(EFFECTS, record.key, Some(bytes), Headers::new(), env);
        self.unplaced.push((ticket, effect));
        env.probe(Probe::Transacted(TransactedProbe::Effect {
            transaction: open.name,
            effect,
            at: self.producer.last_place(),
            source: (record.at, record.offset),
        }));
        let upto = CommittedOffset {
            offset: record.offset.plus(1),
            leader_epoch: Some(record.epoch),
            metadata: "".into(),
        };
        match open.upto.iter_mut().find(|(at, _)| *at == record.at) {
            Some((_, known)) => *known = upto,
            None => open.upto.push((record.at, upto)),
        }
        open.records += 1;
    }

    /// Commits, or aborts on purpose.
    fn end(&mut self, env: &mut Host<'_>) {
        let Some(open) = &mut self.open else { return };
        let Some(group) = self.member.metadata().filter(|_| !std::mem::take(&mut self.aborts)) else {
            return self.abort(env);
        };
        open.member = Some(group.member.0);
        env.probe(Probe::Transacted(TransactedProbe::Ending { transaction: open.name, commit: true }));
        self.producer.send_offsets(open.upto.clone(), group, env);
        self.producer.commit(env);
    }

    fn abort(&mut self, env: &mut Host<'_>) {
        if let Some(open) = &self.open {
            env.probe(Probe::Transacted(TransactedProbe::Ending { transaction: open.name, commit: false }));
        }
        self.producer.abort(env);
    }

    /// Hears what became of partitions, records and transactions; answers whether there was anything.
    fn listen(&mut self, env: &mut Host<'_>) -> bool {
        let mut heard = false;
        while let Some(delivery) = self.producer.poll() {
            let place = self.unplaced.iter().position(|(ticket, _)| *ticket == delivery.ticket);
            let effect = place.map(|place| self.unplaced.remove(place).1);
            if let (Some(effect), Ok((at, offset))) = (effect, delivery.outcome) {
                env.probe(Probe::Transacted(TransactedProbe::Placed { effect, at, offset }));
            }
        }
        while let Some(event) = self.producer.poll_transaction() {
            heard = true;
            match event {
                TransactionEvent::Committed => self.committed(env),
                TransactionEvent::Aborted => self.aborted(env),
                // The stage says so too, and the abort follows.
                TransactionEvent::Failed(_) => {}
                TransactionEvent::Over { refused, undecided } => {
                    env.probe(Probe::Transacted(TransactedProbe::Fenced { refused }));
                    let outcome = if undecided { Outcome::Undecided } else { Outcome::Aborted };
                    self.ended(outcome, env);
                    self.over = true;
                }
            }
        }
        while let Some(event) = self.member.poll_event() {
            heard = true;
            match event {
                MemberEvent::Revoked(_) => self.revoked = true,
                // Somebody else has begun where this transaction did.
                MemberEvent::Lost(_) => {
                    self.busy = None;
                    if self.producer.stage() == Some(Stage::Open) {
                        self.abort(env);
                    }
                }
                MemberEvent::Failed(_) => self.over = true,
                // It commits nothing itself, and is told the rest by its position.
                MemberEvent::Committed(_)
                | MemberEvent::CommitFailed { .. }
                | MemberEvent::Assigned(_)
                | MemberEvent::NoOffset(_)
                | MemberEvent::Position(_) => {}
            }
        }
        heard
    }

    fn ended(&mut self, outcome: Outcome, env: &mut Host<'_>) -> Option<Open> {
        let open = self.open.take()?;
        self.lingered = false;
        env.probe(Probe::Transacted(TransactedProbe::Ended { transaction: open.name, outcome }));
        Some(open)
    }

    fn committed(&mut self, env: &mut Host<'_>) {
        let Some(open) = self.ended(Outcome::Committed, env) else { return };
        let Some(member) = open.member else { return };
        for (at, committed) in open.upto {
            let group = self.member.group().clone();
            let offset = committed.offset;
            env.probe(Probe::Group(GroupProbe::Acknowledged { group, member, at, offset }));
        }
    }

    /// Reads again what it read in the transaction, as far as it is still this member's.
    fn aborted(&mut self, env: &mut Host<'_>) {
        let Some(open) = self.ended(Outcome::Aborted, env) else { return };
        for (at, to) in open.from {
            if self.member.owned().contains(&at) {
                self.member.seek(at, Start::At(to), env);
                env.probe(Probe::Transacted(TransactedProbe::Rewound { at, to }));
            }
        }
    }
}
