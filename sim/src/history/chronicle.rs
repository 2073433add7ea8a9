//! From facts to operations: the numbers of clients and entries.
//!
//! A client of a history does one thing at a time, a node may do many: each operation of a node is given
//! to one of its clients that is free, or to a new one. A client whose operation ended as info is never
//! heard of again, as in Jepsen.

use std::collections::BTreeMap;

use squall_core::ids::NodeId;
use squall_core::time::Time;

use super::{Entry, Kind, Value};

/// Where entries go.
pub type Entries<'a> = &'a mut dyn FnMut(Entry);

/// Turns facts into a history. Made anew for each run that somebody wants the history of.
pub trait Chronicle<B> {
    /// Before the first event.
    fn begin(&mut self, into: Entries<'_>);

    /// A node reported a fact, in this event.
    fn fact(&mut self, at: Time, event: u64, node: NodeId, fact: &B, into: Entries<'_>);

    /// The run is over. What is open now ends as info: nobody will ever know.
    fn end(&mut self, at: Time, into: Entries<'_>);
}

/// An operation under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    process: u32,
    node: NodeId,
    f: &'static str,
}

/// Gives clients and entries their numbers.
#[derive(Debug, Clone, Default)]
pub struct Clerk {
    entries: u64,
    clients: u32,
    /// Clients that are free, by their node.
    free: BTreeMap<NodeId, Vec<u32>>,
}

impl Clerk {
    /// A client on `node` begins an operation.
    pub fn invoke(
        &mut self,
        at: Time,
        node: NodeId,
        f: &'static str,
        value: Value,
        more: Vec<(&'static str, Value)>,
        into: Entries<'_>,
    ) -> Ticket {
        let process = self.free.get_mut(&node).and_then(Vec::pop).unwrap_or_else(|| {
            self.clients += 1;
            self.clients - 1
        });
        let ticket = Ticket { process, node, f };
        self.push(at, &ticket, Kind::Invoke, value, more, into);
        ticket
    }

    /// It ended.
    pub fn complete(&mut self, at: Time, ticket: Ticket, kind: Kind, value: Value, into: Entries<'_>) {
        self.push(at, &ticket, kind, value, Vec::new(), into);
        match kind {
            Kind::Ok | Kind::Fail => self.free.entry(ticket.node).or_default().push(ticket.process),
            Kind::Invoke | Kind::Info => {}
        }
    }

    fn push(
        &mut self,
        at: Time,
        ticket: &Ticket,
        kind: Kind,
        value: Value,
        more: Vec<(&'static str, Value)>,
        into: Entries<'_>,
    ) {
        let more = [("node", Value::Number(ticket.node.0.into()))].into_iter().chain(more).collect();
        let (index, process, f) = (self.entries, ticket.process, ticket.f);
        self.entries += 1;
        into(Entry { index, process, kind, f, at, value, more });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_does_one_thing_at_a_time_and_is_gone_after_an_info() {
        let (mut clerk, mut entries) = (Clerk::default(), Vec::new());
        let mut into = |entry: Entry| entries.push((entry.process, entry.kind));
        let node = NodeId(6);
        let begin = |clerk: &mut Clerk, into: &mut dyn FnMut(Entry)| {
            clerk.invoke(Time(1), node, "send", Value::Nil, Vec::new(), into)
        };
        let (one, two) = (begin(&mut clerk, &mut into), begin(&mut clerk, &mut into));
        clerk.complete(Time(2), one, Kind::Info, Value::Nil, &mut into);
        clerk.complete(Time(2), two, Kind::Ok, Value::Nil, &mut into);
        let (three, four) = (begin(&mut clerk, &mut into), begin(&mut clerk, &mut into));
        assert_eq!((three.process, four.process), (1, 2));
        use Kind::{Info, Invoke, Ok};
        assert_eq!(entries, [(0, Invoke), (1, Invoke), (0, Info), (1, Ok), (1, Invoke), (2, Invoke)]);
    }
}
