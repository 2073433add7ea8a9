//! When a fault begins: at a time, or when something happens.
//!
//! Holds: [`When`] and [`Trigger`] with the words that people write. What a trigger speaks of (facts, kinds
//! of message, fields) are the scenario's words, see [`crate::narrate`].
//! Deliberately absent: how a trigger is watched for. That is the [`run`](crate::run)'s.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Whom, text};

/// When a fault begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// At this time, in nanoseconds of virtual time.
    At(u64),
    /// When this happens. A trigger goes off once; one that never does leaves its fault out.
    On(Trigger),
}

impl When {
    /// The time, if there is one before the run.
    pub fn time(&self) -> Option<u64> {
        match self {
            Self::At(at) => Some(*at),
            Self::On(_) => None,
        }
    }

    /// What it waits for, if it has no time.
    pub fn trigger(&self) -> Option<&Trigger> {
        match self {
            Self::At(_) => None,
            Self::On(trigger) => Some(trigger),
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(at) => write!(f, "at {}", text::written(*at)),
            Self::On(trigger) => write!(f, "on {trigger}"),
        }
    }
}

/// Something that happens, for the n-th time. Written as a table of its own:
/// `{ fact = "leader elected", by = "node 1", where = { epoch = 4 }, nth = 2, after = "20ms" }` or
/// `{ sent = "fetch", from = "node 2", to = "leader of 0-1" }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Written", try_from = "Written")]
pub struct Trigger {
    /// What happens.
    pub what: Happening,
    /// Only what has these fields, each with this value, counts.
    pub fields: BTreeMap<String, String>,
    /// How often it must have happened since the run began; at least 1.
    pub nth: u64,
    /// How long after that the fault begins, in nanoseconds; 0: after the event, before the next one.
    pub after: u64,
}

impl Trigger {
    /// The first time that `what` happens, at once.
    pub fn first(what: Happening) -> Self {
        Self { what, fields: BTreeMap::new(), nth: 1, after: 0 }
    }
}

/// What a trigger can wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// A process reports a fact.
    Fact {
        /// The fact's kind.
        kind: String,
        /// Who reports it; none: whoever.
        by: Option<Whom>,
    },
    /// The network takes a message. What a cut or the weather swallows at once does not count.
    Sent(Letters),
    /// A process has taken a message in.
    Taken(Letters),
    /// A process has taken a request in, and has sent the asker nothing since: neither in the step that took
    /// it nor in the `after` that follows. The request still waits for its answer when the fault begins.
    Unanswered(Letters),
}

impl Happening {
    /// The kind of fact or message.
    pub fn kind(&self) -> &str {
        match self {
            Self::Fact { kind, .. } => kind,
            Self::Sent(letters) | Self::Taken(letters) | Self::Unanswered(letters) => &letters.kind,
        }
    }
}

/// Messages of one kind between some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letters {
    /// Their kind.
    pub kind: String,
    /// Who sends them; none: whoever.
    pub from: Option<Whom>,
    /// Whom they are for; none: whomever.
    pub to: Option<Whom>,
}

impl fmt::Display for Letters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.kind)?;
        if let Some(from) = &self.from {
            write!(f, " from {from}")?;
        }
        if let Some(to) = &self.to {
            write!(f, " to {to}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.nth {
            1 => f.write_str("the first ")?,
            nth => write!(f, "the {nth}{} ", ordinal(nth))?,
        }
        match &self.what {
            Happening::Fact { kind, by } => {
                write!(f, "`{kind}`")?;
                if let Some(by) = by {
                    write!(f, " by {by}")?;
                }
            }
            Happening::Sent(letters) => write!(f, "{letters} sent")?,
            Happening::Taken(letters) => write!(f, "{letters} taken in")?,
            Happening::Unanswered(letters) => write!(f, "{letters} taken in and not answered")?,
        }
        for (number, (field, value)) in self.fields.iter().enumerate() {
            let joint = if number == 0 { "with" } else { "and" };
            write!(f, " {joint} {field} {value}")?;
        }
        if self.after > 0 {
            write!(f, ", {} later", text::written(self.after))?;
        }
        Ok(())
    }
}

fn ordinal(number: u64) -> &'static str {
    match (number % 10, number % 100) {
        (1, tens) if tens != 11 => "st",
        (2, tens) if tens != 12 => "nd",
        (3, tens) if tens != 13 => "rd",
        _ => "th",
    }
}

/// A trigger as it stands in a file.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fact: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    taken: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unanswered: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<Whom>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<Whom>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<Whom>,
    #[serde(rename = "where", default, skip_serializing_if = "BTreeMap::is_empty")]
    fields: BTreeMap<String, Value>,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    nth: u64,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text::option")]
    after: Option<u64>,
}

pub(super) fn one() -> u64 {
    1
}

pub(super) fn is_one(number: &u64) -> bool {
    *number == 1
}

/// A field's value: people write numbers without quotes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a text, a whole number, or true or false")]
enum Value {
    Text(String),
    Number(i64),
    Switch(bool),
}

impl From<Value> for String {
    fn from(value: Value) -> Self {
        match value {
            Value::Text(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Switch(on) => on.to_string(),
        }
    }
}

impl From<Trigger> for Written {
    fn from(trigger: Trigger) -> Self {
        let Trigger { what, fields, nth, after } = trigger;
        let fields = fields.into_iter().map(|(field, value)| (field, Value::Text(value))).collect();
        let mut written = Self { fields, nth, after: (after > 0).then_some(after), ..Self::default() };
        let (kind, letters) = match what {
            Happening::Fact { kind, by } => {
                written.by = by;
                written.fact = Some(kind);
                return written;
            }
            Happening::Sent(letters) => (&mut written.sent, letters),
            Happening::Taken(letters) => (&mut written.taken, letters),
            Happening::Unanswered(letters) => (&mut written.unanswered, letters),
        };
        *kind = Some(letters.kind);
        written.from = letters.from;
        written.to = letters.to;
        written
    }
}

impl TryFrom<Written> for Trigger {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { fact, sent, taken, unanswered, by, from, to, fields, nth, after } = written;
        if nth == 0 {
            return Err("`nth` counts from 1".to_owned());
        }
        let letters = |kind| Letters { kind, from: from.clone(), to: to.clone() };
        let what = match (fact, sent, taken, unanswered) {
            (Some(_), None, None, None) if from.is_some() || to.is_some() => {
                return Err("a fact has neither `from` nor `to`: say `by` whom".to_owned());
            }
            (Some(kind), None, None, None) => Happening::Fact { kind, by },
            (None, ..) if by.is_some() => return Err("a message has no `by`: say `from` and `to`".to_owned()),
            (None, Some(kind), None, None) => Happening::Sent(letters(kind)),
            (None, None, Some(kind), None) => Happening::Taken(letters(kind)),
            (None, None, None, Some(kind)) => Happening::Unanswered(letters(kind)),
            _ => return Err("`when` says one of `fact`, `sent`, `taken` and `unanswered`".to_owned()),
        };
        let fields = fields.into_iter().map(|(field, value)| (field, value.into())).collect();
        Ok(Self { what, fields, nth, after: after.unwrap_or(0) })
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use squall_core::ids::NodeId;

    use super::*;

    fn read(text: &str) -> Result<Trigger, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_trigger_reads_back_and_leaves_out_what_goes_without_saying() {
        let plain = Trigger::first(Happening::Fact { kind: "leader elected".to_owned(), by: None });
        let full = Trigger {
            what: Happening::Unanswered(Letters {
                kind: "produce".to_owned(),
                from: Some(Whom::Node(NodeId(6))),
                to: Some(Whom::Role("leader of 0-1".to_owned())),
            }),
            fields: BTreeMap::from([("partition".to_owned(), "0-1".to_owned())]),
            nth: 3,
            after: 20_000_000,
        };
        for trigger in [&plain, &full] {
            assert_eq!(read(&serde_json::to_string(trigger).unwrap()).as_ref(), Ok(trigger));
        }
        expect![[r#"{"fact":"leader elected"}"#]].assert_eq(&serde_json::to_string(&plain).unwrap());
        expect![
            "the 3rd `produce` from node 6 to leader of 0-1 taken in and not answered with partition 0-1, 20ms later"
        ]
        .assert_eq(&full.to_string());
    }

    #[test]
    fn numbers_of_fields_need_no_quotes() {
        let bare = read(r#"{"fact":"elected","where":{"epoch":4,"clean":true}}"#).unwrap();
        assert_eq!(Ok(bare), read(r#"{"fact":"elected","where":{"epoch":"4","clean":"true"}}"#));
    }

    #[test]
    fn an_impossible_trigger_is_refused_in_one_line() {
        for (text, word) in [
            (r#"{"fact":"elected","nth":0}"#, "`nth` counts from 1"),
            (r#"{"fact":"elected","from":"node 1"}"#, "neither `from` nor `to`"),
            (r#"{"sent":"vote","by":"node 1"}"#, "no `by`"),
            (r#"{"sent":"vote","taken":"vote"}"#, "one of `fact`"),
            (r#"{"nth":3}"#, "one of `fact`"),
            (r#"{"fact":"elected","whom":"node 1"}"#, "unknown field `whom`"),
            (r#"{"fact":"elected","after":"soon"}"#, "`soon` is not a time"),
            (r#"{"fact":"elected","where":{"epoch":[1]}}"#, "expected a text"),
        ] {
            let refused = read(text).unwrap_err();
            assert!(refused.contains(word), "{text}: {refused}");
        }
    }
}
