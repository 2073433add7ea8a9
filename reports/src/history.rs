//! A judged history: what was compared, each anomaly with its operations, the verdict.

use squall_sim::check::history::{Anomaly, Class, Fact, Found, Operation, Report, Step, Verdict};
use squall_sim::history::op::Name;
use squall_sim::record::Counts;

use crate::text::{WIDTH, counts, duration, line, number, words};

/// The most anomalies of one class that are told.
const TOLD: usize = 8;
/// The most values that one fact lists.
const LISTED: usize = 12;

/// As text. `name` is what the history is called.
pub fn told(name: &str, report: &Report) -> String {
    let mut text = String::new();
    line(&mut text, "history", name);
    let verdict = match &report.verdict {
        Verdict::Valid => "valid".to_owned(),
        Verdict::Invalid => {
            format!("invalid: {}", report.bad().map(Class::name).collect::<Vec<_>>().join(", "))
        }
        Verdict::Unknown(why) => format!("unknown: {why}"),
    };
    line(&mut text, "verdict", &verdict);
    let compared: Counts = report.compared.rows().into_iter().filter(|(_, count)| *count > 0).collect();
    counts(&mut text, "compared", &compared);
    if let Some(queue) = &report.queue {
        let of_queue: Counts = [
            ("attempts", queue.attempts),
            ("acknowledged", queue.acknowledged),
            ("dequeued", queue.ok),
            ("unexpected", queue.unexpected),
            ("duplicated", queue.duplicated),
            ("lost", queue.lost),
            ("recovered", queue.recovered),
        ]
        .into_iter()
        .collect();
        counts(&mut text, "queue", &of_queue);
    }
    words(&mut text, "allowed", report.allowed.iter().map(|class| class.name().to_owned()));
    measures(&mut text, report);
    // What is wrong comes before what is only remarkable.
    for allowed in [false, true] {
        let classes = report.found.iter().filter(|(class, _)| report.allowed.contains(class) == allowed);
        for (class, found) in classes {
            text.push('\n');
            of_class(&mut text, report, *class, found, allowed);
        }
    }
    text
}

fn measures(text: &mut String, report: &Report) {
    let worst = &report.worst_lag;
    if let (Some(process), Some(key)) = (worst.process, &worst.key) {
        let lag = duration(worst.lag.into());
        line(
            text,
            "stalest",
            &format!("{lag} behind, process {process} in {key} at {}", duration(worst.time.into())),
        );
    }
    if !report.consumed.is_empty() {
        let times = report.consumed.iter().map(|consumed| consumed.count).max().unwrap_or_default();
        let values = number(report.consumed.len() as u64);
        line(
            text,
            "consumed",
            &format!("{values} values more than once by one client, at most {times} times"),
        );
    }
    words(text, "crashed by", report.info_causes.iter().map(|cause| short(cause, WIDTH - 14)));
    if let Some(first) = &report.first_impossible {
        line(
            text,
            "impossible",
            &format!("{} operations, taken all the same: {first}", number(report.impossible)),
        );
    }
}

fn of_class(text: &mut String, report: &Report, class: Class, found: &Found, allowed: bool) {
    let label = if allowed { "allowed" } else { "found" };
    line(text, label, &format!("{class}: {}", number(found.count)));
    for anomaly in found.first.iter().take(TOLD) {
        of_anomaly(text, report, anomaly);
    }
    let told = found.first.len().min(TOLD) as u64;
    if found.count > told {
        line(text, "", &format!("and {} more", number(found.count - told)));
    }
}

fn of_anomaly(text: &mut String, report: &Report, anomaly: &Anomaly) {
    let facts: Vec<String> = (anomaly.facts.iter())
        .filter(|(name, _)| *name != "type")
        .filter_map(|(name, fact)| Some(format!("{name} {}", of_fact(fact)?)))
        .collect();
    if !facts.is_empty() {
        line(text, "", &format!("- {}", facts.join(", ")));
    }
    let mut told: Vec<u64> = Vec::new();
    for index in anomaly.operations() {
        if let Some(op) = report.operations.get(&index).filter(|_| !told.contains(&index)) {
            told.push(index);
            line(text, "", &format!("  {}", operation(op)));
        }
    }
    if let Some(Fact::Steps(steps)) = anomaly.fact("steps") {
        let cycle: Vec<u64> = anomaly.operations().collect();
        for (step, pair) in steps.iter().zip(cycle.windows(2)) {
            line(text, "", &format!("  {}", of_step(step, pair[0], pair[1])));
        }
    }
}

fn operation(op: &Operation) -> String {
    let Operation { index, process, kind, f, value } = op;
    format!("#{index} process {process} {} {}: {value}", kind.name(), f.name())
}

fn of_step(step: &Step, from: u64, to: u64) -> String {
    match step {
        Step::Ww { key, value, next, .. } => {
            format!("#{from} sent {value} to {key} before #{to} sent {next}")
        }
        Step::Wr { key, value, .. } => format!("#{from} sent {value} to {key}, which #{to} polled"),
        Step::Realtime => format!("#{from} ended before #{to} began"),
    }
}

/// In a few words; what is told otherwise is not told here.
fn of_fact(fact: &Fact) -> Option<String> {
    Some(match fact {
        Fact::Number(number) => number.to_string(),
        Fact::Numbers(all) => listed(all.iter().map(u64::to_string), all.len()),
        Fact::Text(text) => short(text, WIDTH),
        Fact::Name(name) => short(&name.to_string(), WIDTH),
        Fact::Names(names) => listed(names.iter().map(Name::to_string), names.len()),
        Fact::Op(index) => format!("#{index}"),
        Fact::Ops(all) => listed(all.iter().map(|index| format!("#{index}")), all.len()),
        Fact::Steps(_) => return None,
        Fact::Counts(counts) => {
            listed(counts.iter().map(|(key, count)| format!("{key}: {count}")), counts.len())
        }
        Fact::NamesByKey(keys) => {
            let all =
                keys.iter().flat_map(|(key, names)| names.iter().map(move |name| format!("{key}:{name}")));
            listed(all, keys.iter().map(|(_, names)| names.len()).sum())
        }
    })
}

fn listed(items: impl Iterator<Item = String>, of: usize) -> String {
    let mut text = items.take(LISTED).map(|item| short(&item, WIDTH)).collect::<Vec<_>>().join(" ");
    if of > LISTED {
        text.push_str(&format!(" … ({of})"));
    }
    text
}

/// Text from elsewhere may be of any length and hold anything.
fn short(text: &str, width: usize) -> String {
    let mut short: String = text.chars().take(width).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(width).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use squall_sim::check::history::{Options, check};
    use squall_sim::history::read::Reader;

    use super::*;

    #[test]
    fn each_anomaly_is_told_with_its_operations() {
        let history = r#"
            {:index 0, :process 0, :type :invoke, :f :send, :time 0, :value [[:send 0 1]]}
            {:index 1, :process 0, :type :fail, :f :send, :time 1, :value [[:send 0 1]]}
            {:index 2, :process 1, :type :invoke, :f :txn, :time 2, :value [[:poll] [:send 1 2]]}
            {:index 3, :process 2, :type :invoke, :f :txn, :time 2, :value [[:poll] [:send 0 3]]}
            {:index 4, :process 1, :type :ok, :f :txn, :time 3, :value [[:poll {0 [[0 1] [1 3]]}] [:send 1 [0 2]]]}
            {:index 5, :process 2, :type :ok, :f :txn, :time 3, :value [[:poll {1 [[0 2]]}] [:send 0 [1 3]]]}
            {:index 6, :process 3, :type :invoke, :f :send, :time 4, :value [[:send 0 4] [:send 0 5]]}
            {:index 7, :process 3, :type :info, :f :send, :time 5, :value [[:send 0 4] [:send 0 5]], :error [:timeout "gone"]}
        "#;
        let ops = Reader::new(history.as_bytes()).unwrap().map(|op| op.unwrap().1);
        let report = check(ops, Options::default()).unwrap();
        expect![[r#"
            history     saw.edn
            verdict     invalid: G1a, G1c, PL-2-cycle-exists
            compared    clients    4   info       1   offsets    3   operations 8   sends      5
                        fail       1   keys       2   ok         2   reads      3   values     5
            allowed     int-send-skip, G0, G0-realtime, PL-1-cycle-exists, strong-PL-1-cycle-exists,
                        queue-duplicated, queue-recovered
            crashed by  timeout gone

            found       G1a: 1
                        - key 0, value 1, writer #1, reader #4
                          #1 process 0 fail send: send 0: 1
                          #4 process 1 ok txn: poll 0: 0=1 1=3, send 1: 0=2

            found       G1c: 1
                        - cycle #4 #5 #4
                          #4 process 1 ok txn: poll 0: 0=1 1=3, send 1: 0=2
                          #5 process 2 ok txn: poll 1: 0=2, send 0: 1=3
                          #4 sent 2 to 1, which #5 polled
                          #5 sent 3 to 0, which #4 polled

            found       PL-2-cycle-exists: 1
                        - not read-committed, scc-size 2, scc #4 #5
                          #4 process 1 ok txn: poll 0: 0=1 1=3, send 1: 0=2
                          #5 process 2 ok txn: poll 1: 0=2, send 0: 1=3
        "#]]
        .assert_eq(&told("saw.edn", &report));
    }

    #[test]
    fn text_from_elsewhere_stays_on_its_line() {
        assert_eq!(short("a\nb\u{1b}[31m", 100), "a b [31m");
        assert_eq!(short("abcdef", 3), "abc…");
    }
}
