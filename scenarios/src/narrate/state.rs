//! A node's state at a moment: what it is, what it leads, how far its logs go.
//!
//! What follows a `partition` is about that partition, up to the next one.

use squall_core::broker::Broker;
use squall_core::client::{Stage, Standing};
use squall_core::controller::Controller;
use squall_core::ids::{TopicId, TopicPartition};
use squall_core::partition::Partition;
use squall_core::quorum::Role;
use squall_sim::narrate::{Fields, field};

use super::{Words, acks, list, nobody_or, yes_or_no};
use crate::cluster::Member;
use crate::workload::{Admin, EffectsReader, IdTaker, Person, Pipeline, Reader, Sender, ShareWorker, Worker};

use field::{EPOCH, HIGH_WATERMARK, ISR, LEADER, LOG_END, LOG_START, OFFSET, PARTITION};

/// A node's state.
pub(crate) fn fields(member: &Member) -> Fields {
    match member {
        Member::Broker(broker) => of_broker(broker),
        Member::Controller(controller) => of_controller(controller),
        Member::Admin(admin) => of_admin(admin),
        Member::Sender(sender) => of_sender(sender),
        Member::Reader(reader) => of_reader(reader),
        Member::IdTaker(taker) => of_taker(taker),
        Member::Worker(worker) => of_worker(worker),
        Member::Pipeline(pipeline) => of_pipeline(pipeline),
        Member::EffectsReader(reader) => of_effects_reader(reader),
        Member::ShareWorker(worker) => of_share_worker(worker),
        Member::Person(person) => of_person(person),
    }
    .0
}

fn of_broker(broker: &Broker) -> Words {
    let life = match broker.epoch() {
        _ if broker.is_halted() => "halted",
        Some(_) => "registered",
        None => "registering",
    };
    let words = Words::new()
        .with("life", life)
        .maybe("broker epoch", broker.epoch())
        .with("metadata end", broker.image().end);
    broker.partitions().fold(words, of_partition)
}

fn of_partition(words: Words, replica: &Partition) -> Words {
    let role = match replica.following() {
        _ if replica.is_leader() => "leader",
        Some(_) => "follower",
        None => "idle",
    };
    words
        .with(PARTITION, replica.at())
        .with("role", role)
        .maybe(LEADER, replica.following())
        .with(EPOCH, replica.epoch())
        .with(LOG_START, replica.log().log_start())
        .with(HIGH_WATERMARK, replica.high_watermark())
        .with(LOG_END, replica.log().log_end())
        .with("durable", replica.log().durable_end())
        .maybe(ISR, replica.isr().map(|isr| list(&isr.agreed)))
}

fn of_controller(controller: &Controller) -> Words {
    let quorum = controller.quorum();
    if controller.is_halted() {
        // Its disk may have failed it before it had a log.
        return Words::new().with("role", "halted").with(EPOCH, quorum.epoch());
    }
    let role = match quorum.role() {
        Role::Unattached => "unattached",
        Role::Follower { .. } => "follower",
        Role::Prospective { .. } => "prospective",
        Role::Candidate { .. } => "candidate",
        Role::Leader(_) => "leader",
    };
    Words::new()
        .with("role", role)
        .with(EPOCH, quorum.epoch())
        .with(LEADER, nobody_or(quorum.leader()))
        .with("vote", nobody_or(quorum.voted()))
        .with(LOG_START, quorum.start_offset())
        .with(HIGH_WATERMARK, quorum.commit())
        .with(LOG_END, quorum.log().log_end())
        .with("durable", quorum.durable_end())
        .with("active", yes_or_no(controller.is_active()))
}

fn of_admin(admin: &Admin) -> Words {
    Words::new().with("done", yes_or_no(admin.is_done()))
}

fn of_sender(sender: &Sender) -> Words {
    let (sent, of) = sender.progress();
    let kind = sender.kind();
    Words::new()
        .with("acks", acks(kind.acks))
        .with("idempotent", yes_or_no(kind.idempotent))
        .with("sent", format!("{sent} of {of}"))
        .with("open", sender.open())
}

fn of_reader(reader: &Reader) -> Words {
    // A cluster's one topic has the first number.
    (0..reader.partitions()).fold(Words::new(), |words, partition| {
        let at = TopicPartition { topic: TopicId(0), partition };
        words.with(PARTITION, at).maybe(OFFSET, reader.position(at))
    })
}

fn of_taker(taker: &IdTaker) -> Words {
    let (asked, of) = taker.progress();
    Words::new().with("wanted", format!("{asked} of {of}")).with("open", taker.open())
}

fn of_worker(worker: &Worker) -> Words {
    let words = Words::new().with("group", worker.group());
    let Some(member) = worker.member() else { return words.with("standing", "out") };
    let standing = match member.standing() {
        Standing::Out => "out",
        Standing::Rebalancing => "rebalancing",
        Standing::Stable => "stable",
        Standing::Gone => "gone",
    };
    let identity = member.identity();
    let words = words
        .with("standing", standing)
        .maybe("member", identity.map(|(member, _)| member))
        .maybe("generation", identity.map(|(_, generation)| generation));
    let place =
        |words: Words, &at: &TopicPartition| words.with(PARTITION, at).maybe(OFFSET, member.position(at));
    member.owned().iter().fold(words, place)
}

fn of_pipeline(pipeline: &Pipeline) -> Words {
    let stage = match pipeline.stage() {
        None => "out",
        Some(Stage::Starting) => "starting",
        Some(Stage::Ready) => "none",
        Some(Stage::Open) => "open",
        Some(Stage::Committing) => "committing",
        Some(Stage::Failed) => "failed",
        Some(Stage::Aborting) => "aborting",
        Some(Stage::Over) => "over",
    };
    let words = Words::new().with("group", pipeline.group()).with("transaction", stage);
    let place =
        |words: Words, &at: &TopicPartition| words.with(PARTITION, at).maybe(OFFSET, pipeline.position(at));
    pipeline.owned().iter().fold(words, place)
}

fn of_effects_reader(reader: &EffectsReader) -> Words {
    let words =
        Words::new().with("isolation", if reader.is_committed() { "committed" } else { "uncommitted" });
    reader.partitions().fold(words, |words, at| words.with(PARTITION, at).maybe(OFFSET, reader.position(at)))
}

fn of_share_worker(worker: &ShareWorker) -> Words {
    Words::new().with("group", worker.group()).with("idle", yes_or_no(worker.is_idle()))
}

fn of_person(person: &Person) -> Words {
    Words::new().with("idle", yes_or_no(person.is_idle()))
}
