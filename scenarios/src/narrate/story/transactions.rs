//! What happened to transactions: how their coordinator decided, what was marked where, what applications knew.

use squall_sim::narrate::field::{EPOCH, LOG_END, OFFSET, PARTITION};

use super::Words;

/// The kinds that a sentence is made of.
pub(super) const KINDS: &[&str] = &[
    "transactions loading",
    "transaction restored",
    "transactions unloaded",
    "transactional producer started",
    "transaction changed",
    "transaction timed out",
    "producer fenced",
    "transactional id expired",
    "transactional batch appended",
    "marker appended",
    "transaction begun",
    "effect placed",
    "end asked for",
    "transaction ended",
    "application fenced",
    "application rewound",
    "effect read",
];

pub(super) fn sentence(words: &Words<'_>) -> Option<String> {
    match words.fact.kind {
        "transactional batch appended" | "marker appended" => replica(words),
        "transaction begun"
        | "effect placed"
        | "end asked for"
        | "transaction ended"
        | "application fenced"
        | "application rewound"
        | "effect read" => application(words),
        _ => coordinator(words),
    }
}

fn coordinator(words: &Words<'_>) -> Option<String> {
    let Words { fact, who } = words;
    let at = words.get(PARTITION);
    let whose = || format!("{}, {}", words.get("transactional id"), producer(words));
    Some(match fact.kind {
        "transactions loading" => format!(
            "{who} is to coordinate the transactions of {at}, epoch {}, and reads it up to {}",
            words.get(EPOCH),
            words.get(LOG_END)
        ),
        "transaction restored" => format!("{who} reads that {} is {}", whose(), words.get("to")),
        "transactions unloaded" => format!("{who} coordinates the transactions of {at} no longer"),
        "transactional producer started" => {
            format!("{who} has {} produce under {}", words.get("transactional id"), producer(words))
        }
        "transaction changed" => {
            format!(
                "{who} has it committed that {} is {}, not {}",
                whose(),
                words.get("to"),
                words.get("from")
            )
        }
        "transaction timed out" => format!("{who} finds that the transaction of {} takes too long", whose()),
        "producer fenced" => format!("{who} refuses {}: its reign is over", whose()),
        "transactional id expired" => {
            format!("{who} forgets {}, which nobody used", words.get("transactional id"))
        }
        _ => return None,
    })
}

fn replica(words: &Words<'_>) -> Option<String> {
    let Words { fact, who } = words;
    let (at, offset) = (words.get(PARTITION), words.get(OFFSET));
    Some(match fact.kind {
        "transactional batch appended" => {
            format!("on {who} offset {offset} of {at} is of an open transaction of {}", producer(words))
        }
        "marker appended" => format!(
            "on {who} offset {offset} of {at} is the marker that ends the transaction of {} with {}",
            producer(words),
            words.get("ending")
        ),
        _ => return None,
    })
}

fn application(words: &Words<'_>) -> Option<String> {
    let Words { fact, who } = words;
    let (at, offset) = (words.get(PARTITION), words.get(OFFSET));
    let (transaction, effect) = (words.get("transaction"), words.get("effect"));
    Some(match fact.kind {
        "transaction begun" => format!("{who} begins transaction {transaction}"),
        "effect placed" => match fact.field(OFFSET) {
            Some(offset) => format!("{who} is told that effect {effect} is at offset {offset} of {at}"),
            None => format!("{who} is told that effect {effect} is in {at}"),
        },
        "end asked for" if words.is("commit") => format!("{who} asks to commit transaction {transaction}"),
        "end asked for" => format!("{who} asks to abort transaction {transaction}"),
        "transaction ended" => match words.get("outcome") {
            "not known" => format!("{who} never learns how transaction {transaction} ended"),
            outcome => format!("{who} is told that transaction {transaction} is {outcome}"),
        },
        "application fenced" => format!("{who} is fenced: {}", words.get("refused")),
        "application rewound" => format!("{who} reads {at} again from {offset}, after an abort"),
        "effect read" => {
            let how = if words.is("committed") { "as committed" } else { "whatever becomes of it" };
            format!("{who} reads effect {effect} at offset {offset} of {at}, {how}")
        }
        _ => return None,
    })
}

fn producer(words: &Words<'_>) -> String {
    format!("producer id {}, epoch {}", words.get("producer id"), words.get("producer epoch"))
}
