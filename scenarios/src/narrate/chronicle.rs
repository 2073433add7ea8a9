//! What clients saw, as jepsen.tests.kafka has it: sends, polls, and whom a reader reads.
//!
//! A key is a partition, a value is a record's name. A send without an answer at the end is info, as is a
//! success with acks=0, which says that nobody was asked. Polls that happen in one event of one reader are
//! one poll. Beside Jepsen's vocabulary: `reposition` is a position that moved other than by reading,
//! `generate` a producer id that was given out; `acks` and `idempotent` say what a send was promised.

use std::collections::BTreeMap;

use squall_core::ids::{NodeId, Offset, TopicPartition};
use squall_core::message::Acks;
use squall_core::probe::{ClientProbe, Probe};
use squall_core::time::Time;
use squall_sim::history::{Chronicle, Clerk, Entries, Kind, Ticket, Value};

use super::{acks, record};

/// The chronicle of one run. It holds what is open and nothing else.
#[derive(Debug, Clone)]
pub(crate) struct ClusterChronicle {
    readers: Vec<NodeId>,
    partitions: Vec<TopicPartition>,
    clerk: Clerk,
    sends: BTreeMap<u64, Send>,
    poll: Option<Poll>,
}

/// A send without an answer.
#[derive(Debug, Clone)]
struct Send {
    ticket: Ticket,
    at: Option<TopicPartition>,
    acks: Acks,
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

impl ClusterChronicle {
    /// Of a cluster with these readers, who read all of these partitions from their start.
    pub(crate) fn new(readers: Vec<NodeId>, partitions: Vec<TopicPartition>) -> Self {
        Self { readers, partitions, clerk: Clerk::default(), sends: BTreeMap::new(), poll: None }
    }

    /// The poll that is being told is complete if this is no part of it.
    fn flush(&mut self, next: Option<(u64, NodeId)>, into: Entries<'_>) {
        let Some(poll) = self.poll.take_if(|poll| next != Some((poll.event, poll.node))) else { return };
        let asked = Value::List(vec![Value::List(vec![Value::Word("poll")])]);
        let ticket = self.clerk.invoke(poll.at, poll.node, "poll", asked, Vec::new(), into);
        let records = poll.records.into_iter().map(|(at, records)| (at.to_string(), Value::List(records)));
        let got = vec![Value::Word("poll"), Value::Map(records.collect())];
        self.clerk.complete(poll.at, ticket, Kind::Ok, Value::List(vec![Value::List(got)]), into);
    }

    fn client(&mut self, at: Time, event: u64, node: NodeId, fact: &ClientProbe, into: Entries<'_>) {
        match *fact {
            ClientProbe::Sent { record: name, at: place, acks: asked, idempotent } => {
                let more = vec![
                    ("acks", Value::Text(acks(asked).to_owned())),
                    ("idempotent", Value::Bool(idempotent)),
                ];
                let ticket = self.clerk.invoke(at, node, "send", bare(place, name), more, into);
                self.sends.insert(name, Send { ticket, at: place, acks: asked });
            }
            ClientProbe::Delivered { record: name, at: place, offset } => {
                let Some(send) = self.sends.remove(&name) else { return };
                // With acks=0 nobody was asked.
                let kind = if send.acks == Acks::None { Kind::Info } else { Kind::Ok };
                self.clerk.complete(at, send.ticket, kind, placed(place, offset, name), into);
            }
            ClientProbe::Undelivered { record: name, at: place, definite, .. } => {
                let Some(send) = self.sends.remove(&name) else { return };
                let kind = if definite { Kind::Fail } else { Kind::Info };
                self.clerk.complete(at, send.ticket, kind, bare(place.or(send.at), name), into);
            }
            ClientProbe::Identified { id, .. } => {
                let ticket = self.clerk.invoke(at, node, "generate", Value::Nil, Vec::new(), into);
                self.clerk.complete(at, ticket, Kind::Ok, Value::Number(id.0), into);
            }
            ClientProbe::Consumed { at: place, offset, record: name, .. } => {
                self.consumed(at, event, node, (place, offset), name);
            }
            ClientProbe::Repositioned { at: place, from, to, .. } => {
                let key = Value::Text(place.to_string());
                let asked = Value::List(vec![key.clone(), Value::Number(from.0)]);
                let ticket = self.clerk.invoke(at, node, "reposition", asked, Vec::new(), into);
                let done = Value::List(vec![key, Value::Number(from.0), Value::Number(to.0)]);
                self.clerk.complete(at, ticket, Kind::Ok, done, into);
            }
            ClientProbe::Retried { .. } => {}
        }
    }

    fn consumed(
        &mut self,
        at: Time,
        event: u64,
        node: NodeId,
        (place, offset): (TopicPartition, Offset),
        name: Option<u64>,
    ) {
        let poll = self.poll.get_or_insert_with(|| Poll { at, event, node, records: Vec::new() });
        let read = Value::List(vec![Value::Number(offset.0), Value::text(name.map(record))]);
        match poll.records.iter_mut().find(|(own, _)| *own == place) {
            Some((_, records)) => records.push(read),
            None => poll.records.push((place, vec![read])),
        }
    }
}

impl Chronicle<Probe> for ClusterChronicle {
    fn begin(&mut self, into: Entries<'_>) {
        let keys = self.partitions.iter().map(|at| Value::Text(at.to_string())).collect();
        let keys = Value::List(keys);
        for node in std::mem::take(&mut self.readers) {
            let more = vec![("seek_to_beginning?", Value::Bool(true))];
            let ticket = self.clerk.invoke(Time::ZERO, node, "assign", keys.clone(), more, into);
            self.clerk.complete(Time::ZERO, ticket, Kind::Ok, keys.clone(), into);
        }
    }

    fn fact(&mut self, at: Time, event: u64, node: NodeId, fact: &Probe, into: Entries<'_>) {
        match fact {
            Probe::Client(fact) => {
                let part = matches!(fact, ClientProbe::Consumed { .. }).then_some((event, node));
                self.flush(part, into);
                self.client(at, event, node, fact, into);
            }
            Probe::Quorum(_)
            | Probe::Metadata(_)
            | Probe::Broker(_)
            | Probe::Replica(..)
            | Probe::Group(_)
            | Probe::Transaction(_)
            | Probe::Transacted(_)
            | Probe::Share(_) => {}
        }
    }

    fn end(&mut self, at: Time, into: Entries<'_>) {
        self.flush(None, into);
        for (name, send) in std::mem::take(&mut self.sends) {
            self.clerk.complete(at, send.ticket, Kind::Info, bare(send.at, name), into);
        }
    }
}

/// A send of which no offset is known.
fn bare(place: Option<TopicPartition>, name: u64) -> Value {
    sent(place, Value::Text(record(name)))
}

/// A send whose place is known.
fn placed(place: TopicPartition, offset: Option<Offset>, name: u64) -> Value {
    let offset = Value::number(offset.map(|offset| offset.0));
    sent(Some(place), Value::List(vec![offset, Value::Text(record(name))]))
}

fn sent(place: Option<TopicPartition>, what: Value) -> Value {
    let key = Value::text(place.map(|at| at.to_string()));
    Value::List(vec![Value::List(vec![Value::Word("send"), key, what])])
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use squall_core::ids::{LeaderEpoch, TopicId};
    use squall_sim::history::{Entry, write_edn};

    use super::*;
    use crate::ghost::clients::Name;

    const AT: TopicPartition = TopicPartition { topic: TopicId(0), partition: 1 };

    fn name(number: u32) -> u64 {
        Name { sender: 6, number }.pack()
    }

    fn sent(number: u32, acks: Acks) -> ClientProbe {
        ClientProbe::Sent { record: name(number), at: Some(AT), acks, idempotent: false }
    }

    fn delivered(number: u32, offset: Option<u64>) -> ClientProbe {
        ClientProbe::Delivered { record: name(number), at: AT, offset: offset.map(Offset) }
    }

    fn consumed(number: u32, offset: u64) -> ClientProbe {
        let (offset, epoch) = (Offset(offset), LeaderEpoch(1));
        ClientProbe::Consumed { at: AT, offset, epoch, record: Some(name(number)) }
    }

    #[test]
    fn each_operation_ends_as_what_is_known_of_it() {
        let (producer, reader) = (NodeId(6), NodeId(9));
        let mut chronicle = ClusterChronicle::new(vec![reader], vec![AT]);
        let mut entries: Vec<Entry> = Vec::new();
        let mut into = |entry: Entry| entries.push(entry);
        chronicle.begin(&mut into);
        let unknown = ClientProbe::Undelivered { record: name(2), at: None, definite: false, refused: None };
        let refused = ClientProbe::Undelivered { record: name(3), at: None, definite: true, refused: None };
        let facts = [
            (1, producer, sent(0, Acks::All)),
            (1, producer, sent(1, Acks::None)),
            (2, producer, delivered(0, Some(7))),
            (2, producer, delivered(1, None)),
            (3, producer, sent(2, Acks::All)),
            (3, producer, sent(3, Acks::All)),
            (4, producer, unknown),
            (4, producer, refused),
            (5, reader, consumed(0, 7)),
            (5, reader, consumed(2, 8)),
            (6, reader, consumed(3, 9)),
            (7, producer, sent(4, Acks::Leader)),
        ];
        for (event, node, fact) in facts {
            chronicle.fact(Time(event * 10), event, node, &Probe::Client(fact), &mut into);
        }
        chronicle.end(Time(99), &mut into);
        let mut edn = Vec::new();
        write_edn(&entries, &mut edn).unwrap();
        expect![[r#"
            {:index 0, :process 0, :type :invoke, :f :assign, :time 0, :value ["0-1"], :node 9, :seek_to_beginning? true}
            {:index 1, :process 0, :type :ok, :f :assign, :time 0, :value ["0-1"], :node 9}
            {:index 2, :process 1, :type :invoke, :f :send, :time 10, :value [[:send "0-1" "6#0"]], :node 6, :acks "all", :idempotent false}
            {:index 3, :process 2, :type :invoke, :f :send, :time 10, :value [[:send "0-1" "6#1"]], :node 6, :acks "0", :idempotent false}
            {:index 4, :process 1, :type :ok, :f :send, :time 20, :value [[:send "0-1" [7 "6#0"]]], :node 6}
            {:index 5, :process 2, :type :info, :f :send, :time 20, :value [[:send "0-1" [nil "6#1"]]], :node 6}
            {:index 6, :process 1, :type :invoke, :f :send, :time 30, :value [[:send "0-1" "6#2"]], :node 6, :acks "all", :idempotent false}
            {:index 7, :process 3, :type :invoke, :f :send, :time 30, :value [[:send "0-1" "6#3"]], :node 6, :acks "all", :idempotent false}
            {:index 8, :process 1, :type :info, :f :send, :time 40, :value [[:send "0-1" "6#2"]], :node 6}
            {:index 9, :process 3, :type :fail, :f :send, :time 40, :value [[:send "0-1" "6#3"]], :node 6}
            {:index 10, :process 0, :type :invoke, :f :poll, :time 50, :value [[:poll]], :node 9}
            {:index 11, :process 0, :type :ok, :f :poll, :time 50, :value [[:poll {"0-1" [[7 "6#0"] [8 "6#2"]]}]], :node 9}
            {:index 12, :process 0, :type :invoke, :f :poll, :time 60, :value [[:poll]], :node 9}
            {:index 13, :process 0, :type :ok, :f :poll, :time 60, :value [[:poll {"0-1" [[9 "6#3"]]}]], :node 9}
            {:index 14, :process 3, :type :invoke, :f :send, :time 70, :value [[:send "0-1" "6#4"]], :node 6, :acks "1", :idempotent false}
            {:index 15, :process 3, :type :info, :f :send, :time 99, :value [[:send "0-1" "6#4"]], :node 6}
        "#]].assert_eq(&String::from_utf8(edn).unwrap());
    }
}
