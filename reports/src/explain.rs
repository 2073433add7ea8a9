//! An explanation as a table, and the story below it.

use squall_sim::explain::{Explanation, Row, Turn};

use crate::text::{line, number};

/// What each fault and operation is needed for, then what happened.
pub fn table(explained: &Explanation) -> String {
    let mut text = String::new();
    line(&mut text, "fails with", &explained.failure);
    line(&mut text, "at", &explained.at);
    let yet = if explained.finished { "" } else { ", stopped early" };
    line(&mut text, "tried", &format!("{} runs{yet}", number(explained.runs)));
    rows(&mut text, "fault", &explained.faults);
    rows(&mut text, "operation", &explained.operations);
    text.push('\n');
    for sentence in &explained.story {
        text.push_str(sentence);
        text.push('\n');
    }
    text
}

fn rows(text: &mut String, of: &str, rows: &[Row]) {
    if !rows.is_empty() {
        text.push('\n');
    }
    for row in rows {
        line(text, &format!("{of} {}", row.number), &format!("{} {}", row.at, row.what));
        for said in said(row) {
            line(text, "", &said);
        }
    }
}

/// What is known about an item, a line each.
pub fn said(row: &Row) -> Vec<String> {
    let mut lines = Vec::new();
    lines.push(
        match row.needed {
            Some(true) => "needed",
            Some(false) => "not needed",
            None => "not tried",
        }
        .to_owned(),
    );
    let sides = [("before", &row.before), ("after", &row.after)];
    lines.extend(sides.into_iter().filter_map(|(side, turn)| Some(needed(side, turn.as_ref()?))));
    if !row.ordered_with.is_empty() {
        let faults: Vec<String> = row.ordered_with.iter().map(usize::to_string).collect();
        lines.push(format!("needed in this order with fault {}", faults.join(", ")));
    }
    if let Some(softer) = &row.softer {
        lines.push(format!("less does as well: {softer}"));
    }
    lines
}

fn needed(side: &str, turn: &Turn) -> String {
    match turn.event {
        Some(event) => format!("needed {side} event {event} ({}): {}", turn.at, turn.what),
        None if turn.what.is_empty() => format!("needed {side} {}", turn.at),
        None => format!("needed {side} {}: {}", turn.at, turn.what),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn an_explanation_is_a_table_and_a_story() {
        let turn =
            |event, what: &str| Turn { event: Some(event), at: "3.4s".to_owned(), what: what.to_owned() };
        let crash = Row {
            number: 1,
            at: "3s".to_owned(),
            at_ns: 3_000_000_000,
            what: "crash broker 2, for 1s".to_owned(),
            needed: Some(true),
            before: Some(turn(812, "broker 1: leader elected (partition 0-1, epoch 4)")),
            after: Some(turn(640, "broker 2 takes produce from producer 6")),
            softer: Some("restart broker 2".to_owned()),
            ordered_with: vec![2],
        };
        let send = Row {
            number: 1,
            at: "2.9s".to_owned(),
            at_ns: 2_900_000_000,
            what: "client 0: send bytes 15".to_owned(),
            needed: Some(false),
            before: Some(Turn { event: None, ..turn(0, "fault begins: crash broker 2") }),
            after: Some(Turn { event: None, ..turn(0, "") }),
            softer: None,
            ordered_with: Vec::new(),
        };
        let explained = Explanation {
            likeness: "violation acked_is_kept".to_owned(),
            failure: "acked_is_kept: 0-1 lost an acknowledged record".to_owned(),
            at: "3.5s".to_owned(),
            faults: vec![crash],
            operations: vec![send],
            story: vec![
                "At 3s, fault: crash broker 2.".to_owned(),
                "At 3.4s, broker 1 leads 0-1.".to_owned(),
            ],
            runs: 1_234,
            finished: true,
        };
        expect![[r#"
            fails with  acked_is_kept: 0-1 lost an acknowledged record
            at          3.5s
            tried       1 234 runs

            fault 1     3s crash broker 2, for 1s
                        needed
                        needed before event 812 (3.4s): broker 1: leader elected (partition 0-1, epoch 4)
                        needed after event 640 (3.4s): broker 2 takes produce from producer 6
                        needed in this order with fault 2
                        less does as well: restart broker 2

            operation 1 2.9s client 0: send bytes 15
                        not needed
                        needed before 3.4s: fault begins: crash broker 2
                        needed after 3.4s

            At 3s, fault: crash broker 2.
            At 3.4s, broker 1 leads 0-1.
        "#]]
        .assert_eq(&table(&explained));
    }
}
