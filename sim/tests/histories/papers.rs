//! Histories on paper: written and read back, and whatever else a file may hold.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use squall_sim::check::history::{Checker, Options};
use squall_sim::history::op::{Argument, Mop, Name, Op};
use squall_sim::history::read::{Reader, Refusal};
use squall_sim::history::{Entry, Value, write_edn, write_json};

use super::random::histories;

fn read(bytes: &[u8]) -> Result<Vec<Op>, Refusal> {
    Reader::new(bytes)?.map(|read| read.map(|(_, op)| op)).collect()
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut into = GzEncoder::new(Vec::new(), Compression::fast());
    into.write_all(bytes).expect("memory takes everything");
    into.finish().expect("memory takes everything")
}

fn value(name: &Name) -> Value {
    match name {
        Name::Number(number) => Value::Number(u64::try_from(*number).expect("ours are not negative")),
        Name::Text(text) => Value::Text(text.to_string()),
    }
}

/// The operation as a scenario would write it down.
fn entry(op: &Op, index: u64) -> Entry {
    let pair = |offset: Option<u64>, name: Option<&Name>| {
        Value::List(vec![Value::number(offset), name.map_or(Value::Nil, value)])
    };
    let mop = |mop: &Mop| match mop {
        Mop::Send { key, offset, value: sent } => {
            let what = if offset.is_some() { pair(*offset, Some(sent)) } else { value(sent) };
            Value::List(vec![Value::Word("send"), Value::text(key.as_ref().map(|key| key.to_string())), what])
        }
        Mop::Poll(keys) if keys.is_empty() => Value::List(vec![Value::Word("poll")]),
        Mop::Poll(keys) => {
            let records = keys.iter().map(|(key, reads)| {
                let reads = reads.iter().map(|read| pair(read.offset, read.value.as_ref())).collect();
                (key.to_string(), Value::List(reads))
            });
            Value::List(vec![Value::Word("poll"), Value::Map(records.collect())])
        }
    };
    let argument = match &op.value {
        Argument::Mops(mops) => Value::List(mops.iter().map(mop).collect()),
        Argument::Keys(keys) => Value::List(keys.iter().map(|key| Value::Text(key.to_string())).collect()),
        Argument::None | Argument::Items(_) | Argument::Offsets(_) => Value::Nil,
    };
    let keys = op.rebalanced.iter().map(|key| Value::Text(key.to_string())).collect();
    let log = Value::List(vec![Value::Map(vec![("keys".to_owned(), Value::List(keys))])]);
    let more = if op.rebalanced.is_empty() { Vec::new() } else { vec![("rebalance_log", log)] };
    Entry {
        index,
        process: u32::try_from(op.process.expect("a client")).expect("ours are few"),
        kind: op.kind,
        f: op.f.name(),
        at: squall_core::time::Time(op.time.expect("it has one")),
        value: argument,
        more,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn what_is_written_is_read_back_from_either_form_packed_or_not(ops in histories()) {
        let entries: Vec<Entry> = ops.iter().zip(0..).map(|(op, index)| entry(op, index)).collect();
        let expected: Vec<Op> = entries.iter().map(|entry| Op::of(entry).expect("an operation")).collect();
        let (mut edn, mut json) = (Vec::new(), Vec::new());
        write_edn(&entries, &mut edn).expect("memory");
        write_json(&entries, &mut json).expect("memory");
        let lines: String = String::from_utf8(json.clone()).expect("text").lines()
            .filter(|line| line.len() > 1).map(|line| format!("{}\n", line.trim_end_matches(','))).collect();
        for bytes in [&edn, &json, &lines.into_bytes(), &zipped(&edn), &zipped(&json)] {
            prop_assert_eq!(&read(bytes).expect("it was written so"), &expected);
        }
        for (op, expected) in ops.iter().zip(&expected) {
            prop_assert_eq!(&op.value, &expected.value);
            prop_assert_eq!(&op.rebalanced, &expected.rebalanced);
        }
    }

    #[test]
    fn whatever_the_bytes_are_nothing_panics(
        ops in histories(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 0..12),
        packed in any::<bool>(),
        as_json in any::<bool>(),
    ) {
        let mut bytes = written(&ops, as_json);
        if packed {
            bytes = zipped(&bytes);
        }
        change(&mut bytes, &changes);
        // Refused or judged: both will do.
        let mut checker = Checker::new(Options { lenient: true, ..Options::default() });
        if let Ok(reader) = Reader::new(bytes.as_slice()) {
            for (_, op) in reader.map_while(Result::ok) {
                checker.push(op).expect("lenient");
            }
        }
        let report = checker.finish();
        prop_assert!(!report.json().to_string().is_empty());
    }

    #[test]
    fn an_end_of_what_is_at_hand_cuts_nothing_in_two(
        ops in histories(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..3), 0..3),
        piece in 1_usize..40,
        as_json in any::<bool>(),
    ) {
        let mut bytes = written(&ops, as_json);
        change(&mut bytes, &changes);
        let all = |from: &mut dyn Read| -> Result<Vec<_>, Refusal> {
            Ok(Reader::new(from)?.collect::<Vec<Result<(u64, Op), Refusal>>>())
        };
        // The first piece shows the form.
        let (start, rest) = bytes.split_at(bytes.len().min(8));
        let mut pieces = start.chain(Pieces { rest, piece });
        prop_assert_eq!(all(&mut pieces), all(&mut bytes.as_slice()));
    }
}

/// Bytes that come few at a time.
struct Pieces<'a> {
    rest: &'a [u8],
    piece: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let most = into.len().min(self.piece);
        self.rest.read(&mut into[..most])
    }
}

fn written(ops: &[Op], as_json: bool) -> Vec<u8> {
    let entries: Vec<Entry> = ops.iter().zip(0..).map(|(op, index)| entry(op, index)).collect();
    let mut bytes = Vec::new();
    if as_json { write_json(&entries, &mut bytes) } else { write_edn(&entries, &mut bytes) }.expect("memory");
    bytes
}

fn change(bytes: &mut Vec<u8>, changes: &[(prop::sample::Index, u8, u8)]) {
    for (at, byte, how) in changes {
        if bytes.is_empty() {
            break;
        }
        let at = at.index(bytes.len());
        match how {
            0 => bytes[at] = *byte,
            1 => bytes.insert(at, *byte),
            2 => _ = bytes.remove(at),
            _ => bytes.truncate(at),
        }
    }
}

#[test]
fn jepsens_own_writing_is_read() {
    let history = r#"
        ; two operations as jepsen.store writes them
        #jepsen.history.Op{:index 0, :time 3291485317, :type :invoke, :process :nemesis, :f :kill, :value nil}
        #jepsen.history.Op{:index 1, :time 3291485318, :type :invoke, :process 0, :f :txn, :value [[:poll] [:send 5 1N]]}
        #_{:index 9, :type :bad}
        #jepsen.history.Op{:index 2, :time 3291485319, :type :ok, :process 0, :f :txn,
          :value [[:poll {5 ([0 7] [1 8]), 6 []}] [:send 5 [2 1]]],
          :rebalance-log [{:keys #{5 6}, :at #inst "2026-01-01"}], :error [:disconnected "a \"b\"\u00e9"], :ratio 1/2}
    "#;
    let ops = read(history.as_bytes()).expect("it is EDN");
    assert_eq!(ops.len(), 3);
    assert_eq!((ops[0].process, ops[1].process), (None, Some(0)));
    let Argument::Mops(mops) = &ops[2].value else { panic!("{:?}", ops[2]) };
    assert_eq!(mops[0].to_string(), "poll 5: 0=7 1=8");
    assert_eq!(mops[1].to_string(), "send 1 to 5 at 2");
    assert_eq!(ops[2].rebalanced.iter().map(|key| &**key).collect::<Vec<_>>(), ["5", "6"]);
    assert_eq!(ops[2].error.as_deref(), Some("disconnected a \"b\"é"));
    let listed = format!("[{history}]");
    assert_eq!(read(listed.as_bytes()).expect("a vector of them"), ops);
}

#[test]
fn what_is_no_history_is_refused_with_its_line() {
    let good = r#"{"type": "invoke", "process": 0, "f": "poll", "value": [["poll"]]}"#;
    let cases = [
        ("hello".to_owned(), 1, "neither EDN nor JSON"),
        (format!("{good}\n{{\"type\": \"ok\""), 2, "ends in the middle"),
        (format!("[{good},\n{good}"), 2, "without a comma"),
        (format!("[{good},\n"), 2, "does not end"),
        (format!("[{good}]\n{good}"), 2, "follows the list"),
        (format!("{good}\n{{\"type\": \"maybe\"}}"), 2, "no such type"),
        (format!("{good}\n{{\"f\": \"poll\"}}"), 2, "without a type"),
        (format!("{good}\n\n7"), 3, "is a map, not 7"),
        (format!("{good}\n{{\"time\": -1}}"), 2, "time is a whole number"),
        (
            "{:type :ok :f :send :process 1 :value [[:send 1 [-3 4]]]}".to_owned(),
            1,
            "an offset is a whole number",
        ),
        ("{:type :ok :f :send :process 1 :value [[:sned 1 2]]}".to_owned(), 1, "neither [send"),
        ("{:type :ok\n:f}".to_owned(), 2, "a key without a value"),
        ("[".repeat(100_000), 1, "levels"),
        (format!("{{{}", "#a ".repeat(100_000)), 1, "levels"),
    ];
    for (text, line, why) in cases {
        let refused = read(text.as_bytes()).expect_err(why);
        assert!(refused.line == line && refused.what.contains(why), "{refused:?}, not line {line}: {why}");
    }
}

#[test]
fn a_small_file_that_unpacks_without_end_is_cut_off() {
    let mut into = GzEncoder::new(Vec::new(), Compression::fast());
    into.write_all(b"{:type :ok :f \"").expect("memory");
    for _ in 0..64 {
        into.write_all(&[b'a'; 1 << 20]).expect("memory");
    }
    let bytes = into.finish().expect("memory");
    assert!(bytes.len() < 1 << 20);
    let refused = read(&bytes).expect_err("it is too long");
    assert!(refused.what.contains("longer than"), "{refused:?}");
}
