//! A campaign as a table.

use squall_sim::record::CampaignRecord;

use crate::finding;
use crate::text::{counts, duration, line, number, words};

/// How many findings are told in full; the others are in the document and in their capsules.
const TOLD: usize = 5;

/// The whole campaign: what was run, what happened in it, what was found.
pub fn table(record: &CampaignRecord) -> String {
    let mut text = String::new();
    words(&mut text, "campaign", record.scenarios.iter().map(|name| (*name).to_owned()));
    line(&mut text, "verdict", verdict(record));
    line(&mut text, "seeds", &seeds(record));
    line(&mut text, "time", &format!("{} of virtual time", duration(record.virtual_ns)));
    line(&mut text, "events", &number(record.events));
    counts(&mut text, "verdicts", &record.verdicts);
    counts(&mut text, "faults", &record.faults);
    if record.skipped > 0 {
        line(&mut text, "", &format!("and {} without a target", number(record.skipped)));
    }
    counts(&mut text, "exercised", &record.tally.exercised);
    counts(&mut text, "permitted", &record.tally.permitted);
    counts(&mut text, "compared", &record.tally.compared);
    words(&mut text, "never", record.never.iter().map(|(scenario, what)| format!("{scenario}: {what}")));
    for problem in &record.problems {
        line(&mut text, "problem", problem);
    }
    for finding in record.findings.iter().take(TOLD) {
        text.push('\n');
        text.push_str(&finding::told(finding));
    }
    if record.findings.len() > TOLD {
        let rest = number((record.findings.len() - TOLD) as u64);
        text.push_str(&format!("\nand {rest} more findings\n"));
    }
    text
}

fn verdict(record: &CampaignRecord) -> &'static str {
    match record.verdict() {
        "vacuous" => "vacuous: nothing was compared, so nothing is known",
        verdict => verdict,
    }
}

fn seeds(record: &CampaignRecord) -> String {
    let seeds = record.seeds;
    let stopped = if record.stopped { ", stopped early" } else { "" };
    format!(
        "{}..{} ({} runs, {} of them verified{stopped})",
        seeds.from,
        seeds.to,
        number(seeds.run),
        number(record.verified)
    )
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::samples;

    #[test]
    fn a_campaign_with_a_finding_is_one_readable_page() {
        expect![[r#"
            campaign    orders, lease
            verdict     violation
            seeds       0..500 (1 000 runs, 21 of them verified)
            time        2 h 05 min 07 s of virtual time
            events      48 213 007
            verdicts    pass      999   violation   1
            faults      crash        12 100   isolate-role 11 664   power-loss   12 321   split-halves 10 816
                        delay        10 201   loss         10 000   reordering   10 609   split-ring   11 025
                        duplication  10 404   one-way-cut  11 881   restart      12 996   transfer     13 225
                        isolate      11 449   pause        12 769   split-bridge 11 236   wipe         12 544
                        and 31 without a target
            exercised   elections         1 204   retries_absorbed 90 412   truncations          37
            permitted   duplicate: not idempotent 12
            compared    acked_is_kept       1 830 222   order                       7
                        one_leader_an_epoch     4 400
            never       lease: takeovers
            problem     out/x.capsule.json: cannot be written: no space

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
        .assert_eq(&table(&samples::campaign()));
    }

    #[test]
    fn a_campaign_that_compared_nothing_says_so() {
        let record = CampaignRecord { scenarios: vec!["orders"], stopped: true, ..CampaignRecord::default() };
        expect![[r#"
            campaign    orders
            verdict     vacuous: nothing was compared, so nothing is known
            seeds       0..0 (0 runs, 0 of them verified, stopped early)
            time        0.000 s of virtual time
            events      0
        "#]]
        .assert_eq(&table(&record));
    }

    #[test]
    fn many_findings_are_counted_and_not_all_told() {
        let mut record = samples::campaign();
        record.findings = vec![record.findings[0].clone(); 1_007];
        let text = table(&record);
        assert!(text.ends_with("\nand 1 002 more findings\n"));
        assert!(text.lines().all(|line| line.chars().count() <= crate::text::WIDTH));
    }
}
