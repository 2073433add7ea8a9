//! Faults that do several things one after another: what, and when.
//!
//! A script is a pure function from the number of a turn to what is done then. Nothing is unrolled: a link
//! that flaps for an hour takes no more memory than one that flaps once.
//! Deliberately absent: the world. What a turn finds done already it leaves.

use squall_core::ids::NodeId;

use super::weather::Pair;

/// How a process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Death {
    Crash,
    PowerLoss,
    Wipe,
}

/// One thing that a turn does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// The fault holds these links cut. A link may be held twice.
    Cut(Vec<Pair>),
    /// It lets go of these.
    Mend(Vec<Pair>),
    /// It takes the node down and holds it there.
    Down(NodeId, Death),
    /// It lets go of the node.
    Up(NodeId),
    /// It asks whoever has the role to hand it over.
    Transfer(String),
}

/// The course of one fault. Times are in nanoseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Script {
    Flapping { pairs: Vec<Pair>, period: u64 },
    MovingSplit { ring: Vec<NodeId>, period: u64 },
    Swizzle { cut: Vec<Vec<Pair>>, mend: Vec<Vec<Pair>> },
    RestartStorm { node: NodeId, times: u64 },
    Rolling { nodes: Vec<NodeId> },
    Rack { nodes: Vec<NodeId> },
    Recovering { node: NodeId, death: Death, after: u64 },
    Transfers { role: String, times: u64 },
}

/// A plan written by hand must not stop time with a period of nothing.
const SHORTEST_PERIOD: u64 = 1_000_000;

impl Script {
    /// When turn `turn` comes, counted from the beginning of a fault that lasts `lasts`, and what it does. `None`:
    /// there is none; the fault just goes on until its end. Turns come in order of time.
    pub(super) fn turn(&self, turn: u64, lasts: u64) -> Option<(u64, Vec<Step>)> {
        match self {
            Self::Flapping { pairs, period } => {
                let at = turn * (*period).max(SHORTEST_PERIOD) / 2;
                Some((at, vec![if turn.is_multiple_of(2) { Step::Cut } else { Step::Mend }(pairs.clone())]))
            }
            Self::MovingSplit { ring, period } => {
                let mut steps = vec![Step::Cut(sides(ring, turn))];
                // After the new cut: a link that both splits cut stays cut.
                steps.extend(turn.checked_sub(1).map(|last| Step::Mend(sides(ring, last))));
                Some((turn * (*period).max(SHORTEST_PERIOD), steps))
            }
            Self::Swizzle { cut, mend } => swizzle(cut, mend, turn, lasts),
            Self::RestartStorm { node, times } => {
                let (round, half) = (turn / 2, turn % 2);
                let step = if half == 0 { Step::Down(*node, Death::Crash) } else { Step::Up(*node) };
                (round < *times).then(|| (share(lasts, turn, times * 2), vec![step]))
            }
            Self::Rolling { nodes } => {
                let node = *nodes.get(turn as usize)?;
                let last = turn.checked_sub(1).map(|last| Step::Up(nodes[last as usize]));
                let steps = last.into_iter().chain([Step::Down(node, Death::Crash)]).collect();
                Some((share(lasts, turn, nodes.len() as u64), steps))
            }
            Self::Rack { nodes } => {
                let down = |node: &NodeId| Step::Down(*node, Death::PowerLoss);
                (turn == 0).then(|| (0, nodes.iter().map(down).collect()))
            }
            Self::Transfers { role, times } => {
                (turn < *times).then(|| (share(lasts, turn, *times), vec![Step::Transfer(role.clone())]))
            }
            Self::Recovering { node, death, after } => {
                let up = lasts.saturating_sub(*after) / 2;
                match turn {
                    0 => Some((0, vec![Step::Down(*node, *death)])),
                    1 => Some((up, vec![Step::Up(*node)])),
                    2 => Some((up.saturating_add(*after), vec![Step::Down(*node, *death)])),
                    _ => None,
                }
            }
        }
    }
}

/// `part` parts of `lasts`, of which there are `parts`.
fn share(lasts: u64, part: u64, parts: u64) -> u64 {
    let exact = u128::from(lasts) * u128::from(part) / u128::from(parts.max(1));
    u64::try_from(exact).unwrap_or(u64::MAX)
}

fn swizzle(cut: &[Vec<Pair>], mend: &[Vec<Pair>], turn: u64, lasts: u64) -> Option<(u64, Vec<Step>)> {
    let half = lasts / 2;
    if let Some(pairs) = cut.get(turn as usize) {
        return Some((share(half, turn, cut.len() as u64), vec![Step::Cut(pairs.clone())]));
    }
    let turn = turn - cut.len() as u64;
    let pairs = mend.get(turn as usize)?;
    Some((half.saturating_add(share(half, turn, mend.len() as u64)), vec![Step::Mend(pairs.clone())]))
}

/// Both directions between the half of `ring` that begins at its `turn`th node and the others.
fn sides(ring: &[NodeId], turn: u64) -> Vec<Pair> {
    if ring.is_empty() {
        return Vec::new();
    }
    let mut order = ring.to_vec();
    order.rotate_left((turn % ring.len() as u64) as usize);
    let (left, right) = order.split_at(ring.len() / 2);
    left.iter().flat_map(|a| right.iter().flat_map(move |b| [(*a, *b), (*b, *a)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(numbers: &[u32]) -> Vec<NodeId> {
        numbers.iter().copied().map(NodeId).collect()
    }

    /// When each turn comes, as long as there are any within the fault.
    fn times(script: &Script, lasts: u64) -> Vec<u64> {
        let turns = (0..100).map_while(|turn| script.turn(turn, lasts));
        turns.map(|(at, _)| at).take_while(|at| *at < lasts).collect()
    }

    #[test]
    fn a_restart_storm_is_equally_long_down_and_up() {
        let storm = Script::RestartStorm { node: NodeId(1), times: 2 };
        assert_eq!(times(&storm, 400), [0, 100, 200, 300]);
        assert_eq!(storm.turn(3, 400), Some((300, vec![Step::Up(NodeId(1))])));
    }

    #[test]
    fn in_a_rolling_restart_the_next_goes_down_when_the_last_is_up() {
        let rolling = Script::Rolling { nodes: nodes(&[4, 2, 3]) };
        assert_eq!(times(&rolling, 300), [0, 100, 200]);
        let steps = vec![Step::Up(NodeId(4)), Step::Down(NodeId(2), Death::Crash)];
        assert_eq!(rolling.turn(1, 300), Some((100, steps)));
    }

    #[test]
    fn a_node_that_ends_again_after_it_came_back_is_down_equally_long_both_times() {
        let script = Script::Recovering { node: NodeId(0), death: Death::PowerLoss, after: 10 };
        assert_eq!(times(&script, 110), [0, 50, 60]);
    }

    #[test]
    fn links_are_cut_in_the_first_half_and_mended_in_the_second() {
        let pair = |from, to| vec![(NodeId(from), NodeId(to))];
        let (cut, mend) = (vec![pair(0, 1), pair(1, 2)], vec![pair(1, 2), pair(0, 1)]);
        let script = Script::Swizzle { cut, mend };
        assert_eq!(times(&script, 80), [0, 20, 40, 60]);
        assert_eq!(script.turn(2, 80), Some((40, vec![Step::Mend(pair(1, 2))])));
    }

    #[test]
    fn a_split_moves_by_one_node_at_a_time() {
        let ring = nodes(&[0, 1, 2]);
        let left = |turn| sides(&ring, turn).first().map(|(left, _)| left.0);
        assert_eq!([0, 1, 2, 3].map(left), [Some(0), Some(1), Some(2), Some(0)]);
    }

    #[test]
    fn a_period_of_nothing_does_not_stop_time() {
        let script = Script::Flapping { pairs: Vec::new(), period: 0 };
        assert!(times(&script, 5_000_000).len() <= 10);
    }
}
