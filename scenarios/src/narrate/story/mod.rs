//! The story of a failure, in the cluster's words: who led, what was acknowledged where, which cut removed it.
//!
//! Facts go in, sentences come out, for those facts that a story needs. Of the metadata log, what is decided
//! is told once, by whoever applied it first; members of groups are called by the process that they are. Deliberately
//! absent: which facts matter. That is known already.

mod groups;
mod shares;
mod transactions;

use std::collections::{BTreeMap, BTreeSet};

use squall_sim::narrate::field::{
    EPOCH, HIGH_WATERMARK, ISR, LEADER, LOG_END, LOG_START, OFFSET, PARTITION, RECORD,
};
use squall_sim::recording::{Fact, Lane};

/// A sentence for each fact that is worth one, with the fact's place.
pub(crate) fn sentences(facts: &[Fact], lanes: &[Lane]) -> Vec<(usize, String)> {
    let mut teller = Teller {
        lanes,
        // Among brokers' facts the controllers' own are too many.
        about_quorum: facts.iter().all(|fact| fact.field(PARTITION).is_none()),
        ends: BTreeMap::new(),
        applied: BTreeSet::new(),
        members: members(facts, lanes),
    };
    let tell = |(place, fact)| Some((place, teller.tell(fact)?));
    facts.iter().enumerate().filter_map(tell).collect()
}

/// Which process each member is: what it says of itself has its id, and a fact of a broker has nothing else.
fn members(facts: &[Fact], lanes: &[Lane]) -> Vec<(String, String)> {
    let mut members: Vec<(String, String)> = Vec::new();
    for fact in facts {
        let Some(lane) = lanes.get(fact.node as usize).filter(|lane| lane.client) else { continue };
        let Some(id) = fact.field("member").filter(|id| id.parse::<u64>().is_ok()) else { continue };
        if members.iter().all(|(known, _)| known != id) {
            members.push((id.to_owned(), lane.name.clone()));
        }
    }
    members
}

struct Teller<'a> {
    lanes: &'a [Lane],
    about_quorum: bool,
    /// Where each node's log of each partition ends, as far as it was told.
    ends: BTreeMap<(u32, String), String>,
    /// The metadata records that were told.
    applied: BTreeSet<String>,
    /// The ids of members, and whose they are.
    members: Vec<(String, String)>,
}

impl Teller<'_> {
    /// Kinds are names, and there will be more of them: one that no sentence is made of is passed over. That a name which
    /// stands here is one that is reported, a test sees to.
    fn tell(&mut self, fact: &Fact) -> Option<String> {
        let words = Words { fact, who: self.lanes.get(fact.node as usize)?.name.as_str() };
        let told = match fact.kind {
            "metadata applied" => self.decided(&words),
            "controller elected"
            | "controller resigned"
            | "broker started"
            | "broker registered"
            | "broker halted"
            | "controller halted" => life(&words),
            "election started" | "vote granted" | "vote persisted" | "entries truncated"
            | "snapshot installed" | "quorum recovered" | "entries committed" => {
                self.about_quorum.then(|| quorum(&words)).flatten()
            }
            "log truncated" | "log reset" | "log recovered" => self.shorter(&words),
            "record delivered" | "record undelivered" | "record consumed" | "reader repositioned" => {
                client(&words)
            }
            kind if groups::KINDS.contains(&kind) => self.named(groups::sentence(&words)),
            kind if transactions::KINDS.contains(&kind) => transactions::sentence(&words),
            kind if shares::KINDS.contains(&kind) => self.named(shares::sentence(&words)),
            _ => replica(&words),
        };
        if let (Some(partition), Some(end)) = (fact.field(PARTITION), fact.field(LOG_END)) {
            self.ends.insert((fact.node, partition.to_owned()), end.to_owned());
        }
        told
    }

    /// With the names of processes instead of the ids of members.
    fn named(&self, sentence: Option<String>) -> Option<String> {
        let told = |text: String, (id, name): &(String, String)| match text.contains(id.as_str()) {
            true => text.replace(id, name),
            false => text,
        };
        sentence.map(|text| self.members.iter().fold(text, told))
    }

    /// What the controllers decided.
    fn decided(&mut self, words: &Words<'_>) -> Option<String> {
        if !self.applied.insert(words.get(OFFSET).to_owned()) {
            return None;
        }
        Some(match words.get("change") {
            "partition changed" => {
                let (at, epoch, isr) = (words.get(PARTITION), words.get(EPOCH), words.get(ISR));
                match words.get(LEADER) {
                    "nobody" => {
                        format!("the controllers leave {at} without a leader, epoch {epoch}, ISR {isr}")
                    }
                    leader => format!(
                        "the controllers have broker {leader} lead {at} in epoch {epoch}, with ISR {isr}"
                    ),
                }
            }
            "broker fenced" => format!("the controllers fence broker {}", words.get("broker")),
            "broker unfenced" => format!("the controllers unfence broker {}", words.get("broker")),
            _ => return None,
        })
    }

    /// A log that has less than before, or may have.
    fn shorter(&self, words: &Words<'_>) -> Option<String> {
        let Words { fact, who } = words;
        let (at, end) = (words.get(PARTITION), words.get(LOG_END));
        let before = self.ends.get(&(fact.node, at.to_owned()));
        let from = before.map(|before| format!(" from {before}")).unwrap_or_default();
        match fact.kind {
            "log truncated" => Some(format!("{who} cuts its log of {at}{from} to {end}")),
            "log reset" => {
                let ended = before.map(|before| format!(", which ended at {before},")).unwrap_or_default();
                Some(format!("{who} drops its log of {at}{ended} to begin again at {end}"))
            }
            // A first life begins with nothing, which is no news.
            _ if before.is_none() && words.get(LOG_START) == end => None,
            _ => {
                let before = before.map(|before| format!(", where it was at {before}")).unwrap_or_default();
                Some(format!("{who} opens its log of {at} and finds it up to {end}{before}"))
            }
        }
    }
}

/// A fact and whose it is.
struct Words<'a> {
    fact: &'a Fact,
    who: &'a str,
}

impl Words<'_> {
    /// A field; nothing is said of what is not there.
    fn get(&self, name: &str) -> &str {
        self.fact.field(name).unwrap_or("?")
    }

    fn is(&self, name: &str) -> bool {
        self.fact.field(name) == Some("yes")
    }
}

/// Offsets from a first to the one before `next`.
fn offsets(first: &str, next: &str) -> String {
    let last = next.parse::<u64>().ok().and_then(|next| next.checked_sub(1)).map(|last| last.to_string());
    match last {
        Some(last) if last != first => format!("offsets {first} to {last}"),
        Some(_) | None => format!("offset {first}"),
    }
}

fn replica(words: &Words<'_>) -> Option<String> {
    let Words { fact, who } = words;
    let at = words.get(PARTITION);
    let epoch = words.get(EPOCH);
    Some(match fact.kind {
        "leader elected" => {
            format!("{who} leads {at} in epoch {epoch}, with a log up to {}", words.get(LOG_END))
        }
        "leader followed" if words.get(LEADER) == "nobody" => return None,
        "leader followed" => format!("{who} follows broker {} in {at}, epoch {epoch}", words.get(LEADER)),
        "records appended" => {
            let offsets = offsets(words.get(OFFSET), words.get(LOG_END));
            let how = if words.is("as leader") { "writes" } else { "copies" };
            format!("{who} {how} {offsets} of {at}, epoch {epoch}")
        }
        "high watermark moved" if words.is("as leader") => {
            format!("{who} takes {at} for committed up to {}", words.get(HIGH_WATERMARK))
        }
        "isr proposed" => format!("{who} asks for ISR {} of {at}", words.get(ISR)),
        "isr adopted" => format!("{who} works with ISR {} of {at}", words.get(ISR)),
        "record acknowledged" => {
            let offsets = offsets(words.get(OFFSET), words.get("next offset"));
            format!("{who} acknowledges {offsets} of {at} (acks={})", words.get("acks"))
        }
        "duplicate absorbed" => format!(
            "{who} absorbs a duplicate in {at} from producer id {}, sequence {}",
            words.get("producer id"),
            words.get("sequence")
        ),
        "damage found" => format!("{who} finds a damaged batch at offset {} of {at}", words.get(OFFSET)),
        "log start moved" => format!("{who} deletes what is before offset {} of {at}", words.get(LOG_START)),
        _ => return None,
    })
}

fn client(words: &Words<'_>) -> Option<String> {
    let Words { fact, who } = words;
    let record = words.get(RECORD);
    Some(match fact.kind {
        "record delivered" => match fact.field(OFFSET) {
            Some(offset) => {
                format!(
                    "{who} is told that record {record} is at offset {offset} of {}",
                    words.get(PARTITION)
                )
            }
            None => format!("{who} takes record {record} for written, without being told where"),
        },
        "record undelivered" => format!("{who} gives up on record {record}"),
        "record consumed" => {
            format!("{who} reads record {record} at offset {} of {}", words.get(OFFSET), words.get(PARTITION))
        }
        "reader repositioned" => format!(
            "{who} goes on at offset {} of {} instead of {}",
            words.get(OFFSET),
            words.get(PARTITION),
            words.get("from offset")
        ),
        _ => return None,
    })
}

/// What a process as a whole went through.
fn life(words: &Words<'_>) -> Option<String> {
    let Words { fact, who } = words;
    Some(match fact.kind {
        "controller elected" => format!("{who} is elected to lead the quorum in epoch {}", words.get(EPOCH)),
        "controller resigned" => format!("{who} leads the quorum no longer"),
        "broker started" if words.is("intact") => format!("{who} starts and vouches for its logs"),
        "broker started" => format!("{who} starts and does not vouch for its logs"),
        "broker registered" => format!("{who} is registered with broker epoch {}", words.get("broker epoch")),
        _ => format!("{who} halts: its disk fails it"),
    })
}

fn quorum(words: &Words<'_>) -> Option<String> {
    let Words { fact, who } = words;
    let epoch = words.get(EPOCH);
    Some(match fact.kind {
        "election started" => format!("{who} stands for election in epoch {epoch}"),
        "vote granted" => format!("{who} gives its vote in epoch {epoch} to node {}", words.get("vote")),
        "vote persisted" => match words.get("vote") {
            "nobody" => format!("epoch {epoch} is durable on {who}, with no vote in it"),
            vote => format!("the vote of {who} in epoch {epoch} for node {vote} is durable"),
        },
        "quorum recovered" => format!("{who} comes back in epoch {epoch}, with vote {}", words.get("vote")),
        "entries truncated" => format!("{who} cuts its metadata log to {}", words.get(LOG_END)),
        "snapshot installed" => format!("{who} installs a snapshot up to {}", words.get(OFFSET)),
        "entries committed" if words.is("decided here") => {
            format!("{who} commits the metadata log up to {}", words.get(HIGH_WATERMARK))
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn fact(node: u32, kind: &'static str, fields: &[(&'static str, &str)]) -> Fact {
        let fields = fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Fact { at_ns: 0, event: 1, node, kind, fields }
    }

    fn lanes() -> Vec<Lane> {
        let names = ["broker 0", "broker 1", "broker 2", "controller 3", "producer 5"];
        let lane = |name: &str| Lane { name: name.to_owned(), kind: String::new(), client: false };
        names.map(lane).to_vec()
    }

    #[test]
    fn a_story_says_who_led_what_was_acknowledged_and_which_cut_removed_it() {
        let decided = [
            (OFFSET, "7"),
            ("change", "partition changed"),
            (PARTITION, "0-1"),
            (LEADER, "2"),
            (EPOCH, "4"),
            (ISR, "[0, 2]"),
        ];
        let facts = [
            fact(3, "metadata applied", &decided),
            fact(2, "metadata applied", &decided),
            fact(2, "leader elected", &[(PARTITION, "0-1"), (EPOCH, "4"), (LOG_END, "12")]),
            fact(
                2,
                "records appended",
                &[(PARTITION, "0-1"), (OFFSET, "12"), (LOG_END, "14"), (EPOCH, "4"), ("as leader", "yes")],
            ),
            fact(
                0,
                "records appended",
                &[(PARTITION, "0-1"), (OFFSET, "12"), (LOG_END, "14"), (EPOCH, "4"), ("as leader", "no")],
            ),
            fact(
                0,
                "high watermark moved",
                &[(PARTITION, "0-1"), (HIGH_WATERMARK, "12"), ("as leader", "no")],
            ),
            fact(
                2,
                "record acknowledged",
                &[(PARTITION, "0-1"), (OFFSET, "12"), ("next offset", "14"), ("acks", "all")],
            ),
            fact(4, "record delivered", &[(RECORD, "5#0"), (PARTITION, "0-1"), (OFFSET, "12")]),
            fact(0, "log truncated", &[(PARTITION, "0-1"), (LOG_END, "12")]),
            fact(0, "log reset", &[(PARTITION, "0-1"), (LOG_START, "0"), (LOG_END, "0")]),
            fact(1, "vote granted", &[(EPOCH, "1"), ("vote", "3")]),
        ];
        let lines: Vec<String> = sentences(&facts, &lanes()).into_iter().map(|(_, line)| line).collect();
        expect![[r#"
            the controllers have broker 2 lead 0-1 in epoch 4, with ISR [0, 2]
            broker 2 leads 0-1 in epoch 4, with a log up to 12
            broker 2 writes offsets 12 to 13 of 0-1, epoch 4
            broker 0 copies offsets 12 to 13 of 0-1, epoch 4
            broker 2 acknowledges offsets 12 to 13 of 0-1 (acks=all)
            producer 5 is told that record 5#0 is at offset 12 of 0-1
            broker 0 cuts its log of 0-1 from 14 to 12
            broker 0 drops its log of 0-1, which ended at 12, to begin again at 0"#]]
        .assert_eq(&lines.join("\n"));
    }

    #[test]
    fn a_story_of_a_group_calls_members_by_their_process() {
        let (one, two) = ("550297731223280949", "13339225966806608604");
        let mut lanes = lanes();
        for name in ["worker 5 of billing", "worker 6 of billing"] {
            lanes.push(Lane { name: name.to_owned(), kind: String::new(), client: true });
        }
        let group = ("group", "billing");
        let facts = [
            fact(0, "member joined", &[group, ("member", one)]),
            fact(
                0,
                "group rebalanced",
                &[group, ("generation", "2"), (LEADER, one), ("members", "[550297731223280949]")],
            ),
            fact(
                5,
                "ownership changed",
                &[group, ("member", one), ("generation", "2"), ("partitions", "[0-0]")],
            ),
            fact(
                6,
                "ownership changed",
                &[group, ("member", two), ("generation", "1"), ("partitions", "[]")],
            ),
            fact(
                0,
                "commit taken",
                &[group, ("member", one), ("generation", "2"), (PARTITION, "0-0"), (OFFSET, "7")],
            ),
            fact(0, "member left", &[group, ("member", two), ("why", "no sign of life")]),
        ];
        let lines: Vec<String> = sentences(&facts, &lanes).into_iter().map(|(_, line)| line).collect();
        expect![[r#"
            broker 0 takes worker 5 of billing into billing
            broker 0 begins generation 2 of billing with [worker 5 of billing]; worker 5 of billing assigns
            worker 5 of billing owns [0-0] in generation 2 of billing
            worker 6 of billing owns nothing of billing
            broker 0 takes a commit of 0-0 up to 7 from worker 5 of billing, of generation 2 of billing
            broker 0 lets worker 6 of billing go from billing: no sign of life"#]]
        .assert_eq(&lines.join("\n"));
    }

    #[test]
    fn a_story_of_a_transaction_says_what_was_decided_marked_and_believed() {
        let named = [("transactional id", "orders"), ("producer id", "7"), ("producer epoch", "3")];
        let with = |more: &[(&'static str, &'static str)]| [&named, more].concat();
        let facts = [
            fact(4, "transaction begun", &[("transaction", "12#4")]),
            fact(1, "transactional batch appended", &with(&[(PARTITION, "2-0"), (OFFSET, "9")])[1..]),
            fact(0, "transaction changed", &with(&[("from", "Ongoing"), ("to", "PrepareAbort")])),
            fact(
                1,
                "marker appended",
                &with(&[(PARTITION, "2-0"), (OFFSET, "10"), ("ending", "abort")])[1..],
            ),
            fact(4, "transaction ended", &[("transaction", "12#4"), ("outcome", "committed")]),
            fact(
                4,
                "effect read",
                &[("effect", "12#5"), (PARTITION, "2-0"), (OFFSET, "9"), ("committed", "yes")],
            ),
        ];
        let lines: Vec<String> = sentences(&facts, &lanes()).into_iter().map(|(_, line)| line).collect();
        expect![[r#"
            producer 5 begins transaction 12#4
            on broker 1 offset 9 of 2-0 is of an open transaction of producer id 7, epoch 3
            broker 0 has it committed that orders, producer id 7, epoch 3 is PrepareAbort, not Ongoing
            on broker 1 offset 10 of 2-0 is the marker that ends the transaction of producer id 7, epoch 3 with abort
            producer 5 is told that transaction 12#4 is committed
            producer 5 reads effect 12#5 at offset 9 of 2-0, as committed"#]].assert_eq(&lines.join("\n"));
    }

    #[test]
    fn a_story_of_a_queue_says_who_had_a_record_and_what_came_of_it() {
        let delivery = [("group", "workers"), (PARTITION, "0-0"), (OFFSET, "4"), ("turn", "2")];
        let with = |more: &[(&'static str, &'static str)]| [&delivery, more].concat();
        let facts = [
            fact(0, "record acquired", &with(&[("member", "77")])),
            fact(4, "record received", &with(&[("member", "77")])),
            fact(0, "delivery settled", &with(&[("how", "lock ran out"), ("then", "available")])),
            fact(4, "acknowledgement sent", &with(&[("verdict", "accept")])),
            fact(4, "acknowledgement answered", &with(&[("verdict", "accept"), ("result", "unknown")])),
            fact(0, "record buried", &with(&[])),
        ];
        let lines: Vec<String> = sentences(&facts, &lanes()).into_iter().map(|(_, line)| line).collect();
        expect![[r#"
            broker 0 locks delivery 2 of offset 4 of 0-0 for 77 of workers
            producer 5 works at delivery 2 of offset 4 of 0-0
            broker 0 ends delivery 2 of offset 4 of 0-0: lock ran out, it is available
            producer 5 says accept of delivery 2 of offset 4 of 0-0
            producer 5 never learns whether its accept of delivery 2 of offset 4 of 0-0 was taken
            broker 0 sets delivery 2 of offset 4 of 0-0 aside: its letter is written"#]]
        .assert_eq(&lines.join("\n"));
    }

    #[test]
    fn every_fact_that_a_sentence_is_made_of_has_its_kind_in_the_table() {
        use crate::narrate::{PROBES_WITH_GROUPS, PROBES_WITH_SHARES, PROBES_WITH_TRANSACTIONS};
        let tables: [&'static [squall_sim::narrate::Kind]; 3] =
            [&PROBES_WITH_GROUPS, &PROBES_WITH_SHARES, &PROBES_WITH_TRANSACTIONS];
        // A kind that is renamed would silently be left out of every story.
        for kind in [
            "metadata applied",
            "controller elected",
            "controller resigned",
            "broker started",
            "broker registered",
            "broker halted",
            "controller halted",
            "election started",
            "vote granted",
            "vote persisted",
            "entries truncated",
            "snapshot installed",
            "quorum recovered",
            "entries committed",
            "log truncated",
            "log reset",
            "log recovered",
            "record delivered",
            "record undelivered",
            "record consumed",
            "reader repositioned",
            "leader elected",
            "leader followed",
            "records appended",
            "high watermark moved",
            "isr proposed",
            "isr adopted",
            "record acknowledged",
            "duplicate absorbed",
            "damage found",
            "log start moved",
        ]
        .iter()
        .chain(groups::KINDS)
        .chain(transactions::KINDS)
        .chain(shares::KINDS)
        {
            let known = tables.iter().any(|table| squall_sim::narrate::find(table, kind).is_some());
            assert!(known, "{kind}");
        }
    }
}
