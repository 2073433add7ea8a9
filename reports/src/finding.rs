//! One failure: what was broken, the evidence, the last events, how to repeat it.

use squall_sim::record::{Finding, ShrunkFinding, Verdict};

use crate::text::{line, number};

/// How many of the last events are told.
const EVENTS: usize = 8;

/// How many seeds are told that fail in the same way.
const SEEDS: usize = 8;

/// The finding as text.
pub fn told(finding: &Finding) -> String {
    let record = &finding.record;
    let mut text = String::new();
    line(&mut text, "finding", &format!("{} with seed {}", record.scenario, record.seed));
    match &record.verdict {
        Verdict::Violation(violation) => {
            line(&mut text, "violation", &format!("{} at {}", violation.invariant, violation.at));
            line(&mut text, "", &violation.message);
            for (what, value) in &violation.evidence {
                line(&mut text, "", &format!("{what}: {value}"));
            }
        }
        Verdict::Pass | Verdict::Stall { .. } | Verdict::InternalError { .. } => {
            line(&mut text, verdict_label(&record.verdict), &record.verdict.message());
        }
        Verdict::Nondeterminism { event, what } => {
            line(&mut text, "nondeter-", &format!("two runs of this plan part at event {event}"));
            line(&mut text, "minism", what);
        }
    }
    let skip = record.last_events.len().saturating_sub(EVENTS);
    for (place, event) in record.last_events.iter().skip(skip).enumerate() {
        line(&mut text, if place == 0 { "last events" } else { "" }, event);
    }
    if finding.seeds.len() > 1 {
        line(&mut text, "alike", &alike(&finding.seeds));
    }
    line(&mut text, "repeat", &repeat(finding));
    if let Some(shrunk) = &finding.shrunk {
        line(&mut text, "smaller", &format!("{}, {}", less(shrunk), replay(&shrunk.capsule)));
    }
    text
}

/// Which seeds fail so.
fn alike(seeds: &[u64]) -> String {
    let first: Vec<String> = seeds.iter().take(SEEDS).map(u64::to_string).collect();
    let more = if seeds.len() > SEEDS { " and more" } else { "" };
    format!("{} seeds fail so: {}{more}", number(seeds.len() as u64), first.join(", "))
}

/// What shrinking took away.
fn less(shrunk: &ShrunkFinding) -> String {
    let yet = if shrunk.finished { "" } else { " so far" };
    format!(
        "faults {} to {}, operations {} to {}{yet}",
        shrunk.faults.0, shrunk.faults.1, shrunk.operations.0, shrunk.operations.1
    )
}

fn replay(path: &str) -> String {
    format!("squall replay {}", quoted(path))
}

fn verdict_label(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::InternalError { .. } => "panic",
        Verdict::Pass | Verdict::Violation(_) | Verdict::Stall { .. } | Verdict::Nondeterminism { .. } => {
            verdict.name()
        }
    }
}

/// The command that repeats it.
pub fn repeat(finding: &Finding) -> String {
    match &finding.capsule {
        Some(path) => replay(path),
        None => format!("squall run {} --seed {}", finding.record.scenario, finding.record.seed),
    }
}

/// As a shell takes it for one word.
pub(crate) fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    if !path.is_empty() && path.chars().all(plain) {
        return path.to_owned();
    }
    format!("'{}'", path.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use squall_sim::record::RunRecord;

    use super::*;
    use crate::samples;

    #[test]
    fn a_violation_is_told_with_its_evidence_and_its_capsule() {
        expect![[r#"
            finding     orders with seed 17
            violation   acked_is_kept at 12.034500s
                        0-1 lost an acknowledged record
                        offset: 41
                        leader epoch: 3
                        acknowledged: at 9.2s by broker 2
            last events #3 12.034503s node 2 Expired
                        #4 12.034504s node 2 Expired
                        #5 12.034505s node 2 Expired
                        #6 12.034506s node 2 Expired
                        #7 12.034507s node 2 Expired
                        #8 12.034508s node 2 Expired
                        #9 12.034509s node 2 Expired
                        #10 12.034510s node 2 Expired
            repeat      squall replay out/orders-17.capsule.json
        "#]]
        .assert_eq(&told(&samples::finding()));
    }

    #[test]
    fn other_failures_are_told_by_what_they_are() {
        let with =
            |verdict| Finding::new(RunRecord { verdict, last_events: Vec::new(), ..samples::run() }, None);
        let stall = with(Verdict::Stall { reason: "0-1 has no leader".to_owned() });
        let panic = with(Verdict::InternalError { message: "offset 4 is beyond 3".to_owned() });
        let what = "#812 1.5s node 1 Expired / #812 1.5s node 1 Synced".to_owned();
        let parted = with(Verdict::Nondeterminism { event: 812, what });
        expect![[r#"
            finding     orders with seed 17
            stall       0-1 has no leader
            repeat      squall run orders --seed 17

            finding     orders with seed 17
            panic       offset 4 is beyond 3
            repeat      squall run orders --seed 17

            finding     orders with seed 17
            nondeter-   two runs of this plan part at event 812
            minism      #812 1.5s node 1 Expired / #812 1.5s node 1 Synced
            repeat      squall run orders --seed 17
        "#]]
        .assert_eq(&[stall, panic, parted].map(|finding| told(&finding)).join("\n"));
    }

    #[test]
    fn a_finding_says_how_many_seeds_fail_so_and_how_small_it_became() {
        let record = RunRecord { last_events: Vec::new(), ..samples::run() };
        let shrunk = ShrunkFinding {
            capsule: "out/orders-17.min.capsule.json".to_owned(),
            faults: (36, 2),
            operations: (226, 1),
            finished: true,
        };
        let finding = Finding {
            seeds: (17..40).collect(),
            shrunk: Some(shrunk),
            ..Finding::new(record, Some("out/orders-17.capsule.json".to_owned()))
        };
        expect![[r#"
            finding     orders with seed 17
            violation   acked_is_kept at 12.034500s
                        0-1 lost an acknowledged record
                        offset: 41
                        leader epoch: 3
                        acknowledged: at 9.2s by broker 2
            alike       23 seeds fail so: 17, 18, 19, 20, 21, 22, 23, 24 and more
            repeat      squall replay out/orders-17.capsule.json
            smaller     faults 36 to 2, operations 226 to 1, squall replay out/orders-17.min.capsule.json
        "#]]
        .assert_eq(&told(&finding));
    }

    #[test]
    fn a_path_that_a_shell_would_split_is_quoted() {
        let finding = Finding { capsule: Some("it's here/a.capsule.json".to_owned()), ..samples::finding() };
        assert_eq!(repeat(&finding), r"squall replay 'it'\''s here/a.capsule.json'");
    }
}
