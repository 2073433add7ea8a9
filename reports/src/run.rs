//! A run in a few lines.

use squall_sim::record::{Finding, PermittedLoss, RunRecord};

use crate::finding;
use crate::text::{counts, duration, line, number};

/// What happened in it; after a failure, what was wrong. `capsule` is the file that repeats it.
pub fn summary(record: &RunRecord, capsule: Option<&str>) -> String {
    let mut text = String::new();
    line(&mut text, "run", &format!("{} with seed {}", record.scenario, record.seed));
    line(&mut text, "verdict", record.verdict.name());
    if let Some(reason) = &record.excused {
        line(&mut text, "excused", reason);
    }
    line(&mut text, "time", &format!("{} of virtual time", duration(record.virtual_ns.into())));
    line(&mut text, "events", &number(record.events));
    line(&mut text, "fingerprint", &record.fingerprint.to_string());
    counts(&mut text, "faults", &record.faults);
    if record.skipped > 0 {
        line(&mut text, "", &format!("and {} without a target", number(record.skipped)));
    }
    counts(&mut text, "exercised", &record.tally.exercised);
    counts(&mut text, "permitted", &record.tally.permitted);
    counts(&mut text, "compared", &record.tally.compared);
    for loss in &record.permits {
        text.push('\n');
        text.push_str(&permitted(loss));
    }
    if !record.verdict.is_pass() {
        text.push('\n');
        let finding = Finding::new(record.clone(), capsule.map(str::to_owned));
        text.push_str(&finding::told(&finding));
    }
    text
}

/// Why something was lost with permission.
fn permitted(loss: &PermittedLoss) -> String {
    let mut text = String::new();
    line(&mut text, "permitted", loss.what);
    line(&mut text, "", &loss.about);
    for (place, (what, value)) in loss.because.iter().enumerate() {
        line(&mut text, if place == 0 { "because" } else { "" }, &format!("{what}: {value}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use squall_sim::record::Verdict;

    use super::*;
    use crate::samples;

    #[test]
    fn a_passed_run_is_a_few_lines() {
        let record = RunRecord {
            verdict: Verdict::Pass,
            excused: Some("0-1 lost every copy to wipes".to_owned()),
            ..samples::run()
        };
        expect![[r#"
            run         orders with seed 17
            verdict     pass
            excused     0-1 lost every copy to wipes
            time        12.034 s of virtual time
            events      48 213
            fingerprint 00000000000000000123456789abcdef
            faults      crash        4   power-loss   1   split-halves 2
                        and 2 without a target
            exercised   elections         1 204   retries_absorbed 90 412   truncations          37
            permitted   duplicate: not idempotent 12
            compared    acked_is_kept       1 830 222   order                       7
                        one_leader_an_epoch     4 400
        "#]]
        .assert_eq(&summary(&record, None));
    }

    #[test]
    fn a_permitted_loss_is_told_with_its_reasons() {
        let loss = PermittedLoss {
            what: "record lost: faults destroyed every copy",
            about: "record 3 of sender 7, acks=all, in 0-1".to_owned(),
            because: vec![
                ("written at 41".to_owned(), "in epoch 3, led by broker 2; it was committed".to_owned()),
                ("broker 2".to_owned(), "lost it at event 812 (1.5s): its disk was wiped".to_owned()),
            ],
        };
        let record = RunRecord { verdict: Verdict::Pass, permits: vec![loss], ..samples::run() };
        let text = summary(&record, None);
        expect![[r#"
            permitted   record lost: faults destroyed every copy
                        record 3 of sender 7, acks=all, in 0-1
            because     written at 41: in epoch 3, led by broker 2; it was committed
                        broker 2: lost it at event 812 (1.5s): its disk was wiped
        "#]]
        .assert_eq(text.split_once("\n\n").map_or("", |(_, permits)| permits));
    }

    #[test]
    fn a_failed_run_tells_its_finding() {
        expect![[r#"
            run         orders with seed 17
            verdict     violation
            time        12.034 s of virtual time
            events      48 213
            fingerprint 00000000000000000123456789abcdef
            faults      crash        4   power-loss   1   split-halves 2
                        and 2 without a target
            exercised   elections         1 204   retries_absorbed 90 412   truncations          37
            permitted   duplicate: not idempotent 12
            compared    acked_is_kept       1 830 222   order                       7
                        one_leader_an_epoch     4 400

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
            repeat      squall run orders --seed 17
        "#]]
        .assert_eq(&summary(&samples::run(), None));
    }
}
