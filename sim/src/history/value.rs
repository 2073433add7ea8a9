//! A value of a history: data that both EDN and JSON can write.

use std::fmt::{self, Write};

/// A tree of plain data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Not known, or nothing.
    Nil,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Number(u64),
    /// Text.
    Text(String),
    /// One word of the vocabulary: a keyword in EDN, text in JSON.
    Word(&'static str),
    /// A list.
    List(Vec<Self>),
    /// A map by text, in the order it is written.
    Map(Vec<(String, Self)>),
}

impl Value {
    /// A number that may be unknown.
    pub fn number(number: Option<u64>) -> Self {
        number.map_or(Self::Nil, Self::Number)
    }

    /// Text that may be unknown.
    pub fn text(text: Option<String>) -> Self {
        text.map_or(Self::Nil, Self::Text)
    }

    /// As EDN has it.
    pub(super) fn edn(&self, into: &mut String) -> fmt::Result {
        match self {
            Self::Nil => into.write_str("nil"),
            Self::Bool(yes) => write!(into, "{yes}"),
            Self::Number(number) => write!(into, "{number}"),
            Self::Text(text) => quoted(text, into),
            Self::Word(word) => write!(into, ":{word}"),
            Self::List(items) => {
                into.push('[');
                for (place, item) in items.iter().enumerate() {
                    into.push_str(if place == 0 { "" } else { " " });
                    item.edn(into)?;
                }
                into.push(']');
                Ok(())
            }
            Self::Map(items) => {
                into.push('{');
                for (place, (key, item)) in items.iter().enumerate() {
                    into.push_str(if place == 0 { "" } else { ", " });
                    quoted(key, into)?;
                    into.push(' ');
                    item.edn(into)?;
                }
                into.push('}');
                Ok(())
            }
        }
    }

    /// As JSON has it.
    pub(super) fn json(&self) -> serde_json::Value {
        match self {
            Self::Nil => serde_json::Value::Null,
            Self::Bool(yes) => (*yes).into(),
            Self::Number(number) => (*number).into(),
            Self::Text(text) => text.as_str().into(),
            Self::Word(word) => (*word).into(),
            Self::List(items) => items.iter().map(Self::json).collect(),
            Self::Map(items) => serde_json::Value::Object(
                items.iter().map(|(key, item)| (key.clone(), item.json())).collect(),
            ),
        }
    }
}

/// A string as EDN has it. Its escapes are those of Java and C.
fn quoted(text: &str, into: &mut String) -> fmt::Result {
    into.push('"');
    for c in text.chars() {
        match c {
            '"' => into.push_str("\\\""),
            '\\' => into.push_str("\\\\"),
            '\n' => into.push_str("\\n"),
            '\r' => into.push_str("\\r"),
            '\t' => into.push_str("\\t"),
            c if c.is_control() => write!(into, "\\u{:04x}", u32::from(c))?,
            c => into.push(c),
        }
    }
    into.push('"');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_would_end_a_string_is_escaped() {
        let mut edn = String::new();
        Value::Text("a \"b\" \\ \n\u{1}".to_owned()).edn(&mut edn).unwrap();
        assert_eq!(edn, r#""a \"b\" \\ \n\u0001""#);
    }
}
