//! Producer, consumer and group member, as state machines on a node of their own.
//!
//! Holds: the [`Producer`], the [`Consumer`] the [`Member`] of a consumer group and the worker of a share group ([`ShareConsumer`]), how they find leaders (`discovery`, `cluster_view`), and
//! where a record goes (`partitioner`), and how a group's members divide partitions ([`assign`]). Whoever embeds a client hands it its replies and timers, and
//! reports what the application saw (`Sent`, `Delivered`, `Undelivered`, `Consumed`).
//! Nothing of a client is durable: a restarted one is a new one, with a new producer id.
//! Deliberately absent: compression; a list of brokers other than the bootstrap list.

mod alarm;
pub mod assign;
mod backoff;
mod cluster_view;
mod consumer;
mod discovery;
mod member;
mod murmur2;
mod partitioner;
mod producer;
mod requests;
mod slot;
#[cfg(test)]
mod testing;
pub mod transacted;
mod worker;

pub use consumer::{Assignment, Consumed, Consumer, ConsumerConfig, Event, Reset, Start};
pub use member::{Member, MemberConfig, MemberEvent, Standing};
pub use murmur2::murmur2;
pub use partitioner::partition_of;
pub use producer::{
    BadConfig, Delivery, GroupMetadata, Headers, MAX_IN_FLIGHT, Producer, ProducerConfig, SendError, Stage,
    Ticket, TransactionEvent, TransactionalConfig,
};
pub use worker::{Answered, Desk, DeskEvent, Job, ShareConsumer, WorkerConfig};
