//! One partition as the observer knows it: its replicas' logs, what is committed, who reigned when.

use std::collections::{BTreeMap, VecDeque};

use squall_core::ids::{
    BrokerEpoch, BrokerId, LeaderEpoch, Offset, PartitionEpoch, ProducerEpoch, ProducerId, Sequence,
    TopicPartition,
};

use crate::ghost::chronicle::{Breach, By, Chronicle, When};
use crate::ghost::compacted::Compacted;
use crate::ghost::shadow::{self, Batch, Shadow};
use crate::ghost::transactions::Transacted;

/// A replica's role, as it last reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// None, or its life ended.
    #[default]
    None,
    /// It follows in this reign.
    Follower(LeaderEpoch),
    /// It leads in this reign, which started at this offset.
    Leader(LeaderEpoch, Offset),
}

/// How the last life of a replica ended, as far as its disk goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Damage {
    /// The disk kept everything.
    #[default]
    None,
    /// Its process gave up over it: what it wrote or cut last may be done by half.
    Halted,
    /// Bytes on its disk are not what was written.
    Rotten,
    /// What was not synced may be lost.
    PowerLoss,
    /// Everything is lost.
    Wiped,
}

impl Damage {
    /// What happened, after "broker 1:".
    pub const fn words(self) -> &'static str {
        match self {
            Self::None => "its process was killed",
            Self::Halted => "its process gave up over its disk",
            Self::Rotten => "its disk had changed what was written",
            Self::PowerLoss => "its power was lost",
            Self::Wiped => "its disk was wiped",
        }
    }
}

/// One replica.
#[derive(Debug, Clone, Default)]
pub struct ReplicaGhost {
    /// Its log.
    pub log: Shadow,
    /// What was cut since the last sync: a power loss may bring it back.
    pub cut: Vec<Batch>,
    /// What was removed at the start of its log since the last sync, and since the one before: a sync that was
    /// under way does not cover a removal.
    pub removed: [Vec<Batch>; 2],
    /// From where on its disk had changed what was removed: it comes back as it was, changed.
    pub removed_rot: [Option<Offset>; 2],
    /// Everything before is durable.
    pub durable: Offset,
    /// Everything before is durable as far as its disk has told it.
    pub claimed: Offset,
    /// Its disk told it so and did nothing: since then nothing more is known to be durable, until the log is
    /// opened and written again.
    pub doubtful: bool,
    /// From this batch on its log is not what was written: its disk changed it.
    pub rotten: Option<Offset>,
    /// Its high watermark.
    pub high_watermark: Offset,
    /// Its role.
    pub role: Role,
    /// What happened to its disk since it was last opened.
    pub damage: Damage,
    /// How far its log is known to equal the committed log.
    pub agrees: Offset,
    /// Where its log ended when a fault last destroyed some of it: those copies were there all the same.
    pub destroyed: Offset,
    /// As a leader: the registration it works with, by leader epoch and partition epoch.
    pub adopted: Option<(LeaderEpoch, PartitionEpoch)>,
    /// As a leader: whom it counts as in sync, or has wished for since it adopted that registration.
    pub maximal: Vec<BrokerId>,
    /// When a fault last struck its disk.
    pub struck: When,
    /// Of each idempotent producer: epoch, last sequence, and where that batch ends.
    pub producers: BTreeMap<ProducerId, (ProducerEpoch, Sequence, Offset)>,
}

impl ReplicaGhost {
    /// The reign that it last took part in, in this life.
    pub const fn reign(&self) -> Option<LeaderEpoch> {
        match self.role {
            Role::Follower(epoch) | Role::Leader(epoch, _) => Some(epoch),
            Role::None => None,
        }
    }

    /// Its life ended.
    fn stopped(&mut self, damage: Damage, when: When) {
        self.role = Role::None;
        self.adopted = None;
        self.maximal.clear();
        self.damage = self.damage.max(damage);
        if damage != Damage::None {
            self.struck = when;
            self.destroyed = self.destroyed.max(self.log.end());
        }
        if damage == Damage::Wiped {
            self.log = Shadow::default();
            self.cut.clear();
            self.removed = Default::default();
            self.removed_rot = [None; 2];
            self.durable = Offset::ZERO;
            self.claimed = Offset::ZERO;
            self.doubtful = false;
            self.rotten = None;
            self.agrees = Offset::ZERO;
            self.high_watermark = Offset::ZERO;
            self.producers.clear();
        }
    }

    /// Its log starts at `start` from now on, by retention.
    pub fn advance_start(&mut self, start: Offset) {
        self.removed[0].extend(self.log.iter().take_while(|batch| batch.next <= start));
        self.note_removed_rot(start);
        self.log.advance_start(start);
    }

    /// Its log is dropped, to start again at `start`.
    pub fn reset(&mut self, start: Offset) {
        self.removed[0].extend(self.log.iter());
        self.note_removed_rot(self.log.end());
        self.log = Shadow::starting_at(start);
        self.cut.clear();
        // Not even where the log starts is durable.
        self.durable = Offset::ZERO;
        self.claimed = Offset::ZERO;
        self.rotten = None;
        self.producers.clear();
    }

    /// What lies before `end` is removed or replaced, with whatever its disk had changed there.
    pub fn note_removed_rot(&mut self, end: Offset) {
        let rot = self.rotten.filter(|&rotten| rotten < end);
        self.removed_rot[0] = self.removed_rot[0].min(rot).or(self.removed_rot[0]).or(rot);
    }

    /// Its log ends at `to` at most.
    pub fn cut_claims(&mut self, to: Offset) {
        self.durable = self.durable.min(to);
        self.claimed = self.claimed.min(to);
        self.agrees = self.agrees.min(to);
        self.high_watermark = self.high_watermark.min(to);
        self.rotten = self.rotten.filter(|&rotten| rotten < to);
    }

    /// A sync ended: everything before `end` is durable, and so is what was removed before it was asked for.
    pub fn synced(&mut self, end: Offset) {
        self.claimed = end;
        if self.doubtful {
            return;
        }
        self.durable = end;
        self.cut.clear();
        self.removed.swap(0, 1);
        self.removed[0].clear();
        self.removed_rot = [None, self.removed_rot[0]];
    }

    /// Whether what it removed or cut may be on its disk again.
    pub fn may_be_back(&self) -> bool {
        let gone = !self.cut.is_empty() || self.removed.iter().any(|removed| !removed.is_empty());
        gone && matches!(self.damage, Damage::Halted | Damage::PowerLoss)
    }

    /// The log is there again as such a range: what was cut or removed since the last sync may be back. Answers
    /// the log that was known until then.
    pub fn reopened(&mut self, range: (Offset, Offset), on_disk: &[Batch]) -> Shadow {
        self.agrees = Offset::ZERO;
        let gone = self.cut.iter().rev().chain(self.removed.iter().flatten().rev());
        let log = self.log.reopened(range, gone, on_disk);
        std::mem::replace(&mut self.log, log)
    }

    /// Rebuilds the producers from what the log holds now.
    pub fn refold_producers(&mut self) {
        self.producers.clear();
        for batch in self.log.iter() {
            fold_producer(&mut self.producers, batch);
        }
    }
}

/// Adds one batch to a table of producers.
pub fn fold_producer(producers: &mut BTreeMap<ProducerId, (ProducerEpoch, Sequence, Offset)>, batch: &Batch) {
    if let Some((id, epoch, base)) = batch.stamp {
        producers.insert(id, (epoch, base.plus(batch.count() as u32 - 1), batch.next));
    }
}

/// What was appended by the leader of one reign.
#[derive(Debug, Clone)]
pub struct Reign {
    /// Its epoch.
    pub epoch: LeaderEpoch,
    /// Who the controllers named.
    pub leader: BrokerId,
    /// What was written in it, by anybody, in order of offsets.
    pub written: VecDeque<Batch>,
    /// The least and the greatest high watermark that its leader showed.
    pub shown: Option<(Offset, Offset)>,
    /// When it was decided.
    pub since: When,
    /// After an unclean election: up to where its leader committed. There is no one truth any more.
    pub raised: Offset,
}

impl Reign {
    /// One that begins.
    pub const fn new(epoch: LeaderEpoch, leader: BrokerId, since: When) -> Self {
        Self { epoch, leader, written: VecDeque::new(), shown: None, since, raised: Offset::ZERO }
    }
}

/// One partition.
#[derive(Debug, Clone)]
pub struct PartitionGhost {
    /// Which.
    pub at: TopicPartition,
    /// By broker number.
    pub replicas: Vec<ReplicaGhost>,
    /// What leaders have shown to be committed; its end is the true high watermark.
    pub committed: Shadow,
    /// By epoch, ascending.
    pub reigns: Vec<Reign>,
    /// What leaders wished of the present registration: members, each with the registration it was vouched
    /// for in.
    pub wishes: Vec<(PartitionEpoch, Vec<(BrokerId, BrokerEpoch)>)>,
    /// An unclean election happened: what was committed before may be gone, with permission.
    pub unclean: bool,
    /// Whether faults may destroy more than the contract survives.
    pub beyond: bool,
    /// The event that is being folded.
    pub now: When,
    /// What became of copies that are gone.
    pub chronicle: Chronicle,
    /// What compaction left, where the topic asks for it.
    pub compacted: Option<Box<Compacted>>,
    /// What of it is transactional.
    pub transacted: Transacted,
}

impl PartitionGhost {
    /// A partition of which nothing is known.
    pub fn new(at: TopicPartition, brokers: usize) -> Self {
        Self {
            at,
            replicas: vec![ReplicaGhost::default(); brokers],
            committed: Shadow::default(),
            reigns: Vec::new(),
            wishes: Vec::new(),
            unclean: false,
            beyond: false,
            now: When::default(),
            chronicle: Chronicle::default(),
            compacted: None,
            transacted: Transacted::default(),
        }
    }

    /// The true high watermark.
    pub const fn true_end(&self) -> Offset {
        self.committed.end()
    }

    /// The reign of an epoch.
    pub fn reign(&mut self, epoch: LeaderEpoch) -> Option<&mut Reign> {
        // Almost always the newest.
        self.reigns.iter_mut().rev().find(|reign| reign.epoch == epoch)
    }

    /// The first offset that every replica keeps.
    pub fn first_kept(&self) -> Offset {
        self.replicas.iter().map(|replica| replica.log.start()).max().unwrap_or_default()
    }

    /// Brings a replica's agreement with the committed log up to date.
    pub fn refresh(&mut self, broker: BrokerId) -> Offset {
        let replica = &mut self.replicas[broker.0 as usize];
        if replica.agrees < self.committed.end() && replica.agrees < replica.log.end() {
            replica.agrees = replica.log.agrees_up_to(&self.committed, replica.agrees);
        }
        replica.agrees
    }

    /// A broker's process ended.
    pub fn stopped(&mut self, broker: BrokerId, damage: Damage, when: When) {
        let replica = &mut self.replicas[broker.0 as usize];
        if damage == Damage::Wiped {
            self.chronicle.lost((when, broker, By::Fault(damage)), replica.log.iter());
        }
        replica.stopped(damage, when);
        if damage == Damage::Wiped {
            self.relay(broker);
        }
    }

    /// What a replica keeps of a compacted partition is no more than its log has.
    pub fn relay(&mut self, broker: BrokerId) {
        if let Some(compacted) = &mut self.compacted {
            let log = &self.replicas[broker.0 as usize].log;
            compacted.cut(broker, log.start(), log.end());
        }
    }

    /// A follower cut its log at `to`.
    pub fn cut(&mut self, broker: BrokerId, to: Offset) {
        let replica = &mut self.replicas[broker.0 as usize];
        let by = replica.reign().map_or(By::Fault(replica.damage), By::Cut);
        let cut = replica.log.truncate(to);
        replica.cut.extend_from_slice(&cut);
        replica.cut_claims(to);
        replica.refold_producers();
        self.chronicle.lost((self.now, broker, by), &cut);
        self.relay(broker);
    }

    /// A follower dropped its log, to start again at `to`.
    pub fn dropped(&mut self, broker: BrokerId, to: Offset) {
        let replica = &mut self.replicas[broker.0 as usize];
        let by = replica.reign().map_or(By::Fault(replica.damage), By::Dropped);
        self.chronicle.lost((self.now, broker, by), replica.log.iter());
        replica.reset(to);
        // What lies before its start it need not hold: the leader has deleted it too.
        replica.agrees = to.min(self.committed.end());
        replica.high_watermark = to;
        self.relay(broker);
    }

    /// A leader was elected that may lack what is committed.
    pub fn breached(&mut self, epoch: LeaderEpoch, leader: BrokerId) {
        self.unclean = true;
        self.chronicle.breaches.push(Breach { when: self.now, epoch, leader });
    }

    /// Every batch that was ever written at `offset`, by anybody, in order of epochs.
    pub fn written(&self, offset: Offset) -> impl Iterator<Item = &Batch> {
        self.reigns.iter().filter_map(move |reign| {
            let batch = reign.written.get(shadow::place(&reign.written, offset))?;
            (batch.base <= offset).then_some(batch)
        })
    }

    /// Forgets what no replica keeps any more.
    pub fn prune(&mut self) {
        let kept = self.replicas.iter().filter(|replica| replica.log.end() > Offset::ZERO);
        let Some(start) = kept.map(|replica| replica.log.start()).min() else { return };
        self.committed.advance_start(start.min(self.committed.end()));
        self.chronicle.prune(start);
        self.prune_compacted(start);
        for reign in &mut self.reigns {
            while reign.written.front().is_some_and(|batch| batch.next <= start) {
                reign.written.pop_front();
            }
        }
    }
}
