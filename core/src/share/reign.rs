//! The leader of the share-partitions of one state partition, for as long as this broker leads it.
//!
//! Holds the share-partitions and the writes that are under way. A handler changes a share-partition and leaves
//! what follows ([`Then`]); after the step the reign appends the changed ones as they are now, and does what was
//! to follow once that is committed. While too few replicas are in sync nothing is appended, and the change waits
//! with whoever asked for it: nobody is told of anything that may still vanish.

use std::collections::{BTreeMap, VecDeque};

use crate::coordinator::reigns::Reigning;
use crate::coordinator::{Tenure, Timers};
use crate::env::DiskFault;
use crate::host::Host;
use crate::ids::{MemberId, Offset, TopicPartition};
use crate::message::Reply;
use crate::partition::{Asker, Context, Partition};
use crate::probe::Probe;
use crate::quirk::{Quirk, Quirks};
use crate::record::BatchBuilder;
use crate::refused::Refused;
use crate::share::config::ShareConfig;
use crate::share::message::{Acquired, ShareReply, Stuck};
use crate::share::probe::{Afterwards, Delivery, Ending, SharePartition, ShareProbe};
use crate::share::record::{self, StoredShare};
use crate::share::state::Share;
use crate::time::Time;
use crate::timer::{ShareTimer, Timer};

/// A reign over the share-partitions of one state partition.
#[derive(Debug, Clone)]
pub struct Reign {
    /// Where, since when, and how far it has come.
    pub tenure: Tenure,
    pub(super) config: ShareConfig,
    pub(super) quirks: Quirks,
    pub(super) shares: BTreeMap<SharePartition, Share>,
    /// What has been read, while it is.
    pub(super) read: BTreeMap<SharePartition, StoredShare>,
    /// Letters to be written, whose records are given up for good.
    pub(super) letters: Vec<Delivery>,
    /// Something happened that a waiting fetch may be glad of.
    pub(super) stirred: bool,
    /// What is to be written or is being replicated, oldest first.
    writes: VecDeque<Write>,
}

/// A change of a share-partition, and what follows.
#[derive(Debug, Clone)]
struct Write {
    of: SharePartition,
    /// One past its record; `None`: it is not appended yet.
    next: Option<Offset>,
    then: Then,
    deadline: Time,
}

/// What is done once a change is committed.
#[derive(Debug, Clone)]
pub(super) struct Then {
    /// Who waits for it, if anybody does still.
    pub(super) asker: Option<Asker>,
    pub(super) what: What,
}

/// What is told once a change is committed.
#[derive(Debug, Clone)]
pub(super) enum What {
    /// Records are a worker's.
    Acquired { of: SharePartition, member: MemberId, acquired: Vec<Acquired> },
    /// A delivery is over.
    Settled { delivery: Delivery, how: Ending, then: Afterwards },
    /// An acknowledgement came again.
    Again,
    /// A letter is where it belongs.
    Buried { delivery: Delivery },
    /// A dead record is alive.
    PutBack { delivery: Delivery },
    /// Somebody looked when the change was under way.
    Listed { stuck: Vec<Stuck> },
}

impl What {
    fn refuse(&self, refused: Refused) -> ShareReply {
        match self {
            Self::Acquired { .. } => ShareReply::Fetch(Err(refused)),
            Self::Settled { .. } | Self::Again => ShareReply::Acknowledge(Err(refused)),
            Self::Buried { .. } | Self::PutBack { .. } => ShareReply::PutBack(Err(refused)),
            Self::Listed { .. } => ShareReply::ListStuck(Err(refused)),
        }
    }
}

impl Reign {
    pub(super) fn new(tenure: Tenure, config: &ShareConfig, quirks: Quirks) -> Self {
        Self {
            tenure,
            config: config.clone(),
            quirks,
            shares: BTreeMap::new(),
            read: BTreeMap::new(),
            letters: Vec::new(),
            stirred: false,
            writes: VecDeque::new(),
        }
    }

    /// The share-partitions, by group and partition.
    pub fn shares(&self) -> impl Iterator<Item = (&SharePartition, &Share)> {
        self.shares.iter()
    }

    /// A share-partition as it is to be stored.
    pub fn stored(&self, of: &SharePartition) -> Option<StoredShare> {
        self.shares.get(of).map(Share::stored)
    }

    /// Whether all that it has of a share-partition is committed, and whoever waited for that was told.
    pub fn is_settled(&self, of: &SharePartition) -> bool {
        self.writes.iter().all(|write| write.of != *of)
    }

    /// Whether all that it has is in its log, committed or not.
    pub fn is_written(&self) -> bool {
        self.writes.iter().all(|write| write.next.is_some())
    }

    pub(super) fn probe(probe: ShareProbe, env: &mut Host<'_>) {
        env.probe(Probe::Share(probe));
    }

    /// A share-partition has changed: that is to be written, and then this follows.
    pub(super) fn change(&mut self, of: &SharePartition, then: Then, env: &mut Host<'_>) {
        let deadline = env.now() + self.config.write_timeout;
        self.writes.push_back(Write { of: of.clone(), next: None, then, deadline });
        self.tenure.wake_by(deadline, env);
    }

    /// Something follows once all that is under way is committed; at once if nothing is.
    pub(super) fn after_all(&mut self, of: &SharePartition, then: Then, env: &mut Host<'_>) {
        match self.writes.back().map(|write| write.next) {
            None => self.follow_up(then, env),
            Some(next) => {
                let deadline = env.now() + self.config.write_timeout;
                self.writes.push_back(Write { of: of.clone(), next, then, deadline });
            }
        }
    }

    /// Appends what the step changed: each share-partition once, as it is now.
    pub(super) fn write(
        &mut self,
        partition: &mut Partition,
        ctx: &mut Context<'_>,
        env: &mut Host<'_>,
    ) -> Result<(), DiskFault> {
        let appended = self.writes.iter().take_while(|write| write.next.is_some()).count();
        if appended == self.writes.len() {
            return Ok(());
        }
        let mut changed: Vec<&SharePartition> =
            self.writes.iter().skip(appended).map(|write| &write.of).collect();
        changed.sort_unstable();
        changed.dedup();
        let (mut builder, time) = (BatchBuilder::new(), env.wall().as_millis());
        for of in changed {
            // Whoever looked at what is not there changes nothing.
            let Some(share) = self.shares.get(of) else { continue };
            let (key, value) = record::encode(of, &share.stored());
            builder.add(Some(&key), Some(&value), &[], time);
        }
        // Refused while too few are in sync. Then it stays to be written, and the next step tries again.
        if let Ok(next) = partition.append_own(&builder.build(), ctx, env)? {
            self.writes.iter_mut().skip(appended).for_each(|write| write.next = Some(next));
        }
        Ok(())
    }

    /// Everything before `end` is committed.
    pub(super) fn on_committed(&mut self, end: Offset, env: &mut Host<'_>) {
        while self.writes.front().is_some_and(|write| write.next.is_some_and(|next| next <= end)) {
            let Some(write) = self.writes.pop_front() else { return };
            self.follow_up(write.then, env);
        }
    }

    /// Whoever has waited for too long is told so. What was to be written may still become committed.
    pub(super) fn on_write_deadlines(&mut self, now: Time, env: &mut Host<'_>) {
        let mut next: Option<Time> = None;
        for write in &mut self.writes {
            if write.deadline > now {
                next = Some(next.map_or(write.deadline, |next| next.min(write.deadline)));
            } else if let Some(asker) = write.then.asker.take() {
                let reply = write.then.what.refuse(Refused::CoordinatorNotAvailable);
                asker.answer(Reply::Share(reply), env);
            }
        }
        if self.writes.iter().any(|write| write.next.is_none()) {
            // Nothing else may call for the next attempt.
            let retry = now + self.config.look_every;
            next = Some(next.map_or(retry, |next| next.min(retry)));
        }
        if let Some(deadline) = next {
            self.tenure.wake_by(deadline, env);
        }
    }

    /// A change is committed.
    fn follow_up(&mut self, then: Then, env: &mut Host<'_>) {
        let Then { asker, what } = then;
        let reply = match what {
            What::Acquired { of, member, acquired } => {
                self.acquired(&of, member, &acquired, env);
                ShareReply::Fetch(Ok(acquired))
            }
            What::Settled { delivery, how, then } => {
                self.settled(delivery, how, then, env);
                ShareReply::Acknowledge(Ok(()))
            }
            What::Again => ShareReply::Acknowledge(Ok(())),
            What::Buried { delivery } => {
                Self::probe(ShareProbe::Buried { delivery, epoch: self.tenure.epoch }, env);
                ShareReply::PutBack(Ok(()))
            }
            What::PutBack { delivery } => {
                Self::probe(ShareProbe::PutBack { delivery, epoch: self.tenure.epoch }, env);
                ShareReply::PutBack(Ok(()))
            }
            What::Listed { stuck } => ShareReply::ListStuck(Ok(stuck)),
        };
        if let Some(asker) = asker {
            asker.answer(Reply::Share(reply), env);
        }
    }

    fn acquired(&mut self, of: &SharePartition, member: MemberId, acquired: &[Acquired], env: &mut Host<'_>) {
        let now = env.now();
        if let Some(share) = self.shares.get_mut(of) {
            share.handed_out(acquired.len() as u32, &self.config, now);
            self.stirred = true;
        }
        for &Acquired { offset, turn, count, .. } in acquired {
            let delivery = Delivery { of: of.clone(), offset, turn };
            Self::probe(
                ShareProbe::Acquired { delivery, epoch: self.tenure.epoch, member, count, at: now },
                env,
            );
        }
    }

    fn settled(&mut self, delivery: Delivery, how: Ending, then: Afterwards, env: &mut Host<'_>) {
        if then == Afterwards::Archiving {
            self.give_up(delivery.clone(), env);
        }
        Self::probe(ShareProbe::Settled { delivery, epoch: self.tenure.epoch, how, then }, env);
    }

    /// A record is given up for good: its letter is written, or it is set aside at once where there is no topic.
    pub(super) fn give_up(&mut self, delivery: Delivery, env: &mut Host<'_>) {
        if self.config.dead_letters.is_none() || self.quirks.has(Quirk::PoisonParksSilently) {
            self.bury(delivery, env);
        } else {
            self.letters.push(delivery);
        }
    }

    /// The letter of a record is where it belongs.
    pub(super) fn bury(&mut self, delivery: Delivery, env: &mut Host<'_>) {
        let Some(share) = self.shares.get_mut(&delivery.of) else { return };
        if share.bury(delivery.offset, delivery.turn) {
            let of = delivery.of.clone();
            self.change(&of, Then { asker: None, what: What::Buried { delivery } }, env);
            self.stirred = true;
        }
    }
}

impl Reigning for Reign {
    fn timers(at: TopicPartition) -> Timers {
        let on = |timer| Timer::Share(at, timer);
        Timers {
            load: on(ShareTimer::Load),
            deadline: on(ShareTimer::Deadline),
            unload: on(ShareTimer::Unload),
            others: Vec::new(),
        }
    }

    fn tenure(&self) -> &Tenure {
        &self.tenure
    }

    fn tenure_mut(&mut self) -> &mut Tenure {
        &mut self.tenure
    }

    fn announce(&self, end: Offset, env: &mut Host<'_>) {
        let (at, epoch) = (self.tenure.at, self.tenure.epoch);
        Self::probe(ShareProbe::Loading { at, epoch, end }, env);
    }

    fn dismiss(self, env: &mut Host<'_>) {
        let (at, epoch) = (self.tenure.at, self.tenure.epoch);
        Self::probe(ShareProbe::Unloaded { at, epoch }, env);
        for write in self.writes {
            if let Some(asker) = write.then.asker {
                asker.answer(Reply::Share(write.then.what.refuse(Refused::NotCoordinator)), env);
            }
        }
        for waiting in self.shares.into_values().flat_map(|share| share.waits) {
            waiting.asker.answer(Reply::Share(ShareReply::Fetch(Err(Refused::NotCoordinator))), env);
        }
    }
}
