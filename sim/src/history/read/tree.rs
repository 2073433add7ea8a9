//! Plain data, as EDN and JSON both have it.

/// A tree of it. Of tags and of sets only the content is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tree {
    Nil,
    Number(i64),
    Text(String),
    /// A keyword or a symbol, without its colon.
    Word(String),
    /// What no history of ours needs: fractions, characters, truth. As it is written.
    Odd(String),
    List(Vec<Self>),
    Map(Vec<(Self, Self)>),
}

/// How deep data may lie in data: an operation lies 6 deep, and each level takes some of the stack.
pub(super) const DEEPEST: u32 = 48;

impl Tree {
    /// A text or a word.
    pub(super) fn word(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Word(text) => Some(text),
            Self::Nil | Self::Number(_) | Self::Odd(_) | Self::List(_) | Self::Map(_) => None,
        }
    }

    pub(super) fn list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            Self::Nil | Self::Number(_) | Self::Text(_) | Self::Word(_) | Self::Odd(_) | Self::Map(_) => None,
        }
    }

    /// A number that cannot be negative.
    pub(super) fn count(&self) -> Option<u64> {
        match self {
            Self::Number(number) => u64::try_from(*number).ok(),
            Self::Nil | Self::Text(_) | Self::Word(_) | Self::Odd(_) | Self::List(_) | Self::Map(_) => None,
        }
    }

    /// In a few words, for whoever wrote it.
    pub(super) fn told(&self) -> String {
        let short = |text: &str| text.chars().take(40).collect::<String>();
        match self {
            Self::Nil => "nil".to_owned(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => format!("\"{}\"", short(text)),
            Self::Word(word) | Self::Odd(word) => short(word),
            Self::List(_) => "a list".to_owned(),
            Self::Map(_) => "a map".to_owned(),
        }
    }

    /// As text on one line, for what is kept as it is: an error.
    pub(super) fn flat(&self) -> String {
        let mut text = String::new();
        self.flatten(&mut text);
        text
    }

    fn flatten(&self, into: &mut String) {
        match self {
            Self::Nil => into.push_str("nil"),
            Self::Number(number) => into.push_str(&number.to_string()),
            Self::Text(text) | Self::Word(text) | Self::Odd(text) => into.push_str(text),
            Self::List(items) => {
                for (place, item) in items.iter().enumerate() {
                    into.push_str(if place == 0 { "" } else { " " });
                    item.flatten(into);
                }
            }
            Self::Map(items) => {
                for (place, (key, item)) in items.iter().enumerate() {
                    into.push_str(if place == 0 { "" } else { ", " });
                    key.flatten(into);
                    into.push(' ');
                    item.flatten(into);
                }
            }
        }
    }
}
