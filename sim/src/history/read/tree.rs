//! Plain data, as EDN and JSON both have it, and as our own histories do.
//!
//! Looked at where it lies: a view is a place in a [`Tape`](super::tape::Tape) or a borrowed value. Nothing is
//! copied before it is known what it means.

use std::fmt;

use crate::history::Value;

/// A view of it. Of tags and of sets only the content is kept.
pub(super) trait Tree<'a>: Copy {
    /// The items of a list, in order.
    type List: ExactSizeIterator<Item = Self>;
    /// The pairs of a map, as they are written.
    type Map: ExactSizeIterator<Item = (Self, Self)>;

    /// What it is.
    fn data(self) -> Data<'a, Self::List, Self::Map>;

    fn is_nil(self) -> bool {
        matches!(self.data(), Data::Nil)
    }

    /// A text or a word.
    fn word(self) -> Option<&'a str> {
        match self.data() {
            Data::Text(text) | Data::Word(text) => Some(text),
            Data::Nil | Data::Number(_) | Data::Odd(_) | Data::List(_) | Data::Map(_) => None,
        }
    }

    fn list(self) -> Option<Self::List> {
        match self.data() {
            Data::List(items) => Some(items),
            Data::Nil | Data::Number(_) | Data::Text(_) | Data::Word(_) | Data::Odd(_) | Data::Map(_) => None,
        }
    }

    /// In a few words, for whoever wrote it.
    fn told(self) -> String {
        let short = |text: &str| text.chars().take(40).collect::<String>();
        match self.data() {
            Data::Nil => "nil".to_owned(),
            Data::Number(number) => number.to_string(),
            Data::Text(text) => format!("\"{}\"", short(text)),
            Data::Word(word) => short(word),
            Data::Odd(odd) => short(&odd.to_string()),
            Data::List(_) => "a list".to_owned(),
            Data::Map(_) => "a map".to_owned(),
        }
    }

    /// As text on one line, for what is kept as it is: an error.
    fn flat(self) -> String {
        let mut text = String::new();
        self.flatten(&mut text);
        text
    }

    fn flatten(self, into: &mut String) {
        match self.data() {
            Data::Nil => into.push_str("nil"),
            Data::Number(number) => into.push_str(&number.to_string()),
            Data::Text(text) | Data::Word(text) => into.push_str(text),
            Data::Odd(odd) => into.push_str(&odd.to_string()),
            Data::List(items) => {
                for (place, item) in items.enumerate() {
                    into.push_str(if place == 0 { "" } else { " " });
                    item.flatten(into);
                }
            }
            Data::Map(items) => {
                for (place, (key, item)) in items.enumerate() {
                    into.push_str(if place == 0 { "" } else { ", " });
                    key.flatten(into);
                    into.push(' ');
                    item.flatten(into);
                }
            }
        }
    }
}

/// What a form is.
#[derive(Debug, Clone)]
pub(super) enum Data<'a, L, M> {
    Nil,
    Number(i64),
    Text(&'a str),
    /// A keyword or a symbol, without its colon.
    Word(&'a str),
    /// What no history of ours needs: fractions, characters, truth.
    Odd(Odd<'a>),
    List(L),
    Map(M),
}

/// What is kept as it is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Odd<'a> {
    Written(&'a str),
    /// A number that no signed one holds.
    Large(u64),
}

impl fmt::Display for Odd<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Written(text) => f.write_str(text),
            Self::Large(number) => write!(f, "{number}"),
        }
    }
}

/// How deep data may lie in data: an operation lies 6 deep, and each level takes some of the stack.
pub(super) const DEEPEST: u32 = 48;

/// A part of a value of our own. Keys of its maps are text.
#[derive(Debug, Clone, Copy)]
pub(super) enum Own<'a> {
    Value(&'a Value),
    Key(&'a str),
}

impl<'a> Tree<'a> for Own<'a> {
    type List = std::iter::Map<std::slice::Iter<'a, Value>, fn(&'a Value) -> Self>;
    type Map = std::iter::Map<std::slice::Iter<'a, (String, Value)>, fn(&'a (String, Value)) -> (Self, Self)>;

    fn data(self) -> Data<'a, Self::List, Self::Map> {
        let value = match self {
            Self::Key(text) => return Data::Text(text),
            Self::Value(value) => value,
        };
        match value {
            Value::Nil => Data::Nil,
            Value::Bool(yes) => Data::Odd(Odd::Written(if *yes { "true" } else { "false" })),
            Value::Number(number) => {
                i64::try_from(*number).map_or(Data::Odd(Odd::Large(*number)), Data::Number)
            }
            Value::Text(text) => Data::Text(text),
            Value::Word(word) => Data::Word(word),
            Value::List(items) => Data::List(items.iter().map(Self::Value)),
            Value::Map(items) => Data::Map(items.iter().map(pair)),
        }
    }
}

fn pair((key, value): &(String, Value)) -> (Own<'_>, Own<'_>) {
    (Own::Key(key), Own::Value(value))
}
