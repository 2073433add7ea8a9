//! What happened to the records of a share group: who had which, what was said of it, what became of it.

use squall_sim::narrate::field::{EPOCH, LOG_END, OFFSET, PARTITION};

use super::Words;

/// The kinds that a sentence is made of.
pub(super) const KINDS: &[&str] = &[
    "shares loading",
    "share restored",
    "shares unloaded",
    "record acquired",
    "delivery settled",
    "lock renewed",
    "record buried",
    "record put back",
    "record received",
    "acknowledgement sent",
    "acknowledgement answered",
    "letter read",
    "letter returned",
];

pub(super) fn sentence(words: &Words<'_>) -> Option<String> {
    match words.fact.kind {
        "record received"
        | "acknowledgement sent"
        | "acknowledgement answered"
        | "letter read"
        | "letter returned" => client(words),
        _ => leader(words),
    }
}

fn leader(words: &Words<'_>) -> Option<String> {
    let Words { fact, who } = words;
    let (group, at) = (words.get("group"), words.get(PARTITION));
    let delivery = || format!("delivery {} of offset {} of {at}", words.get("turn"), words.get(OFFSET));
    Some(match fact.kind {
        "shares loading" => format!(
            "{who} is to keep the state of share groups in {at}, epoch {}, and reads it up to {}",
            words.get(EPOCH),
            words.get(LOG_END)
        ),
        "share restored" => format!("{who} reads how far {group} is with {at}: up to {}", words.get(OFFSET)),
        "shares unloaded" => format!("{who} keeps the state of share groups in {at} no longer"),
        "record acquired" => format!("{who} locks {} for {} of {group}", delivery(), words.get("member")),
        "delivery settled" => {
            format!("{who} ends {}: {}, it is {}", delivery(), words.get("how"), words.get("then"))
        }
        "lock renewed" => format!("{who} gives {} more time", delivery()),
        "record buried" => format!("{who} sets {} aside: its letter is written", delivery()),
        "record put back" => format!("{who} puts {} back to be worked again", delivery()),
        _ => return None,
    })
}

fn client(words: &Words<'_>) -> Option<String> {
    let Words { fact, who } = words;
    let delivery =
        format!("delivery {} of offset {} of {}", words.get("turn"), words.get(OFFSET), words.get(PARTITION));
    let verdict = words.get("verdict");
    Some(match fact.kind {
        "record received" => format!("{who} works at {delivery}"),
        "acknowledgement sent" => format!("{who} says {verdict} of {delivery}"),
        "acknowledgement answered" => match words.get("result") {
            "taken" => format!("{who} is told that its {verdict} of {delivery} is taken"),
            "unknown" => format!("{who} never learns whether its {verdict} of {delivery} was taken"),
            refused => format!("{who} is refused its {verdict} of {delivery}: {refused}"),
        },
        "letter read" => format!("{who} reads the letter about {delivery}"),
        "letter returned" => format!("{who} is told that {delivery} is put back"),
        _ => return None,
    })
}
