//! Share groups after KIP-932: a queue on top of a partition, acknowledged record by record.
//!
//! Holds: what workers, people and leaders of share-partitions say to each other, and a broker's share-partitions:
//! a [`Reign`] for each partition of `__share_group_state` that the broker leads. A share-partition is what one
//! group does with one partition: which record is whose until when, which failed how often, which is dead. It
//! lives in the state partition that its name is hashed onto, and is the newest record of it there; whoever is
//! elected next knows it too.
//! One input's way: `on_request` finds the reign, the handler beside this file changes a share-partition and leaves
//! what follows, and `on_partition`, after every input, serves who waits and writes what changed; answers wait
//! for the high watermark. A record is a worker's only once that is committed, so there is one holder at a time
//! over fail-overs too, and no delivery goes uncounted (Kafka keeps neither).
//! Competing workers hold locks, which run out; who accepts, releases, rejects or gives up a record is told so. A
//! record that was delivered as often as it may be, or was rejected, is dead: its letter is in the dead-letter
//! topic, and a person may put it back. A pace bounds how many are delivered in a span of time.
//! Deliberately absent: membership and assignment (every worker asks for every partition), share sessions,
//! isolation levels; records themselves, which workers read where they lie.
//!
//! | file | holds |
//! |---|---|
//! | `config` | settings; which state partition a share-partition belongs to says [`crate::coordinator::place`] |
//! | `record` | the state partition's records as bytes |
//! | `reign`, `load` | a leader: its writes, how it begins |
//! | `state` | a share-partition |
//! | `fetch`, `acknowledge`, `people` | what workers ask, what people ask |
//! | `look` | how far a partition is committed |
//! | `expire` | deadlines |
//! | `letters` | the dead-letter topic |

mod acknowledge;
pub mod config;
mod expire;
mod fetch;
mod letters;
mod load;
mod look;
pub mod message;
mod people;
pub mod probe;
pub mod record;
mod reign;
mod state;

use crate::coordinator::place::Home;
use crate::coordinator::reigns::Reigns;
use crate::env::DiskFault;
use crate::host::Host;
use crate::ids::{CorrelationId, NodeId, Offset, TopicPartition};
use crate::message::Reply;
use crate::metadata::Image;
use crate::partition::{Asker, Context, Partition};
use crate::quirk::Quirks;
use crate::refused::Refused;
use crate::share::config::{STATE_TOPIC, ShareConfig};
use crate::share::message::ShareRequest;
use crate::share::probe::SharePartition;
use crate::timer::{ClientTimer, ShareTimer};

pub use letters::read_letter;
pub use reign::Reign;
pub use state::Share;

/// A broker's share-partitions.
#[derive(Debug, Clone)]
pub struct Shares {
    config: ShareConfig,
    quirks: Quirks,
    /// The state topic.
    pub(crate) home: Home,
    reigns: Reigns<Reign>,
    letters: letters::Letters,
}

impl Shares {
    /// No share-partition yet.
    pub fn new(config: ShareConfig, quirks: Quirks) -> Self {
        let letters = letters::Letters::new(config.dead_letters.clone());
        Self { home: Home::named(STATE_TOPIC), reigns: Reigns::new(config.load), letters, config, quirks }
    }

    /// Whoever leads, or has led, share-partitions here.
    pub fn reigns(&self) -> impl Iterator<Item = &Reign> {
        self.reigns.iter()
    }

    /// Where a share-partition's state is; `None` while there is no topic for it.
    pub(crate) fn place(&self, of: &SharePartition, image: &Image) -> Option<TopicPartition> {
        self.home.place(&of.key(), image)
    }

    /// A request about a share-partition whose state is on `partition`.
    pub(crate) fn on_request(
        &mut self,
        asker: Asker,
        request: ShareRequest,
        partition: &Partition,
        env: &mut Host<'_>,
    ) {
        match self.reigns.serving(partition) {
            Err(refused) => asker.answer(Reply::Share(request.refuse(refused)), env),
            Ok(reign) => handle(reign, asker, request, env),
        }
    }

    /// Something may have happened to `partition`, or to what lives on it.
    pub(crate) fn on_partition(
        &mut self,
        partition: &mut Partition,
        ctx: &mut Context<'_>,
        env: &mut Host<'_>,
    ) -> Result<(), DiskFault> {
        let at = partition.at();
        let ended =
            self.reigns.follow(partition, |tenure, _| Reign::new(tenure, &self.config, self.quirks), env);
        if let Some(ended) = ended {
            self.letters.forget((at, ended));
        }
        let Some(reign) = self.reigns.current(at).filter(|_| partition.is_exposed()) else { return Ok(()) };
        let sender = (at, reign.tenure.epoch);
        while let Some(delivery) = self.letters.written(sender) {
            reign.bury(delivery, env);
        }
        let committed = partition.high_watermark();
        load::finish(reign, committed, env);
        reign.on_committed(committed, env);
        if reign.stirred {
            fetch::serve(reign, ctx, env);
        }
        reign.write(partition, ctx, env)?;
        // Where nobody else has to have it, it is committed already.
        reign.on_committed(partition.high_watermark(), env);
        for delivery in std::mem::take(&mut reign.letters) {
            self.letters.send(sender, delivery, env);
        }
        Ok(())
    }

    /// One of the timers of `partition`'s share-partitions ran out.
    pub(crate) fn on_timer(
        &mut self,
        timer: ShareTimer,
        partition: &Partition,
        env: &mut Host<'_>,
    ) -> Result<(), DiskFault> {
        if timer == ShareTimer::Unload {
            self.reigns.clear_away(partition.at(), env);
            return Ok(());
        }
        let Some(reign) = self.reigns.current(partition.at()) else { return Ok(()) };
        match timer {
            ShareTimer::Load => load::step(reign, partition, env),
            ShareTimer::Deadline | ShareTimer::Unload => {
                expire::on_deadline(reign, env);
                Ok(())
            }
        }
    }

    /// The leader of some partition says how far it is committed.
    pub(crate) fn on_looked(&mut self, id: CorrelationId, result: Result<Offset, Refused>) {
        // Whoever asked is served after this input.
        for reign in self.reigns.iter_mut() {
            if look::on_reply(reign, id, result) {
                return;
            }
        }
    }

    /// A reply that may belong to a letter.
    pub(crate) fn on_client_reply(
        &mut self,
        from: NodeId,
        id: CorrelationId,
        reply: Reply,
        env: &mut Host<'_>,
    ) {
        self.letters.on_reply(from, id, reply, env);
    }

    /// A timer that belongs to a letter.
    pub(crate) fn on_client_timer(&mut self, timer: ClientTimer, env: &mut Host<'_>) {
        self.letters.on_timer(timer, env);
    }
}

/// Routing only.
fn handle(reign: &mut Reign, asker: Asker, request: ShareRequest, env: &mut Host<'_>) {
    match request {
        ShareRequest::Fetch(request) => fetch::on_request(reign, asker, request, env),
        ShareRequest::Acknowledge(request) => acknowledge::on_request(reign, asker, request, env),
        ShareRequest::PutBack(request) => people::on_put_back(reign, asker, request, env),
        ShareRequest::ListStuck { group, at } => people::on_list(reign, asker, (group, at), env),
    }
}
