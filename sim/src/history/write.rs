//! Histories on paper: EDN, a map a line, as Jepsen keeps them; JSON, one array with a map a line.
//!
//! Both are written entry by entry: nothing is held but the entry at hand.

use std::fmt::{self, Write as _};
use std::io::{self, Write};

use serde_json::json;

use super::Entry;

/// Writes one entry as a line of EDN.
pub fn write_edn_entry(entry: &Entry, into: &mut dyn Write) -> io::Result<()> {
    let mut line = String::with_capacity(160);
    edn(entry, &mut line).expect("a string takes everything");
    into.write_all(line.as_bytes())
}

fn edn(entry: &Entry, line: &mut String) -> fmt::Result {
    let Entry { index, process, kind, f, at, value, more } = entry;
    write!(line, "{{:index {index}, :process {process}, :type :{}, :f :{f}, ", kind.name())?;
    write!(line, ":time {}, :value ", at.0)?;
    value.edn(line)?;
    for (name, value) in more {
        write!(line, ", :{name} ")?;
        value.edn(line)?;
    }
    line.write_str("}\n")
}

/// Writes `entries` as EDN, one map a line.
pub fn write_edn<'a>(entries: impl IntoIterator<Item = &'a Entry>, into: &mut dyn Write) -> io::Result<()> {
    entries.into_iter().try_for_each(|entry| write_edn_entry(entry, into))
}

/// Writes `entries` as one JSON array.
pub fn write_json<'a>(entries: impl IntoIterator<Item = &'a Entry>, into: &mut dyn Write) -> io::Result<()> {
    let mut writer = JsonWriter::default();
    entries.into_iter().try_for_each(|entry| writer.push(entry, into))?;
    writer.finish(into)
}

/// Writes one JSON array, entry by entry.
#[derive(Debug, Clone, Copy, Default)]
pub struct JsonWriter {
    begun: bool,
}

impl JsonWriter {
    /// The next entry.
    pub fn push(&mut self, entry: &Entry, into: &mut dyn Write) -> io::Result<()> {
        into.write_all(if self.begun { b",\n" } else { b"[\n" })?;
        self.begun = true;
        let mut object = json!({
            "index": entry.index,
            "process": entry.process,
            "type": entry.kind.name(),
            "f": entry.f,
            "time": entry.at.0,
            "value": entry.value.json(),
        });
        for (name, value) in &entry.more {
            object[*name] = value.json();
        }
        Ok(serde_json::to_writer(into, &object)?)
    }

    /// The end.
    pub fn finish(self, into: &mut dyn Write) -> io::Result<()> {
        into.write_all(if self.begun { b"\n]\n" } else { b"[]\n" })
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use squall_core::time::Time;

    use super::*;
    use crate::history::{Kind, Value};

    fn entries() -> Vec<Entry> {
        let text = |text: &str| Value::Text(text.to_owned());
        let place = Value::List(vec![Value::Number(7), text("6#1")]);
        let sent = |value| Value::List(vec![Value::List(vec![Value::Word("send"), text("0-1"), value])]);
        let read = Value::Map(vec![("0-1".to_owned(), Value::List(vec![place.clone()]))]);
        let entry =
            |index, kind, f, value, more| Entry { index, process: 3, kind, f, at: Time(5), value, more };
        vec![
            entry(0, Kind::Invoke, "send", sent(text("6#1")), vec![("acks", text("all"))]),
            entry(1, Kind::Ok, "send", sent(place), Vec::new()),
            entry(
                2,
                Kind::Ok,
                "poll",
                Value::List(vec![Value::List(vec![Value::Word("poll"), read])]),
                vec![],
            ),
        ]
    }

    #[test]
    fn a_history_is_written_as_jepsen_keeps_it() {
        let mut edn = Vec::new();
        write_edn(&entries(), &mut edn).unwrap();
        expect![[r#"
            {:index 0, :process 3, :type :invoke, :f :send, :time 5, :value [[:send "0-1" "6#1"]], :acks "all"}
            {:index 1, :process 3, :type :ok, :f :send, :time 5, :value [[:send "0-1" [7 "6#1"]]]}
            {:index 2, :process 3, :type :ok, :f :poll, :time 5, :value [[:poll {"0-1" [[7 "6#1"]]}]]}
        "#]]
        .assert_eq(&String::from_utf8(edn).unwrap());
    }

    #[test]
    fn the_same_in_json_is_one_document() {
        let mut text = Vec::new();
        write_json(&entries(), &mut text).unwrap();
        let document: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(document[0]["value"], json!([["send", "0-1", "6#1"]]));
        assert_eq!(document[1]["value"], json!([["send", "0-1", [7, "6#1"]]]));
        assert_eq!(document[2]["value"], json!([["poll", { "0-1": [[7, "6#1"]] }]]));
        assert_eq!((&document[0]["type"], &document[0]["acks"]), (&json!("invoke"), &json!("all")));
        let mut none = Vec::new();
        write_json(&[], &mut none).unwrap();
        assert_eq!(none, b"[]\n");
    }
}
