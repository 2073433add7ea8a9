//! Runs the scripts beside this file. The commands:
//!
//! | command | does |
//! |---|---|
//! | `nodes N [batch=BYTES] [quirk=volatile-vote]` | builds and starts voters 1 to N |
//! | `expire NODE election\|heartbeat\|check-quorum` | the timer runs out, the node's clock moves on to it |
//! | `campaign NODE` | its election timer runs out, as often as it takes to stand |
//! | `wait NODE… MILLIS` | the nodes' clocks move on, timers stay |
//! | `deliver`, `drop`, `double`, `reverse A->B` | what is on its way from A to B arrives, is lost, is there twice, changes order |
//! | `deliver A->B first\|last` | one of them |
//! | `sync NODE` | every sync of the node that is under way ends |
//! | `stabilize [NODE…]` | everything arrives and every sync ends, among these nodes, until all is quiet |
//! | `propose NODE WORD…` | one batch, an entry a word |
//! | `wish NODE`, `vote-by-hand NODE` | a person wishes for another leader, or says what only voters may |
//! | `snapshot NODE`, `transfer NODE TO`, `resign NODE` | |
//! | `crash`, `power-loss`, `restart NODE` | |
//! | `status [NODE…]`, `log NODE`, `pool` | shows |

use squall_core::env::{Input, Process};
use squall_core::ids::{LeaderEpoch, NodeId, Offset};
use squall_core::message::Message;
use squall_core::probe::{Probe, QuorumProbe};
use squall_core::quirk::{Quirk, Quirks};
use squall_core::quorum::Role;
use squall_core::quorum::message::{AppendOutcome, QuorumMessage, Vote};
use squall_core::record::batches;
use squall_core::testing::PowerLoss;
use squall_core::timer::{QuorumTimer, Timer};

use super::voter::{Voter, voters};
use crate::support::bench::{Bench, Packet, Said};
use crate::support::orders::{by_number, nodes, on_packets, wait};
use crate::support::script::{Command, each_script};

#[test]
fn conversations() {
    each_script("tests/quorum", || Bench::new(Vec::new()), run);
}

fn run(bench: &mut Bench<Voter>, command: &Command) -> String {
    let node = |index: usize| NodeId(command.number(index) as u32);
    match command.verb.as_str() {
        "nodes" => {
            let quirks = match command.option("quirk") {
                Some("volatile-vote") => Quirks::NONE.with(Quirk::VolatileVote),
                Some(other) => panic!("unknown quirk {other}"),
                None => Quirks::NONE,
            };
            let batch = command.option("batch").map_or(200, |bytes| bytes.parse().expect("bytes"));
            *bench = Bench::new(voters(command.number(0) as u32, batch, quirks));
            bench.nodes().for_each(|node| bench.start(node));
        }
        "expire" => {
            if !bench.expire(node(0), timer(&command.words[1])) {
                return format!("{}: no such timer is set\n", node(0));
            }
        }
        "campaign" => campaign(bench, node(0)),
        "wait" => wait(bench, command),
        "deliver" | "drop" | "double" | "reverse" => {
            if !on_packets(bench, command, by_number) {
                return format!("{}: nothing is on its way\n", command.words[0]);
            }
        }
        "sync" => {
            let pending = bench.seat_mut(node(0)).disk.pending().len();
            (0..pending).for_each(|_| assert!(bench.sync_next(node(0))));
        }
        "stabilize" => {
            let among: Vec<_> = nodes(bench, command);
            bench.stabilize(&among);
        }
        "propose" => return propose(bench, node(0), &command.words[1..]) + &said(bench),
        "snapshot" => drop(bench.with(node(0), Voter::snapshot)),
        "transfer" => drop(bench.with(node(0), |voter, env| voter.quorum.transfer(node(1), env))),
        "resign" => drop(bench.with(node(0), |voter, env| voter.quorum.resign(env))),
        "wish" => by_hand(bench, node(0), QuorumMessage::TimeoutNow { epoch: LeaderEpoch(0) }),
        "vote-by-hand" => {
            let vote = Vote {
                pre: false,
                transfer: true,
                epoch: LeaderEpoch(99),
                end: Offset(99),
                last_epoch: None,
            };
            by_hand(bench, node(0), QuorumMessage::Vote(vote));
        }
        "crash" => bench.crash(node(0)),
        "power-loss" => bench.power_loss(node(0), PowerLoss::LosesAllUnsynced, &mut |_| 0),
        "restart" => bench.start(node(0)),
        "status" => return nodes(bench, command).iter().map(|node| status(bench, *node)).collect(),
        "log" => return log(bench, node(0)),
        "pool" => return bench.pool.iter().map(packet).collect(),
        other => panic!("unknown command {other}"),
    }
    said(bench)
}

/// A person says something to `node`.
fn by_hand(bench: &mut Bench<Voter>, node: NodeId, message: QuorumMessage) {
    let input = Input::Deliver { from: NodeId::OPERATOR, message: Message::Quorum(message) };
    bench.with(node, |voter, env| voter.step(input, env));
}

fn timer(name: &str) -> Timer {
    Timer::Quorum(match name {
        "election" => QuorumTimer::Election,
        "heartbeat" => QuorumTimer::Heartbeat,
        "check-quorum" => QuorumTimer::CheckQuorum,
        other => panic!("unknown timer {other}"),
    })
}

/// The election timer may first have to be set for the rest of the wait.
fn campaign(bench: &mut Bench<Voter>, node: NodeId) {
    let before = bench.pool.len();
    for _ in 0..2 {
        if bench.pool.len() == before {
            assert!(bench.expire(node, timer("election")), "node {node} does not wait for an election");
        }
    }
}

fn propose(bench: &mut Bench<Voter>, node: NodeId, words: &[String]) -> String {
    let payloads: Vec<_> = words.iter().map(|word| word.clone().into_bytes()).collect();
    let result = bench.with(node, |voter, env| {
        let result = voter.quorum.propose(&payloads, env).expect("a sound disk");
        voter.apply(env);
        result
    });
    match result {
        Some(Ok(offset)) => format!("{node}: proposed at {offset}\n"),
        Some(Err(refused)) => format!("{node}: refused {refused:?}\n"),
        None => format!("{node}: down\n"),
    }
}

fn said(bench: &mut Bench<Voter>) -> String {
    let line = |said: &Said<Voter>| match said {
        Said::Sent(sent) => packet(sent),
        Said::Probe(node, Probe::Quorum(fact)) => format!("{node}: {}\n", probe(fact)),
        Said::Probe(node, other) => panic!("node {node} says {other:?}"),
    };
    bench.take_said().iter().map(line).collect()
}

fn probe(probe: &QuorumProbe) -> String {
    // The checksum says nothing to a reader.
    if let QuorumProbe::Appended { base, next, epoch, .. } = probe {
        return format!("Appended {base}..{next} epoch={epoch}");
    }
    let text = format!("{probe:?}").replace(['{', '}', ','], "").replace(": ", "=");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn packet(packet: &Packet<<Voter as Process>::Message>) -> String {
    let Packet { from, to, message } = packet;
    let Message::Quorum(message) = message else { panic!("not of the consensus: {message:?}") };
    format!("{from}->{to} {}\n", text(message))
}

fn text(message: &QuorumMessage) -> String {
    let epoch_or = |epoch: Option<LeaderEpoch>| epoch.map_or("-".to_owned(), |epoch| epoch.to_string());
    match message {
        QuorumMessage::Vote(vote) => {
            let kind = if vote.pre { "pre-vote?" } else { "vote?" };
            let transfer = if vote.transfer { " transfer" } else { "" };
            let last = epoch_or(vote.last_epoch);
            format!("{kind} epoch={} last={last} end={}{transfer}", vote.epoch, vote.end)
        }
        QuorumMessage::VoteReply(reply) => {
            let kind = if reply.pre { "pre-vote" } else { "vote" };
            format!("{kind} {} epoch={}", if reply.granted { "yes" } else { "no" }, reply.epoch)
        }
        QuorumMessage::Append(append) => {
            let entries: Vec<_> = batches(append.batches.clone())
                .map(|batch| batch.expect("sound batches"))
                .map(|b| format!("{}..{}@{}", b.base_offset(), b.next_offset(), epoch_or(b.leader_epoch())))
                .collect();
            let (base, previous) = (append.base, epoch_or(append.previous));
            let entries = entries.join(",");
            format!("append epoch={} at={base}/{previous} [{entries}] commit={}", append.epoch, append.commit)
        }
        QuorumMessage::AppendReply(reply) => match reply.outcome {
            AppendOutcome::Matched { end } => format!("matched epoch={} end={end}", reply.epoch),
            AppendOutcome::Conflict { base, end, hint } => {
                let hint = hint.map_or("-".to_owned(), |(epoch, end)| format!("{epoch}@{end}"));
                format!("conflict epoch={} at={base} end={end} hint={hint}", reply.epoch)
            }
            AppendOutcome::Stale => format!("stale epoch={}", reply.epoch),
        },
        QuorumMessage::Install(install) => {
            format!("install epoch={} end={} last={}", install.epoch, install.end, install.last_epoch)
        }
        QuorumMessage::InstallReply(reply) => {
            format!("installed epoch={} end={:?}", reply.epoch, reply.end)
        }
        QuorumMessage::TimeoutNow { epoch } => format!("timeout-now epoch={epoch}"),
    }
}

fn status(bench: &Bench<Voter>, node: NodeId) -> String {
    let Some(voter) = bench.process(node) else { return format!("{node}: down\n") };
    let quorum = &voter.quorum;
    let role = match quorum.role() {
        Role::Unattached => "unattached".to_owned(),
        Role::Follower { leader } => format!("follows {leader}"),
        Role::Prospective { .. } => "prospective".to_owned(),
        Role::Candidate { .. } => "candidate".to_owned(),
        Role::Leader(_) => "leads".to_owned(),
    };
    let voted = quorum.voted().map_or("-".to_owned(), |voted| voted.to_string());
    let (start, end, durable) = (quorum.start_offset(), quorum.log().log_end(), quorum.durable_end());
    let state: Vec<_> = voter.state.lines().collect();
    format!(
        "{node}: {role} epoch={} voted={voted} log={start}..{end} durable={durable} commit={} state=[{}]\n",
        quorum.epoch(),
        quorum.commit(),
        state.join(" ")
    )
}

fn log(bench: &Bench<Voter>, node: NodeId) -> String {
    let voter = bench.process(node).expect("a living node");
    let log = voter.quorum.log();
    let epochs: Vec<_> = (log.log_start().0..log.log_end().0)
        .map(|offset| log.epochs().epoch_at(Offset(offset)).map_or("?".to_owned(), |e| e.to_string()))
        .collect();
    format!("{node}: {} epochs={}\n", log.log_start(), epochs.join(" "))
}
