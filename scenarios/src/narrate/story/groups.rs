//! What happened to a group: who coordinated it, who was in it, who owned what, what was committed.

use squall_sim::narrate::field::{EPOCH, LEADER, LOG_END, OFFSET, PARTITION};

use super::Words;

/// The kinds that a sentence is made of.
pub(super) const KINDS: &[&str] = &[
    "groups loading",
    "group restored",
    "groups unloaded",
    "member joined",
    "rebalance begun",
    "group rebalanced",
    "partitions assigned",
    "static member replaced",
    "member fenced",
    "member left",
    "commit taken",
    "offset committed",
    "offset expired",
    "group removed",
    "ownership changed",
    "member resumed",
    "commit acknowledged",
];

pub(super) fn sentence(words: &Words<'_>) -> Option<String> {
    match words.fact.kind {
        "groups loading" | "group restored" | "groups unloaded" | "group removed" => coordinator(words),
        "commit taken" | "offset committed" | "offset expired" | "commit acknowledged" => commit(words),
        "ownership changed" | "member resumed" => member(words),
        _ => membership(words),
    }
}

/// What a coordinator knows, and since when.
fn coordinator(words: &Words<'_>) -> Option<String> {
    let Words { fact, who } = words;
    let (group, at) = (words.get("group"), words.get(PARTITION));
    Some(match fact.kind {
        "groups loading" => format!(
            "{who} is to coordinate the groups of {at}, epoch {}, and reads it up to {}",
            words.get(EPOCH),
            words.get(LOG_END)
        ),
        "group restored" => format!(
            "{who} reads that {group} is in generation {}, with {}",
            words.get("generation"),
            words.get("members")
        ),
        "groups unloaded" => format!("{who} coordinates the groups of {at} no longer"),
        "group removed" => format!("{who} forgets {group}, which is empty"),
        _ => return None,
    })
}

/// Who is in a generation.
fn membership(words: &Words<'_>) -> Option<String> {
    let Words { fact, who } = words;
    let (group, member) = (words.get("group"), words.get("member"));
    let generation = words.get("generation");
    Some(match fact.kind {
        "member joined" => format!("{who} takes {member} into {group}"),
        "rebalance begun" => {
            format!("{who} ends generation {generation} of {group}: everybody is to join anew")
        }
        "group rebalanced" => format!(
            "{who} begins generation {generation} of {group} with {}; {} assigns",
            words.get("members"),
            words.get(LEADER)
        ),
        "partitions assigned" => {
            format!("{who} gives out what generation {generation} of {group} owns: {}", words.get("assigned"))
        }
        "static member replaced" => format!(
            "{who} lets {member} take the place of {} in {group}: both are {}",
            words.get("old"),
            words.get("instance")
        ),
        "member fenced" => {
            format!("{who} refuses {member} of {group}: another life of {} goes on", words.get("instance"))
        }
        "member left" => format!("{who} lets {member} go from {group}: {}", words.get("why")),
        _ => return None,
    })
}

/// What a group has done.
fn commit(words: &Words<'_>) -> Option<String> {
    let Words { fact, who } = words;
    let (group, at, offset) = (words.get("group"), words.get(PARTITION), words.get(OFFSET));
    Some(match fact.kind {
        "commit taken" => match fact.field("member") {
            Some(member) => format!(
                "{who} takes a commit of {at} up to {offset} from {member}, of generation {} of {group}",
                words.get("generation")
            ),
            None => format!("{who} takes a commit of {at} up to {offset} for {group}, of no member"),
        },
        "offset committed" => format!("{who} has it committed that {group} is done with {at} up to {offset}"),
        "offset expired" => format!("{who} forgets that {group} was done with {at} up to {offset}"),
        "commit acknowledged" => format!("{who} is told that {at} is committed up to {offset}"),
        _ => return None,
    })
}

/// What a member has.
fn member(words: &Words<'_>) -> Option<String> {
    let Words { fact, who } = words;
    let (group, generation) = (words.get("group"), words.get("generation"));
    Some(match fact.kind {
        "ownership changed" if words.get("partitions") == "[]" => format!("{who} owns nothing of {group}"),
        "ownership changed" => {
            format!("{who} owns {} in generation {generation} of {group}", words.get("partitions"))
        }
        "member resumed" => match fact.field(OFFSET) {
            Some(offset) => format!("{who} reads {} on from {offset}", words.get(PARTITION)),
            None => format!("{who} is told that nothing is committed in {}", words.get(PARTITION)),
        },
        _ => return None,
    })
}
