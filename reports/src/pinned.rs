//! A capsule as a Rust test: what was found once is looked for ever after.

use std::fmt::Write;

use crate::report::Report;

/// The test's file, with the capsule `file` beside it. It asks that the run passes; if mistakes are switched
/// on in its plan, that they are still found.
pub fn test(report: &Report<'_>, file: &str) -> String {
    let record = report.record;
    let quirks = &report.recording.plan.quirks;
    let name =
        name(&format!("{} {} {}", record.scenario, record.seed, record.verdict.invariant().unwrap_or("")));
    let mut text = String::new();
    let mut put = |line: &str| {
        // Writing to a string never fails.
        let _ = writeln!(text, "{line}");
    };
    put(
        "//! Pins a run of `squall`: put this file and its capsule into `tests/` of a crate that has `squall`",
    );
    put("//! among its dev-dependencies.");
    put("");
    put(&format!("/// {}", comment(&format!("{}: {}", report.headline(), record.verdict.message()))));
    put("#[test]");
    put(&format!("fn {name}() {{"));
    put(&format!("    let capsule = include_str!({file:?});"));
    if quirks.is_empty() {
        put(&format!("    squall::pinned({file:?}, capsule).passes();"));
    } else {
        put(&format!("    // Switched on in its plan: {}.", comment(&quirks.join(", "))));
        let wanted = record.verdict.invariant().unwrap_or_else(|| record.verdict.name());
        put(&format!("    squall::pinned({file:?}, capsule).fails_with({wanted:?});"));
    }
    put("}");
    text
}

/// A name for a function: small letters, digits and single underscores, no digit in front.
fn name(words: &str) -> String {
    let letters = words.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
    let parts: String = letters.collect();
    let name = parts.split('_').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_");
    if name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty() {
        format!("seed_{name}")
    } else {
        name
    }
}

/// On one line, and short enough for a comment.
fn comment(words: &str) -> String {
    words.lines().collect::<Vec<_>>().join(" ").chars().take(90).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use squall_sim::record::{RunRecord, Verdict};

    use super::*;
    use crate::samples;

    #[test]
    fn a_pinned_run_must_pass() {
        let (record, recording) = (samples::run(), samples::recording());
        let report = samples::report(&record, &recording, None);
        expect![[r#"
            //! Pins a run of `squall`: put this file and its capsule into `tests/` of a crate that has `squall`
            //! among its dev-dependencies.

            /// acked_is_kept was broken: 0-1 lost an acknowledged record
            #[test]
            fn orders_17_acked_is_kept() {
                let capsule = include_str!("orders-17.capsule.json");
                squall::pinned("orders-17.capsule.json", capsule).passes();
            }
        "#]].assert_eq(&test(&report, "orders-17.capsule.json"));
    }

    #[test]
    fn a_mistake_that_is_switched_on_must_still_be_found() {
        let (record, mut recording) = (samples::run(), samples::recording());
        recording.plan.quirks.push("trunc-to-hw".to_owned());
        let text = test(&samples::report(&record, &recording, None), "a \"b\".json");
        assert!(text.contains(r#".fails_with("acked_is_kept")"#), "{text}");
        assert!(text.contains(r#"include_str!("a \"b\".json")"#), "{text}");
    }

    #[test]
    fn no_word_of_a_run_becomes_code() {
        let verdict = Verdict::InternalError { message: "a\n}\nfn main() { panic!() } */".to_owned() };
        let record = RunRecord { verdict, ..samples::run() };
        let recording = samples::recording();
        let text = test(&samples::report(&record, &recording, None), "c.json");
        assert!(text.lines().all(|line| !line.starts_with("fn main") && line.trim() != "}\n"), "{text}");
        assert_eq!(text.lines().filter(|line| line.starts_with("fn ")).count(), 1, "{text}");
        assert_eq!(name("7 up!"), "seed_7_up");
    }
}
