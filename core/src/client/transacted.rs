//! Facts about transactions as applications see them, who consume, transform and produce in each (KIP-447).
//!
//! Whoever embeds the clients reports them, as with `ClientProbe`. An effect is a record that was made of another
//! one; its name is in it, and no two have the same.

use crate::ids::{Offset, TopicPartition};
use crate::refused::Refused;

/// What an application did or saw in transactions.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TransactedProbe {
    /// A transaction was begun.
    Begun {
        /// Its name, unique in the run.
        transaction: u64,
    },
    /// A record was handed to the producer in a transaction.
    Effect {
        /// The transaction.
        transaction: u64,
        /// The record's name.
        effect: u64,
        /// Its partition, if that is known already.
        at: Option<TopicPartition>,
        /// Where the record lies that it was made of.
        source: (TopicPartition, Offset),
    },
    /// The record is in the log, for whatever its transaction comes to.
    Placed {
        /// Its name.
        effect: u64,
        /// Its partition.
        at: TopicPartition,
        /// Its offset; `None`: the broker only remembers that it has it.
        offset: Option<Offset>,
    },
    /// The application asked for an end.
    Ending {
        /// The transaction.
        transaction: u64,
        /// Whether it asked for a commit.
        commit: bool,
    },
    /// The application knows how it ended, or that it never will.
    Ended {
        /// The transaction.
        transaction: u64,
        /// How.
        outcome: Outcome,
    },
    /// The producer is of no more use: somebody else has its name, or took its transaction for dead.
    Fenced {
        /// The refusal that said so.
        refused: Refused,
    },
    /// After an abort the application reads on from where the transaction began.
    Rewound {
        /// The partition.
        at: TopicPartition,
        /// To here.
        to: Offset,
    },
    /// A reader of effects was handed one.
    Read {
        /// Its partition.
        at: TopicPartition,
        /// Its offset.
        offset: Offset,
        /// Its name; `None` if the value holds none.
        effect: Option<u64>,
        /// Whether the reader wants committed records only.
        committed: bool,
    },
}

/// How a transaction ended, as far as its application knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// All of it counts.
    Committed,
    /// Nothing of it does.
    Aborted,
    /// A commit was asked for, and nobody told what came of it.
    Undecided,
}
