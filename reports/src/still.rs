//! A world that stands still: every node's state at a moment.

use std::fmt::Write;

use serde_json::{Value, json};
use squall_sim::narrate::field;
use squall_sim::run::{Still, StillNode};

/// As text: a line for each node, and one for each of its partitions.
pub fn told(still: &Still) -> String {
    let mut text = format!("{} after {} events", still.at, still.events);
    if let Some(ended) = still.ended {
        let _ = write!(text, ", the end of the run: {ended}");
    }
    text.push('\n');
    let names = still.nodes.iter().map(|node| node.name.chars().count()).max().unwrap_or(0);
    for node in &still.nodes {
        let mut line = format!("{:<names$}  {:<6}", node.name, node.life);
        for (name, value) in &node.state {
            if *name == field::PARTITION {
                push(&mut text, &line);
                line = format!("{:names$}  {value:<6}", "");
            } else {
                let _ = write!(line, "  {name} {value}");
            }
        }
        push(&mut text, &line);
    }
    text
}

fn push(text: &mut String, line: &str) {
    text.push_str(line.trim_end());
    text.push('\n');
}

/// As a document. A state is a list of pairs: names come once for each partition.
pub fn document(still: &Still) -> Value {
    let node = |node: &StillNode| json!({ "name": node.name, "life": node.life, "state": node.state });
    json!({
        "virtual_seconds": still.at.0 as f64 / 1e9,
        "events": still.events,
        "ended": still.ended,
        "nodes": still.nodes.iter().map(node).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use squall_core::time::Time;

    use super::*;

    #[test]
    fn every_node_has_a_line_and_every_partition_one_below() {
        let state = [("life", "registered"), ("partition", "0-0"), ("role", "leader"), ("partition", "0-1")];
        let state = state.map(|(name, value)| (name, value.to_owned())).to_vec();
        let nodes = vec![
            StillNode { name: "broker 0".to_owned(), life: "up", state },
            StillNode { name: "controller 1".to_owned(), life: "down", state: Vec::new() },
        ];
        let still = Still { at: Time(1_500_000_000), events: 812, ended: None, nodes };
        expect![[r#"
            1.500000s after 812 events
            broker 0      up      life registered
                          0-0     role leader
                          0-1
            controller 1  down
        "#]]
        .assert_eq(&told(&still));
        assert_eq!(document(&still)["nodes"][0]["state"][1], json!(["partition", "0-0"]));
    }
}
