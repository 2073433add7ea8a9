//! Records for the tests.

use squall_core::time::Time;
use squall_sim::explain::{Explanation, Row, Turn};
use squall_sim::fingerprint::Fingerprint;
use squall_sim::narrate::field;
use squall_sim::record::{CampaignRecord, Counts, Finding, RunRecord, SeedsRun, Tally, Verdict, Violation};
use squall_sim::recording::{
    Arrow, Effect, End, Fact, Fate, FaultLine, FaultSpan, Lane, NodeEnd, OperationLine, PlanSummary,
    Recording, SettingLine, State, StateSpan, Window,
};
use squall_sim::seed::Seed;

use crate::report::Report;

fn tally() -> Tally {
    Tally {
        exercised: Counts::from([("elections", 1_204), ("truncations", 37), ("retries_absorbed", 90_412)]),
        permitted: Counts::from([("duplicate: not idempotent", 12)]),
        compared: Counts::from([("acked_is_kept", 1_830_222), ("one_leader_an_epoch", 4_400), ("order", 7)]),
    }
}

pub(crate) fn run() -> RunRecord {
    let violation = Violation::new("acked_is_kept", "0-1 lost an acknowledged record", Time(12_034_500_000))
        .with("offset", 41)
        .with("leader epoch", 3)
        .with("acknowledged", "at 9.2s by broker 2");
    RunRecord {
        scenario: "orders",
        seed: Seed(17),
        verdict: Verdict::Violation(violation),
        failed_on: Some("Delivered"),
        events: 48_213,
        virtual_ns: 12_034_500_000,
        fingerprint: Fingerprint(0x0123_4567_89ab_cdef),
        trail: Vec::new(),
        faults: Counts::from([("crash", 4), ("power-loss", 1), ("split-halves", 2)]),
        skipped: 2,
        excused: None,
        tally: tally(),
        permits: Vec::new(),
        sometimes: vec!["elections"],
        last_events: (1..=10).map(|n| format!("#{n} 12.0345{n:02}s node 2 Expired")).collect(),
    }
}

pub(crate) fn finding() -> Finding {
    Finding::new(run(), Some("out/orders-17.capsule.json".to_owned()))
}

/// Some kinds of fault: what documents look like does not depend on how many there are.
const KINDS: [&str; 16] = [
    "loss",
    "delay",
    "duplication",
    "reordering",
    "split-halves",
    "split-ring",
    "split-bridge",
    "isolate",
    "isolate-role",
    "one-way-cut",
    "crash",
    "power-loss",
    "wipe",
    "pause",
    "restart",
    "transfer",
];

pub(crate) fn campaign() -> CampaignRecord {
    CampaignRecord {
        scenarios: vec!["orders", "lease"],
        seeds: SeedsRun { from: 0, to: 500, run: 1_000 },
        stopped: false,
        events: 48_213_007,
        virtual_ns: 7_507_000_000_000,
        faults: KINDS.into_iter().zip(100..).map(|(kind, n)| (kind, n * n)).collect(),
        skipped: 31,
        verdicts: Counts::from([("pass", 999), ("violation", 1)]),
        verified: 21,
        tally: tally(),
        never: vec![("lease", "takeovers")],
        findings: vec![finding()],
        problems: vec!["out/x.capsule.json: cannot be written: no space".to_owned()],
    }
}

const MS: u64 = 1_000_000;

fn lane(name: &str, client: bool) -> Lane {
    let kind = name.split(' ').next().unwrap_or_default().to_owned();
    Lane { name: name.to_owned(), kind, client }
}

fn fact(ms: u64, node: u32, kind: &'static str, fields: &[(&'static str, &str)]) -> Fact {
    let fields = fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Fact { at_ns: ms * MS, event: ms * 10, node, kind, fields }
}

fn arrow(ms: u64, from: u32, to: u32, fate: Fate) -> Arrow {
    let lost_at_once = matches!(fate, Fate::Lost | Fate::CutWhenSent | Fate::OnItsWay);
    let end_ns = (!lost_at_once).then_some((ms + 2) * MS);
    Arrow {
        from: Some(from),
        to: Some(to),
        kind: "fetch",
        fields: vec![(field::PARTITION, "0-1".to_owned()), (field::OFFSET, "41".to_owned())],
        sent_ns: ms * MS,
        sent_event: ms * 10,
        end_ns,
        end_event: end_ns.map(|_| ms * 10 + 5),
        fate,
    }
}

/// Two brokers and a client: one leads, is cut off, the other leads and cuts its log.
pub(crate) fn recording() -> Recording {
    let at = (field::PARTITION, "0-1");
    let facts = vec![
        fact(10, 0, "leader elected", &[at, (field::EPOCH, "3"), (field::LOG_END, "40")]),
        fact(11, 1, "leader followed", &[at, (field::EPOCH, "3"), (field::LEADER, "0")]),
        fact(
            12,
            0,
            "isr adopted",
            &[at, (field::EPOCH, "3"), ("partition epoch", "7"), (field::ISR, "[0, 1]")],
        ),
        fact(20, 0, "records appended", &[at, (field::LOG_END, "42"), (field::EPOCH, "3")]),
        fact(24, 1, "records appended", &[at, (field::LOG_END, "42"), (field::EPOCH, "3")]),
        fact(26, 0, "high watermark moved", &[at, (field::EPOCH, "3"), (field::HIGH_WATERMARK, "42")]),
        fact(27, 1, "records durable", &[at, (field::LOG_END, "41")]),
        fact(28, 2, "record delivered", &[at, (field::RECORD, "2#1"), (field::OFFSET, "41")]),
        fact(50, 1, "leader elected", &[at, (field::EPOCH, "4"), (field::LOG_END, "42")]),
        fact(51, 1, "isr adopted", &[at, (field::EPOCH, "4"), ("partition epoch", "8"), (field::ISR, "[1]")]),
        fact(
            52,
            1,
            "isr adopted",
            &[at, (field::EPOCH, "3"), ("partition epoch", "7"), (field::ISR, "[0, 1]")],
        ),
        fact(55, 1, "log truncated", &[at, (field::LOG_END, "41")]),
    ];
    let fates = [Fate::Arrived, Fate::Lost, Fate::CutWhenSent, Fate::ReceiverDown, Fate::OnItsWay];
    Recording {
        window: Window { to_ns: 60 * MS, from_event: 1, events: 600, ..Window::default() },
        lanes: vec![lane("broker 0", false), lane("broker 1", false), lane("producer 2", true)],
        arrows: (13..).zip(fates).map(|(n, fate)| arrow(n, n as u32 % 2, (n as u32 + 1) % 2, fate)).collect(),
        facts,
        before: Vec::new(),
        faults: vec![FaultSpan {
            item: 0,
            kind: "power-loss",
            text: "power-loss node 0".to_owned(),
            begin_ns: 40 * MS,
            end_ns: None,
            nodes: vec![0],
        }],
        states: vec![StateSpan {
            node: 0,
            state: State::Down,
            why: "power lost",
            begin_ns: 40 * MS,
            end_ns: None,
        }],
        ending: vec![
            NodeEnd { node: 0, state: Some(State::Down), fields: Vec::new() },
            NodeEnd { node: 1, state: None, fields: vec![(field::LOG_END, "41".to_owned())] },
        ],
        end: End { at_ns: 60 * MS, event: 600, node: Some(1) },
        plan: PlanSummary {
            settings: vec![SettingLine {
                key: "log.flush".to_owned(),
                value: 0,
                calm: 1,
                unit: "switch".to_owned(),
            }],
            faults: vec![
                FaultLine {
                    at_ns: Some(40 * MS),
                    lasts_ns: 300 * MS,
                    text: "power-loss node 0".to_owned(),
                    effect: Effect::Began,
                },
                FaultLine {
                    at_ns: Some(45 * MS),
                    lasts_ns: 5 * MS,
                    text: "pause node 0".to_owned(),
                    effect: Effect::Skipped,
                },
            ],
            operations: vec![OperationLine {
                at_ns: 15 * MS,
                client: 0,
                text: r#"{"send":{"bytes":9}}"#.to_owned(),
            }],
            operations_left_out: 0,
            quirks: Vec::new(),
            storm_ns: 60 * MS,
            calm_ns: 30_000 * MS,
        },
    }
}

pub(crate) fn explained() -> Explanation {
    let row = |number, at: u64, what: &str, needed| Row {
        number,
        at: format!("{at}ms"),
        at_ns: at * MS,
        what: what.to_owned(),
        needed,
        before: None,
        after: None,
        softer: None,
        ordered_with: Vec::new(),
    };
    let elected =
        Turn { event: Some(500), at: "50ms".to_owned(), what: "broker 1: leader elected".to_owned() };
    Explanation {
        likeness: "violation acked_is_kept".to_owned(),
        failure: "acked_is_kept: 0-1 lost an acknowledged record".to_owned(),
        at: "60ms".to_owned(),
        faults: vec![
            Row { before: Some(elected), ..row(1, 40, "power-loss broker 0, for 300ms", Some(true)) },
            row(2, 45, "pause broker 0, for 5ms", Some(false)),
        ],
        operations: vec![row(1, 15, "client 0: send bytes 9", None)],
        story: vec!["At 50ms, broker 1 leads 0-1 in epoch 4.".to_owned()],
        runs: 12,
        finished: false,
    }
}

pub(crate) fn report<'a>(
    record: &'a RunRecord,
    recording: &'a Recording,
    explained: Option<&'a Explanation>,
) -> Report<'a> {
    Report {
        record,
        recording,
        capsule: "out/orders-17.capsule.json",
        promise: Some("what is acknowledged is kept"),
        departs: None,
        before: Some((31, 204)),
        explained,
    }
}
