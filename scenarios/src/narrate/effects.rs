//! The words of applications that work in transactions.

use squall_core::client::transacted::{Outcome, TransactedProbe};
use squall_sim::narrate::{Kind, field};

use super::{Words, row, yes_or_no};
use crate::workload::names::text;

use field::{OFFSET, PARTITION};

const TRANSACTION: &str = "transaction";
const EFFECT: &str = "effect";

/// The kinds of facts.
pub(crate) const PROBES: &[Kind] = &[
    row("transaction begun", &[TRANSACTION], "an application begins a transaction"),
    row(
        "effect written",
        &[PARTITION, TRANSACTION, EFFECT, "of", "of offset"],
        "an application writes what it made of a record",
    ),
    row("effect placed", &[PARTITION, OFFSET, EFFECT], "it is in the log, whatever its transaction comes to"),
    row("end asked for", &[TRANSACTION, "commit"], "an application ends its transaction"),
    row("transaction ended", &[TRANSACTION, "outcome"], "an application knows how its transaction ended"),
    row("application fenced", &["refused"], "an application's producer is of no more use"),
    row("application rewound", &[PARTITION, OFFSET], "after an abort an application reads again from here"),
    row("effect read", &[PARTITION, OFFSET, EFFECT, "committed"], "a reader was handed an effect"),
];

pub(super) const fn kind(probe: &TransactedProbe) -> &'static str {
    match probe {
        TransactedProbe::Begun { .. } => "transaction begun",
        TransactedProbe::Effect { .. } => "effect written",
        TransactedProbe::Placed { .. } => "effect placed",
        TransactedProbe::Ending { .. } => "end asked for",
        TransactedProbe::Ended { .. } => "transaction ended",
        TransactedProbe::Fenced { .. } => "application fenced",
        TransactedProbe::Rewound { .. } => "application rewound",
        TransactedProbe::Read { .. } => "effect read",
    }
}

pub(super) const fn glyph(probe: &TransactedProbe) -> char {
    match probe {
        TransactedProbe::Begun { .. } => '(',
        TransactedProbe::Effect { .. } => '+',
        TransactedProbe::Placed { .. } => '✓',
        TransactedProbe::Ending { .. } => '?',
        TransactedProbe::Ended { .. } => ')',
        TransactedProbe::Fenced { .. } => '×',
        TransactedProbe::Rewound { .. } => '↺',
        TransactedProbe::Read { .. } => '<',
    }
}

pub(super) fn words(probe: &TransactedProbe) -> Words {
    match *probe {
        TransactedProbe::Begun { transaction } => Words::new().with(TRANSACTION, text(transaction)),
        TransactedProbe::Effect { transaction, effect, at, source } => Words::new()
            .maybe(PARTITION, at)
            .with(TRANSACTION, text(transaction))
            .with(EFFECT, text(effect))
            .with("of", source.0)
            .with("of offset", source.1),
        TransactedProbe::Placed { effect, at, offset } => {
            Words::of(at).maybe(OFFSET, offset).with(EFFECT, text(effect))
        }
        TransactedProbe::Ending { transaction, commit } => {
            Words::new().with(TRANSACTION, text(transaction)).with("commit", yes_or_no(commit))
        }
        TransactedProbe::Ended { transaction, outcome } => {
            let outcome = match outcome {
                Outcome::Committed => "committed",
                Outcome::Aborted => "aborted",
                Outcome::Undecided => "not known",
            };
            Words::new().with(TRANSACTION, text(transaction)).with("outcome", outcome)
        }
        TransactedProbe::Fenced { refused } => Words::new().with("refused", refused),
        TransactedProbe::Rewound { at, to } => Words::of(at).with(OFFSET, to),
        TransactedProbe::Read { at, offset, effect, committed } => Words::of(at)
            .with(OFFSET, offset)
            .maybe(EFFECT, effect.map(text))
            .with("committed", yes_or_no(committed)),
    }
}
