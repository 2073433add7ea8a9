//! The moments that the generator's aimed faults wait for, and the messages that they single out: where one
//! node believes already what another does not know yet.
//!
//! Deliberately absent: everything else that people may name in plans of their own; see [`crate::narrate`].

use squall_sim::fault::FaultSpace;

/// Of the controllers' quorum.
const QUORUM: Moments = Moments {
    facts: &[
        "vote persisted",
        "election started",
        "controller elected",
        "controller active",
        "controller resigned",
        "entries appended",
        "entries truncated",
        "entries committed",
        "snapshot taken",
        "snapshot installed",
        "broker registered",
    ],
    messages: &[
        "vote",
        "vote reply",
        "append",
        "append reply",
        "install snapshot",
        "install snapshot reply",
        "register broker",
        "register broker reply",
        "heartbeat",
        "heartbeat reply",
        "fetch metadata reply",
    ],
    requests: &["vote", "append", "register broker", "allocate producer ids"],
};

/// Of partitions and clients.
const REPLICATION: Moments = Moments {
    facts: &[
        "leader elected",
        "leader followed",
        "records appended",
        "log truncated",
        "log recovered",
        "high watermark moved",
        "isr proposed",
        "isr adopted",
        "record acknowledged",
        "request retried",
    ],
    messages: &[
        "alter partition",
        "alter partition reply",
        "produce",
        "produce reply",
        "fetch",
        "fetch reply",
        "epoch end reply",
        "init producer id reply",
    ],
    requests: &["alter partition", "produce", "fetch", "init producer id"],
};

/// Of groups, their members and coordinators.
const GROUPS: Moments = Moments {
    facts: &[
        "groups loading",
        "groups loaded",
        "groups unloaded",
        "rebalance begun",
        "group rebalanced",
        "partitions assigned",
        "static member replaced",
        "member left",
        "commit taken",
        "offset committed",
        "ownership changed",
        "member resumed",
    ],
    messages: &[
        "join group",
        "join group reply",
        "sync group",
        "sync group reply",
        "group heartbeat",
        "group heartbeat reply",
        "offset commit",
        "offset commit reply",
        "offset fetch reply",
        "leave group",
    ],
    requests: &["join group", "sync group", "offset commit"],
};

/// Of transactions.
const TRANSACTIONS: Moments = Moments {
    facts: &[
        "transactions loading",
        "transactions loaded",
        "transactions unloaded",
        "transactional producer started",
        "transaction changed",
        "transaction timed out",
        "producer fenced",
        "marker retried",
        "transactional batch appended",
        "marker appended",
        "end asked for",
        "transaction ended",
    ],
    messages: &[
        "init transactional producer",
        "init transactional producer reply",
        "add partitions to txn",
        "add partitions to txn reply",
        "end txn",
        "end txn reply",
        "write txn marker",
        "write txn marker reply",
        "txn offset commit",
        "txn offset commit reply",
        "produce",
    ],
    requests: &["init transactional producer", "end txn", "write txn marker", "txn offset commit"],
};

/// Of share groups, their workers and whoever leads their share-partitions.
const SHARES: Moments = Moments {
    facts: &[
        "shares loading",
        "shares loaded",
        "shares unloaded",
        "record acquired",
        "record received",
        "delivery settled",
        "lock renewed",
        "record buried",
        "record put back",
        "letter read",
    ],
    messages: &[
        "share fetch",
        "share fetch reply",
        "share acknowledge",
        "share acknowledge reply",
        "put back",
        "put back reply",
    ],
    requests: &["share fetch", "share acknowledge", "put back"],
};

struct Moments {
    facts: &'static [&'static str],
    messages: &'static [&'static str],
    requests: &'static [&'static str],
}

impl Moments {
    fn add_to(&self, space: &mut FaultSpace) {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        space.facts.extend(owned(self.facts));
        space.messages.extend(owned(self.messages));
        space.requests.extend(owned(self.requests));
    }
}

/// For a scenario that is about the quorum.
pub(crate) fn of_quorum(space: &mut FaultSpace) {
    QUORUM.add_to(space);
}

/// For a scenario that is about partitions; most of its faults should meet these.
pub(crate) fn of_cluster(space: &mut FaultSpace) {
    REPLICATION.add_to(space);
    QUORUM.add_to(space);
}

/// For a scenario that is about groups.
pub(crate) fn of_groups(space: &mut FaultSpace) {
    GROUPS.add_to(space);
}

/// For a scenario that is about transactions.
pub(crate) fn of_transactions(space: &mut FaultSpace) {
    TRANSACTIONS.add_to(space);
}

/// For a scenario that is about share groups.
pub(crate) fn of_shares(space: &mut FaultSpace) {
    SHARES.add_to(space);
}
