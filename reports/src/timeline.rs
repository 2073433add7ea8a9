//! A timeline made to be read by eye: one aligned line for each state change.
//!
//! Every node has a lane one character wide, so that a glance down the page shows who did what and who was
//! down; then come the node's name, what happened, partition, epoch and offsets, each in its column. Lines
//! are as wide as they are: a narrow terminal cuts what matters least.

use std::fmt::Write;

use squall_sim::narrate::{Fields, field};
use squall_sim::timeline::{Line, Stage, What, act, lost};
use squall_sim::trace::Kind;

/// What part of a run is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Focus {
    /// Nothing after this, in nanoseconds of virtual time.
    pub until: u64,
    /// Only this node, by name or number. Faults are always shown.
    pub node: Option<String>,
    /// Only this partition, by name or number. Faults and lives of nodes are always shown.
    pub partition: Option<String>,
}

/// Lays out the lines of one run.
#[derive(Debug, Clone)]
pub struct Timeline {
    until: u64,
    node: Option<usize>,
    partition: Option<String>,
    lanes: Vec<Lane>,
    /// The widest name of a node.
    names: usize,
}

#[derive(Debug, Clone)]
struct Lane {
    /// The first node of its sort: a gap is before it.
    first: bool,
    /// What is there while nothing happens.
    rest: char,
}

const UP: char = '·';
const DOWN: char = ' ';
const PAUSED: char = '‖';

/// The column of what happened.
const KIND: usize = 22;
/// The column of offsets.
const OFFSETS: usize = 20;

impl Timeline {
    /// A timeline of this world.
    ///
    /// # Errors
    /// If there is no such node or partition: one line that says which there are.
    pub fn new(stage: &Stage, focus: &Focus) -> Result<Self, String> {
        let node = focus.node.as_ref().map(|asked| find_node(&stage.nodes, asked)).transpose()?;
        let partition =
            focus.partition.as_ref().map(|asked| find_partition(&stage.partitions, asked)).transpose()?;
        let sort = |name: &str| name.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
        let lanes = stage.nodes.iter().enumerate().map(|(place, name)| {
            let first = place > 0 && sort(&stage.nodes[place - 1]) != sort(name);
            Lane { first, rest: UP }
        });
        let names = stage.nodes.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        Ok(Self { until: focus.until, node, partition, lanes: lanes.collect(), names })
    }

    /// What stands above the columns: nodes by the last figure of their number.
    pub fn heading(&self) -> String {
        let lanes = self.lanes(|place, _| char::from_digit((place % 10) as u32, 10).unwrap_or('?'));
        let names = self.names;
        let text = format!(
            "{:>12}  {lanes}  {:<names$}  {:<KIND$}  part  epoch {:<OFFSETS$}",
            "time", "node", "what", "offsets"
        );
        text.trim_end().to_owned()
    }

    /// The text of a line; `None` if it is not to be shown. Every line must be told, shown or not: the lanes
    /// know from them who is down.
    pub fn tell(&mut self, line: &Line) -> Option<String> {
        let place = line.who.as_ref().map(|who| who.node.index()).filter(|place| *place < self.lanes.len());
        if let (Some(place), What::Act(kind)) = (place, &line.what)
            && let Some(rest) = rest(*kind)
        {
            self.lanes[place].rest = rest;
        }
        if line.at.0 > self.until || !self.shows(line, place) {
            return None;
        }
        let mut text = format!("{:>12}  ", line.at.to_string());
        if let What::Notice(notice) = &line.what {
            let _ = write!(text, "{}  {notice}", self.lanes(|_, _| '─').replace(' ', "─"));
            return Some(text);
        }
        let sign = glyph(&line.what);
        text.push_str(&self.lanes(|lane, rest| if Some(lane) == place { sign } else { rest }));
        let name = line.who.as_ref().map_or("", |who| &who.name);
        let _ = write!(text, "  {name:<names$}  ", names = self.names);
        what(&mut text, &line.what);
        Some(text.trim_end().to_owned())
    }

    fn shows(&self, line: &Line, place: Option<usize>) -> bool {
        let of_node = self.node.is_none_or(|node| {
            let from = match &line.what {
                What::Message { from, .. } => Some(from.node.index()),
                What::Notice(_) => return true,
                What::Act(_) | What::Fact { .. } | What::Lost(_) | What::Timer(_) | What::Sync => None,
            };
            place == Some(node) || from == Some(node)
        });
        let of_partition = self.partition.as_ref().is_none_or(|asked| match &line.what {
            What::Fact { fields, .. } | What::Message { fields, .. } => {
                value(fields, field::PARTITION) == Some(asked)
            }
            What::Notice(_) | What::Act(_) => true,
            What::Lost(_) | What::Timer(_) | What::Sync => false,
        });
        of_node && of_partition
    }

    fn lanes(&self, sign: impl Fn(usize, char) -> char) -> String {
        let mut text = String::with_capacity(self.lanes.len() + 8);
        for (place, lane) in self.lanes.iter().enumerate() {
            if lane.first {
                text.push(' ');
            }
            text.push(sign(place, lane.rest));
        }
        text
    }
}

fn find_node(names: &[String], asked: &str) -> Result<usize, String> {
    let by_name = names.iter().position(|name| name == asked);
    let by_number = || asked.parse().ok().filter(|place| *place < names.len());
    by_name.or_else(by_number).ok_or_else(|| format!("no node `{asked}`: there are {}", names.join(", ")))
}

fn find_partition(names: &[String], asked: &str) -> Result<String, String> {
    if names.is_empty() {
        return Err(format!("no partition `{asked}`: this scenario has none"));
    }
    let is =
        |name: &&String| *name == asked || name.rsplit_once('-').is_some_and(|(_, number)| number == asked);
    let found = names.iter().find(is).cloned();
    found.ok_or_else(|| format!("no partition `{asked}`: there are {}", names.join(", ")))
}

/// What a lane shows from an act on; `None`: as before.
const fn rest(kind: Kind) -> Option<char> {
    match kind {
        Kind::Started | Kind::Resumed => Some(UP),
        Kind::Crashed | Kind::PowerLost | Kind::Wiped => Some(DOWN),
        Kind::Paused => Some(PAUSED),
        Kind::Created
        | Kind::Delivered { .. }
        | Kind::Dropped { .. }
        | Kind::Expired
        | Kind::Synced
        | Kind::Cut { .. }
        | Kind::Mended { .. }
        | Kind::Weather { .. }
        | Kind::ClockSet
        | Kind::DiskSet
        | Kind::DiskHarmed
        | Kind::Interfered { .. } => None,
    }
}

const fn glyph(what: &What) -> char {
    match what {
        What::Notice(_) => '─',
        What::Act(kind) => match rest(*kind) {
            Some(UP) => '^',
            Some(DOWN) => 'X',
            Some(other) => other,
            None => UP,
        },
        What::Fact { glyph, .. } => *glyph,
        What::Message { .. } => '<',
        What::Lost(_) => 'x',
        What::Timer(_) => 't',
        What::Sync => 's',
    }
}

/// The columns from what happened on.
fn what(text: &mut String, what: &What) {
    match what {
        What::Notice(notice) => text.push_str(notice),
        What::Act(kind) => text.push_str(act(*kind)),
        What::Fact { kind, fields, .. } => columns(text, kind, fields),
        What::Message { from, kind, fields } => {
            columns(text, &format!("< {kind}"), fields);
            let _ = write!(text, "  from {}", from.name);
        }
        What::Lost(why) => {
            let _ = write!(text, "lost: {}", lost(*why));
        }
        What::Timer(timer) => {
            let _ = write!(text, "timer {timer}");
        }
        What::Sync => text.push_str("sync ended"),
    }
}

/// Partition, epoch and offsets in their places, then the rest.
fn columns(text: &mut String, kind: &str, fields: &Fields) {
    let of = |name| value(fields, name).unwrap_or("");
    let epoch = match of(field::EPOCH) {
        "" => String::new(),
        epoch => format!("e{epoch}"),
    };
    let offsets = fields.iter().filter_map(|(name, value)| Some(format!("{} {value}", short(name)?)));
    let offsets = offsets.collect::<Vec<_>>().join(" ");
    let _ = write!(text, "{kind:<KIND$}  {:<4}  {epoch:<5} {offsets:<OFFSETS$}", of(field::PARTITION));
    for (name, value) in fields {
        if short(name).is_none() && *name != field::PARTITION && *name != field::EPOCH {
            let _ = write!(text, "  {name} {value}");
        }
    }
}

/// The short name of an offset; `None` for what is none.
fn short(name: &str) -> Option<&'static str> {
    [
        (field::OFFSET, "at"),
        (field::LOG_START, "start"),
        (field::HIGH_WATERMARK, "hw"),
        (field::LOG_END, "end"),
    ]
    .into_iter()
    .find_map(|(long, short)| (long == name).then_some(short))
}

fn value<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields.iter().find_map(|(own, value)| (*own == name).then_some(value.as_str()))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use squall_core::ids::NodeId;
    use squall_core::time::Time;
    use squall_sim::timeline::Somebody;

    use super::*;

    fn stage() -> Stage {
        let nodes = ["broker 0", "broker 1", "controller 2", "producer 3"];
        Stage {
            nodes: nodes.map(str::to_owned).to_vec(),
            partitions: vec!["0-0".to_owned(), "0-1".to_owned()],
        }
    }

    fn line(millis: u64, node: u32, what: What) -> Line {
        let name = stage().nodes[node as usize].clone();
        Line {
            at: Time(millis * 1_000_000),
            event: 1,
            who: Some(Somebody { node: NodeId(node), name }),
            what,
        }
    }

    fn fact(kind: &'static str, glyph: char, fields: &[(&'static str, &str)]) -> What {
        let fields = fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        What::Fact { kind, glyph, fields }
    }

    fn lines() -> Vec<Line> {
        let notice = What::Notice("begins: power-loss node 1".to_owned());
        vec![
            line(
                100,
                0,
                fact("leader elected", '★', &[("partition", "0-1"), ("epoch", "4"), ("log end", "12")]),
            ),
            Line { who: None, ..line(120, 0, notice) },
            line(120, 1, What::Act(Kind::PowerLost)),
            line(130, 2, fact("controller elected", '★', &[("epoch", "5"), ("log end", "90")])),
            line(
                140,
                0,
                fact(
                    "isr adopted",
                    '◆',
                    &[("partition", "0-0"), ("epoch", "4"), ("partition epoch", "7"), ("isr", "[0]")],
                ),
            ),
            line(150, 1, What::Act(Kind::Started)),
            line(
                160,
                3,
                What::Message {
                    from: Somebody { node: NodeId(0), name: "broker 0".to_owned() },
                    kind: "produce reply",
                    fields: vec![("partition", "0-1".to_owned()), ("offset", "12".to_owned())],
                },
            ),
        ]
    }

    fn told(focus: &Focus) -> String {
        let mut timeline = Timeline::new(&stage(), focus).unwrap();
        let mut text = timeline.heading() + "\n";
        for line in lines() {
            if let Some(line) = timeline.tell(&line) {
                text.push_str(&line);
                text.push('\n');
            }
        }
        // An expectation's own indentation is not part of it.
        text.lines().map(|line| line.strip_prefix("   ").unwrap_or(line).to_owned() + "\n").collect()
    }

    const ALL: Focus = Focus { until: u64::MAX, node: None, partition: None };

    #[test]
    fn a_glance_down_the_lanes_shows_who_did_what_and_who_was_down() {
        expect![[r#"
                    time  01 2 3  node          what                    part  epoch offsets
               0.100000s  ★· · ·  broker 0      leader elected          0-1   e4    end 12
               0.120000s  ──────  begins: power-loss node 1
               0.120000s  ·X · ·  broker 1      lost power
               0.130000s  ·  ★ ·  controller 2  controller elected            e5    end 90
               0.140000s  ◆  · ·  broker 0      isr adopted             0-0   e4                          partition epoch 7  isr [0]
               0.150000s  ·^ · ·  broker 1      booted
               0.160000s  ·· · <  producer 3    < produce reply         0-1         at 12                 from broker 0
        "#]].assert_eq(&told(&ALL));
    }

    #[test]
    fn a_focus_hides_the_rest_and_never_a_fault() {
        let focus = Focus { partition: Some("1".to_owned()), ..ALL };
        expect![[r#"
                    time  01 2 3  node          what                    part  epoch offsets
               0.100000s  ★· · ·  broker 0      leader elected          0-1   e4    end 12
               0.120000s  ──────  begins: power-loss node 1
               0.120000s  ·X · ·  broker 1      lost power
               0.150000s  ·^ · ·  broker 1      booted
               0.160000s  ·· · <  producer 3    < produce reply         0-1         at 12                 from broker 0
        "#]].assert_eq(&told(&focus));
        let focus = Focus { node: Some("controller 2".to_owned()), until: 130_000_000, ..ALL };
        expect![[r#"
                    time  01 2 3  node          what                    part  epoch offsets
               0.120000s  ──────  begins: power-loss node 1
               0.130000s  ·  ★ ·  controller 2  controller elected            e5    end 90
        "#]]
        .assert_eq(&told(&focus));
    }

    #[test]
    fn what_there_is_not_is_refused_with_what_there_is() {
        let refused = |focus| Timeline::new(&stage(), &focus).unwrap_err();
        assert_eq!(
            refused(Focus { node: Some("broker 9".to_owned()), ..ALL }),
            "no node `broker 9`: there are broker 0, broker 1, controller 2, producer 3"
        );
        assert_eq!(
            refused(Focus { partition: Some("7".to_owned()), ..ALL }),
            "no partition `7`: there are 0-0, 0-1"
        );
    }
}
