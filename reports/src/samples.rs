//! Records for the tests.

use squall_core::time::Time;
use squall_sim::fingerprint::Fingerprint;
use squall_sim::record::{CampaignRecord, Counts, Finding, RunRecord, SeedsRun, Tally, Verdict, Violation};
use squall_sim::seed::Seed;

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
        sometimes: vec!["elections"],
        last_events: (1..=10).map(|n| format!("#{n} 12.0345{n:02}s node 2 Expired")).collect(),
    }
}

pub(crate) fn finding() -> Finding {
    Finding::new(run(), Some("out/orders-17.capsule.json".to_owned()))
}

pub(crate) fn campaign() -> CampaignRecord {
    CampaignRecord {
        scenarios: vec!["orders", "lease"],
        seeds: SeedsRun { from: 0, to: 500, run: 1_000 },
        stopped: false,
        events: 48_213_007,
        virtual_ns: 7_507_000_000_000,
        faults: squall_sim::fault::TABLE.iter().zip(100..).map(|(row, n)| (row.kind, n * n)).collect(),
        skipped: 31,
        verdicts: Counts::from([("pass", 999), ("violation", 1)]),
        verified: 21,
        tally: tally(),
        never: vec![("lease", "takeovers")],
        findings: vec![finding()],
        problems: vec!["out/x.capsule.json: cannot be written: no space".to_owned()],
    }
}
