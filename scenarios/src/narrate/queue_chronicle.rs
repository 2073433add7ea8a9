//! What a work queue's clients saw, as jepsen.checker's queues have it: `enqueue`, `dequeue`, and one `drain`.
//!
//! Each group is a queue of its own, so a record is one item for each: `queue-0/6#1`. A dequeue is one delivery to
//! one worker: it begins when the worker is told, ends as ok when its acceptance was taken, as fail when the worker
//! gives the record back or is refused, as info when nobody tells. The drain at the end takes out what lies in
//! letters, and what some worker accepted without being told what became of that: such a record was taken, or it
//! was delivered again. A run that was broken off before its end shows as lost what it had not come to.

use std::collections::BTreeMap;

use squall_core::ids::{GroupId, MemberId, NodeId, Offset, TopicPartition};
use squall_core::probe::{ClientProbe, Probe};
use squall_core::share::message::Verdict;
use squall_core::share::probe::{Delivery, SharePartition, ShareProbe, Told};
use squall_core::time::Time;
use squall_sim::history::{Chronicle, Clerk, Entries, Kind, Ticket, Value};

use super::record;

/// The chronicle of one run.
#[derive(Debug, Clone)]
pub(crate) struct QueueChronicle {
    groups: Vec<GroupId>,
    /// Who drains.
    person: NodeId,
    clerk: Clerk,
    sends: BTreeMap<u64, Ticket>,
    /// Where what was acknowledged lies.
    places: BTreeMap<(TopicPartition, Offset), u64>,
    held: BTreeMap<(Delivery, MemberId), Ticket>,
    fates: BTreeMap<(SharePartition, Offset), Fate>,
}

/// What is known of a record that was delivered.
#[derive(Debug, Clone, Copy, Default)]
struct Fate {
    record: Option<u64>,
    /// Somebody accepted it.
    accepted: bool,
    /// And was told that this counts.
    worked: bool,
    /// Its letter was read.
    letter: bool,
}

impl QueueChronicle {
    /// Of a topic that these groups work, and of a person who reads their letters.
    pub(crate) fn new(groups: Vec<GroupId>, person: NodeId) -> Self {
        Self {
            groups,
            person,
            clerk: Clerk::default(),
            sends: BTreeMap::new(),
            places: BTreeMap::new(),
            held: BTreeMap::new(),
            fates: BTreeMap::new(),
        }
    }

    /// The items that a record is.
    fn items(&self, name: u64) -> Value {
        Value::List(self.groups.iter().map(|group| item(group, name)).collect())
    }

    fn client(&mut self, at: Time, node: NodeId, fact: &ClientProbe, into: Entries<'_>) {
        match *fact {
            ClientProbe::Sent { record: name, .. } => {
                let ticket = self.clerk.invoke(at, node, "enqueue", self.items(name), Vec::new(), into);
                self.sends.insert(name, ticket);
            }
            ClientProbe::Delivered { record: name, at: place, offset } => {
                self.places.extend(offset.map(|offset| ((place, offset), name)));
                self.enqueued(at, name, Kind::Ok, into);
            }
            ClientProbe::Undelivered { record: name, definite, .. } => {
                self.enqueued(at, name, if definite { Kind::Fail } else { Kind::Info }, into);
            }
            ClientProbe::Identified { .. }
            | ClientProbe::Consumed { .. }
            | ClientProbe::Repositioned { .. }
            | ClientProbe::Retried { .. } => {}
        }
    }

    fn enqueued(&mut self, at: Time, name: u64, kind: Kind, into: Entries<'_>) {
        let Some(ticket) = self.sends.remove(&name) else { return };
        self.clerk.complete(at, ticket, kind, self.items(name), into);
    }

    fn share(&mut self, at: Time, node: NodeId, fact: &ShareProbe, into: Entries<'_>) {
        match fact {
            ShareProbe::Received { delivery, member, count } => {
                let more = vec![
                    ("delivery", Value::Number(delivery.turn.0.into())),
                    ("count", Value::Number((*count).into())),
                ];
                let ticket = self.clerk.invoke(at, node, "dequeue", Value::Nil, more, into);
                self.held.entry((delivery.clone(), *member)).or_insert(ticket);
            }
            ShareProbe::Acknowledging { delivery, verdict, record, .. } => {
                let fate = self.fate(delivery);
                fate.record = fate.record.or(*record);
                fate.accepted |= *verdict == Verdict::Accept;
            }
            ShareProbe::Acknowledged { delivery, member, verdict, result } => {
                let kind = match (verdict, result) {
                    (Verdict::Renew, _) => return,
                    (Verdict::Accept, Told::Taken) => Kind::Ok,
                    (Verdict::Accept, Told::Unknown) => Kind::Info,
                    (Verdict::Accept, Told::Refused(_))
                    | (Verdict::Release | Verdict::Reject | Verdict::Gap, _) => Kind::Fail,
                };
                self.fate(delivery).worked |= kind == Kind::Ok;
                let item = self.item(delivery);
                if let Some(ticket) = self.held.remove(&(delivery.clone(), *member)) {
                    self.clerk.complete(at, ticket, kind, item, into);
                }
            }
            ShareProbe::LetterRead { delivery } => self.fate(delivery).letter = true,
            ShareProbe::Loading { .. }
            | ShareProbe::Restored { .. }
            | ShareProbe::Loaded { .. }
            | ShareProbe::Unloaded { .. }
            | ShareProbe::Acquired { .. }
            | ShareProbe::Settled { .. }
            | ShareProbe::Renewed { .. }
            | ShareProbe::Buried { .. }
            | ShareProbe::PutBack { .. }
            | ShareProbe::Returned { .. }
            | ShareProbe::Monitored { .. } => {}
        }
    }

    fn fate(&mut self, delivery: &Delivery) -> &mut Fate {
        self.fates.entry((delivery.of.clone(), delivery.offset)).or_default()
    }

    /// The item that was delivered, as far as anybody knows its name.
    fn item(&self, delivery: &Delivery) -> Value {
        let fate = self.fates.get(&(delivery.of.clone(), delivery.offset));
        let told = fate.and_then(|fate| fate.record);
        let name = told.or_else(|| self.places.get(&(delivery.of.at, delivery.offset)).copied());
        name.map_or(Value::Nil, |name| item(&delivery.of.group, name))
    }
}

impl Chronicle<Probe> for QueueChronicle {
    fn begin(&mut self, _into: Entries<'_>) {}

    fn fact(&mut self, at: Time, _event: u64, node: NodeId, fact: &Probe, into: Entries<'_>) {
        match fact {
            Probe::Client(fact) => self.client(at, node, fact, into),
            Probe::Share(fact) => self.share(at, node, fact, into),
            Probe::Quorum(_)
            | Probe::Metadata(_)
            | Probe::Broker(_)
            | Probe::Replica(..)
            | Probe::Group(_)
            | Probe::Transaction(_)
            | Probe::Transacted(_) => {}
        }
    }

    fn end(&mut self, at: Time, into: Entries<'_>) {
        for (name, ticket) in std::mem::take(&mut self.sends) {
            self.clerk.complete(at, ticket, Kind::Info, self.items(name), into);
        }
        for ((delivery, _), ticket) in std::mem::take(&mut self.held) {
            self.clerk.complete(at, ticket, Kind::Info, self.item(&delivery), into);
        }
        let left = self.fates.iter().filter(|(_, fate)| !fate.worked && (fate.accepted || fate.letter));
        let names = left.filter_map(|((of, offset), fate)| {
            let name = fate.record.or_else(|| self.places.get(&(of.at, *offset)).copied())?;
            Some(item(&of.group, name))
        });
        let left = Value::List(names.collect());
        let ticket = self.clerk.invoke(at, self.person, "drain", Value::Nil, Vec::new(), into);
        self.clerk.complete(at, ticket, Kind::Ok, left, into);
    }
}

fn item(group: &GroupId, name: u64) -> Value {
    Value::Text(format!("{}/{}", group.0, record(name)))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use squall_core::ids::{TopicId, Turn};
    use squall_sim::history::{Entry, write_edn};

    use super::*;
    use crate::ghost::clients::Name;

    const AT: TopicPartition = TopicPartition { topic: TopicId(0), partition: 0 };
    const WORKER: NodeId = NodeId(8);

    fn delivery(offset: u64, turn: u32) -> Delivery {
        let of = SharePartition { group: GroupId("q".into()), at: AT };
        Delivery { of, offset: Offset(offset), turn: Turn(turn) }
    }

    /// A record is given to the worker, who says this of it and is told that.
    fn delivered(delivery: &Delivery, verdict: Verdict, result: Told) -> [ShareProbe; 3] {
        let (member, record) = (MemberId(1), Some(Name { sender: 6, number: 0 }.pack() + delivery.offset.0));
        [
            ShareProbe::Received { delivery: delivery.clone(), member, count: 1 },
            ShareProbe::Acknowledging { delivery: delivery.clone(), member, verdict, record },
            ShareProbe::Acknowledged { delivery: delivery.clone(), member, verdict, result },
        ]
    }

    #[test]
    fn a_delivery_counts_when_its_acceptance_was_taken_and_the_drain_has_what_is_left() {
        let mut chronicle = QueueChronicle::new(vec![GroupId("q".into())], NodeId(5));
        let mut entries: Vec<Entry> = Vec::new();
        let mut into = |entry: Entry| entries.push(entry);
        chronicle.begin(&mut into);
        let facts = [
            delivered(&delivery(0, 1), Verdict::Release, Told::Taken),
            delivered(&delivery(0, 2), Verdict::Accept, Told::Taken),
            delivered(&delivery(1, 1), Verdict::Accept, Told::Unknown),
            delivered(&delivery(2, 1), Verdict::Reject, Told::Taken),
        ];
        let letter = ShareProbe::LetterRead { delivery: delivery(2, 1) };
        for (fact, at) in facts.into_iter().flatten().chain([letter]).zip(1..) {
            chronicle.fact(Time(at), at, WORKER, &Probe::Share(fact), &mut into);
        }
        chronicle.end(Time(99), &mut into);
        let mut edn = Vec::new();
        write_edn(entries.iter().filter(|entry| entry.kind != Kind::Invoke), &mut edn).unwrap();
        expect![[r#"
            {:index 1, :process 0, :type :fail, :f :dequeue, :time 3, :value "q/6#0", :node 8}
            {:index 3, :process 0, :type :ok, :f :dequeue, :time 6, :value "q/6#0", :node 8}
            {:index 5, :process 0, :type :info, :f :dequeue, :time 9, :value "q/6#1", :node 8}
            {:index 7, :process 1, :type :fail, :f :dequeue, :time 12, :value "q/6#2", :node 8}
            {:index 9, :process 2, :type :ok, :f :drain, :time 99, :value ["q/6#1" "q/6#2"], :node 5}
        "#]]
        .assert_eq(&String::from_utf8(edn).unwrap());
    }
}
