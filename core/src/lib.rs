//! The system under test: a broker in Kafka's manner, as pure state machines.
//!
//! Everything here is driven through one window, [`mod@env`]: inputs come in, requests go out, and nothing in
//! this crate has a clock, a socket, a file, a thread, a random source or a hash-ordered collection of its
//! own. The rooms, from the ground up:
//!
//! | room | holds |
//! |---|---|
//! | [`mod@env`], [`host`], [`ids`], [`time`], [`refused`] | the window, the newtypes, Kafka's error names |
//! | [`record`] | record batches in Kafka's v2 layout |
//! | [`log`] | segments, indexes, epoch cache, producer table, recovery |
//! | [`quorum`] | the controllers' consensus, over [`log`] |
//! | [`metadata`] | what the controllers decided: records and the image they fold into |
//! | [`controller`] | the active controller: registration, fencing, elections, ISR changes |
//! | [`partition`] | one replica of one partition: leader and follower |
//! | [`broker`] | the partitions of one broker and its life with the controller |
//! | [`client`] | producer and consumer |
//! | [`coordinator`] | what coordinators of groups, of transactions and of share-partitions have in common |
//! | [`group`] | consumer groups: the coordinators that live on offsets partitions |
//! | [`transaction`] | transactions: the coordinators that live on partitions of `__transaction_state` |
//! | [`share`] | share groups: records acquired, acknowledged and given up one by one |
//! | [`message`], [`timer`], [`probe`], [`host`] | the closed vocabularies that cross the window |
//! | [`quirk`] | known historical mistakes, off unless switched on |
//! | [`testing`] | an in-memory world for tests |

pub mod broker;
pub mod client;
pub mod controller;
pub mod coordinator;
pub mod env;
pub mod group;
pub mod host;
pub mod ids;
pub mod log;
pub mod message;
pub mod metadata;
pub mod partition;
pub mod probe;
pub mod quirk;
pub mod quorum;
pub mod record;
pub mod refused;
pub mod share;
pub mod testing;
pub mod time;
pub mod timer;
pub mod transaction;
