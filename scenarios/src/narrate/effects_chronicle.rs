//! What applications that work in transactions saw, as jepsen.tests.kafka has it: a `txn` of sends for each
//! transaction, a `poll` for what readers of committed records were handed.
//!
//! A transaction is invoked when its end is asked for: nobody may see anything of it before. One that was aborted
//! fails; one whose end its application never learned is info. Deliberately absent: what applications read (that
//! is other topics', see `chronicle`), and readers of uncommitted records, to whom nothing is promised.

use std::collections::BTreeMap;

use squall_core::client::transacted::{Outcome, TransactedProbe};
use squall_core::ids::{NodeId, Offset, TopicPartition};
use squall_core::probe::Probe;
use squall_core::time::Time;
use squall_sim::history::{Chronicle, Clerk, Entries, Kind, Ticket, Value};

use crate::workload::names::text;

/// The chronicle of one run. It holds what is open and nothing else.
#[derive(Debug, Clone, Default)]
pub(crate) struct EffectsChronicle {
    clerk: Clerk,
    open: BTreeMap<u64, Open>,
    /// Of which transaction an effect is, while that is open.
    effects: BTreeMap<u64, u64>,
    poll: Option<Poll>,
}

/// A transaction that has not ended.
#[derive(Debug, Clone)]
struct Open {
    node: NodeId,
    sends: Vec<Send>,
    ticket: Option<Ticket>,
}

#[derive(Debug, Clone, Copy)]
struct Send {
    effect: u64,
    at: Option<TopicPartition>,
    offset: Option<Offset>,
}

/// What a reader is being handed.
#[derive(Debug, Clone)]
struct Poll {
    at: Time,
    event: u64,
    node: NodeId,
    /// By partition, in the order in which they came.
    records: Vec<(TopicPartition, Vec<Value>)>,
}

impl EffectsChronicle {
    /// The poll that is being told is complete if this is no part of it.
    fn flush(&mut self, next: Option<(u64, NodeId)>, into: Entries<'_>) {
        let Some(poll) = self.poll.take_if(|poll| next != Some((poll.event, poll.node))) else { return };
        let asked = Value::List(vec![Value::List(vec![Value::Word("poll")])]);
        let ticket = self.clerk.invoke(poll.at, poll.node, "poll", asked, Vec::new(), into);
        let records = poll.records.into_iter().map(|(at, records)| (at.to_string(), Value::List(records)));
        let got = vec![Value::Word("poll"), Value::Map(records.collect())];
        self.clerk.complete(poll.at, ticket, Kind::Ok, Value::List(vec![Value::List(got)]), into);
    }

    fn transacted(
        &mut self,
        (at, event, node): (Time, u64, NodeId),
        fact: &TransactedProbe,
        into: Entries<'_>,
    ) {
        match *fact {
            TransactedProbe::Begun { transaction } => {
                self.open.insert(transaction, Open { node, sends: Vec::new(), ticket: None });
            }
            TransactedProbe::Effect { transaction, effect, at: place, .. } => {
                if let Some(open) = self.open.get_mut(&transaction) {
                    open.sends.push(Send { effect, at: place, offset: None });
                    self.effects.insert(effect, transaction);
                }
            }
            TransactedProbe::Placed { effect, at: place, offset } => {
                let open = self.effects.get(&effect).and_then(|transaction| self.open.get_mut(transaction));
                let sends = open.into_iter().flat_map(|open| &mut open.sends);
                for send in sends.filter(|send| send.effect == effect) {
                    (send.at, send.offset) = (Some(place), offset);
                }
            }
            TransactedProbe::Ending { transaction, .. } => self.invoke(at, transaction, into),
            TransactedProbe::Ended { transaction, outcome } => {
                let kind = match outcome {
                    Outcome::Committed => Kind::Ok,
                    Outcome::Aborted => Kind::Fail,
                    Outcome::Undecided => Kind::Info,
                };
                self.complete(at, transaction, kind, into);
            }
            TransactedProbe::Read { at: place, offset, effect, committed: true } => {
                let poll = self.poll.get_or_insert_with(|| Poll { at, event, node, records: Vec::new() });
                let read = Value::List(vec![Value::Number(offset.0), Value::text(effect.map(text))]);
                match poll.records.iter_mut().find(|(own, _)| *own == place) {
                    Some((_, records)) => records.push(read),
                    None => poll.records.push((place, vec![read])),
                }
            }
            TransactedProbe::Read { .. }
            | TransactedProbe::Fenced { .. }
            | TransactedProbe::Rewound { .. } => {}
        }
    }

    /// A transaction without a single effect is nobody's operation.
    fn invoke(&mut self, at: Time, transaction: u64, into: Entries<'_>) {
        let Some(open) = self.open.get_mut(&transaction) else { return };
        if open.ticket.is_none() && !open.sends.is_empty() {
            let sends = open.sends.iter().map(|send| sent(send.at, Value::Text(text(send.effect))));
            let value = Value::List(sends.collect());
            open.ticket = Some(self.clerk.invoke(at, open.node, "txn", value, Vec::new(), into));
        }
    }

    fn complete(&mut self, at: Time, transaction: u64, kind: Kind, into: Entries<'_>) {
        self.invoke(at, transaction, into);
        let Some(open) = self.open.remove(&transaction) else { return };
        for send in &open.sends {
            self.effects.remove(&send.effect);
        }
        let Some(ticket) = open.ticket else { return };
        let sends = open.sends.iter().map(|send| {
            let name = Value::Text(text(send.effect));
            match send.offset {
                Some(offset) => sent(send.at, Value::List(vec![Value::Number(offset.0), name])),
                None => sent(send.at, name),
            }
        });
        self.clerk.complete(at, ticket, kind, Value::List(sends.collect()), into);
    }
}

fn sent(place: Option<TopicPartition>, what: Value) -> Value {
    Value::List(vec![Value::Word("send"), Value::text(place.map(|at| at.to_string())), what])
}

impl Chronicle<Probe> for EffectsChronicle {
    fn begin(&mut self, _into: Entries<'_>) {}

    fn fact(&mut self, at: Time, event: u64, node: NodeId, fact: &Probe, into: Entries<'_>) {
        match fact {
            Probe::Transacted(fact) => {
                let part = matches!(fact, TransactedProbe::Read { .. }).then_some((event, node));
                self.flush(part, into);
                self.transacted((at, event, node), fact, into);
            }
            Probe::Quorum(_)
            | Probe::Metadata(_)
            | Probe::Broker(_)
            | Probe::Replica(..)
            | Probe::Client(_)
            | Probe::Group(_)
            | Probe::Transaction(_)
            | Probe::Share(_) => {}
        }
    }

    fn end(&mut self, at: Time, into: Entries<'_>) {
        self.flush(None, into);
        while let Some((&transaction, _)) = self.open.first_key_value() {
            self.complete(at, transaction, Kind::Info, into);
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use squall_core::ids::TopicId;
    use squall_sim::history::{Entry, write_edn};

    use super::*;

    const AT: TopicPartition = TopicPartition { topic: TopicId(1), partition: 0 };

    fn effect(transaction: u64, effect: u64) -> TransactedProbe {
        let source = (TopicPartition { topic: TopicId(0), partition: 0 }, Offset(effect));
        TransactedProbe::Effect { transaction, effect, at: Some(AT), source }
    }

    fn placed(effect: u64, offset: u64) -> TransactedProbe {
        TransactedProbe::Placed { effect, at: AT, offset: Some(Offset(offset)) }
    }

    #[test]
    fn a_transaction_is_one_operation_that_begins_when_its_end_is_asked_for() {
        let (pipeline, reader) = (NodeId(7), NodeId(9));
        let begun = |transaction| TransactedProbe::Begun { transaction };
        let ending = |transaction, commit| TransactedProbe::Ending { transaction, commit };
        let ended = |transaction, outcome| TransactedProbe::Ended { transaction, outcome };
        let read = |offset, effect, committed| TransactedProbe::Read {
            at: AT,
            offset: Offset(offset),
            effect: Some(effect),
            committed,
        };
        let facts = [
            (1, pipeline, begun(1)),
            (1, pipeline, effect(1, 2)),
            (1, pipeline, effect(1, 3)),
            (2, pipeline, placed(2, 5)),
            (3, reader, read(5, 2, false)),
            (4, pipeline, ending(1, true)),
            (5, pipeline, placed(3, 6)),
            (6, pipeline, ended(1, Outcome::Committed)),
            (7, reader, read(5, 2, true)),
            (7, reader, read(6, 3, true)),
            (8, pipeline, begun(4)),
            (8, pipeline, effect(4, 5)),
            (9, pipeline, ending(4, false)),
            (10, pipeline, ended(4, Outcome::Aborted)),
            (11, pipeline, begun(6)),
            (11, pipeline, effect(6, 7)),
        ];
        let mut chronicle = EffectsChronicle::default();
        let mut entries: Vec<Entry> = Vec::new();
        let mut into = |entry: Entry| entries.push(entry);
        for (event, node, fact) in facts {
            chronicle.fact(Time(event * 10), event, node, &Probe::Transacted(fact), &mut into);
        }
        chronicle.end(Time(999), &mut into);
        let mut edn = Vec::new();
        write_edn(&entries, &mut edn).unwrap();
        expect![[r#"
            {:index 0, :process 0, :type :invoke, :f :txn, :time 40, :value [[:send "1-0" "0~0#2"] [:send "1-0" "0~0#3"]], :node 7}
            {:index 1, :process 0, :type :ok, :f :txn, :time 60, :value [[:send "1-0" [5 "0~0#2"]] [:send "1-0" [6 "0~0#3"]]], :node 7}
            {:index 2, :process 1, :type :invoke, :f :poll, :time 70, :value [[:poll]], :node 9}
            {:index 3, :process 1, :type :ok, :f :poll, :time 70, :value [[:poll {"1-0" [[5 "0~0#2"] [6 "0~0#3"]]}]], :node 9}
            {:index 4, :process 0, :type :invoke, :f :txn, :time 90, :value [[:send "1-0" "0~0#5"]], :node 7}
            {:index 5, :process 0, :type :fail, :f :txn, :time 100, :value [[:send "1-0" "0~0#5"]], :node 7}
            {:index 6, :process 0, :type :invoke, :f :txn, :time 999, :value [[:send "1-0" "0~0#7"]], :node 7}
            {:index 7, :process 0, :type :info, :f :txn, :time 999, :value [[:send "1-0" "0~0#7"]], :node 7}
        "#]].assert_eq(&String::from_utf8(edn).unwrap());
    }
}
