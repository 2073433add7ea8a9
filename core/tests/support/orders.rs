//! Orders that any bench takes: which nodes, how long, what becomes of messages.

use squall_core::env::Process;
use squall_core::ids::NodeId;
use squall_core::time::Span;

use super::bench::Bench;
use super::script::Command;

/// The number behind `key=`, or `otherwise`.
pub fn number(command: &Command, key: &str, otherwise: u64) -> u64 {
    command.option(key).map_or(otherwise, |word| word.parse().unwrap_or_else(|_| panic!("{word}: no number")))
}

/// A node, by its number.
pub fn by_number(word: &str) -> NodeId {
    NodeId(word.parse().expect("a node"))
}

/// Where the client of this letter lives.
pub fn client(letter: &str) -> NodeId {
    let letter = letter.bytes().next().expect("a letter");
    NodeId(100 + u32::from(letter - b'a'))
}

/// `[NODE…]`: those that are named, or all.
pub fn nodes<P: Process>(bench: &Bench<P>, command: &Command) -> Vec<NodeId> {
    if command.words.is_empty() {
        return bench.nodes().collect();
    }
    command.words.iter().map(|word| by_number(word)).collect()
}

/// `wait NODE… MILLIS`: clocks move on.
pub fn wait<P: Process>(bench: &mut Bench<P>, command: &Command) {
    let (span, nodes) = command.words.split_last().expect("wait NODE… MILLIS");
    let span = Span::from_millis(span.parse().expect("milliseconds"));
    nodes.iter().for_each(|word| bench.wait(by_number(word), span));
}

/// `deliver`, `drop`, `double`, `reverse A->B [first|last]`: what is on its way from A to B arrives, is lost, comes
/// twice, in the opposite order. Answers whether there was anything; `end` knows whom a word names.
pub fn on_packets<P: Process>(bench: &mut Bench<P>, command: &Command, end: impl Fn(&str) -> NodeId) -> bool {
    let (from, to) = command.words[0].split_once("->").expect("FROM->TO");
    let (from, to) = (end(from), end(to));
    let mut chosen: Vec<usize> =
        (0..bench.pool.len()).filter(|i| bench.pool[*i].from == from && bench.pool[*i].to == to).collect();
    match command.words.get(1).map(String::as_str) {
        Some("first") => chosen.truncate(1),
        Some("last") => drop(chosen.drain(..chosen.len().saturating_sub(1))),
        Some(other) => panic!("which one is {other}?"),
        None => {}
    }
    let packets = chosen.iter().map(|index| bench.pool[*index].clone());
    match command.verb.as_str() {
        "double" => {
            let packets: Vec<_> = packets.collect();
            bench.pool.extend(packets);
        }
        "reverse" => {
            let packets: Vec<_> = packets.rev().collect();
            chosen.iter().zip(packets).for_each(|(index, packet)| bench.pool[*index] = packet);
        }
        "drop" => chosen.iter().rev().for_each(|index| drop(bench.pool.remove(*index))),
        // Each delivery moves those behind it up by one; what it sends goes to the end.
        "deliver" => chosen.iter().enumerate().for_each(|(done, index)| bench.deliver(index - done)),
        other => panic!("what is {other} to a packet?"),
    }
    !chosen.is_empty()
}
