//! Who lives on which node.

use squall_core::ids::{BrokerId, NodeId};

/// The numbers of nodes of each kind. Brokers come first, then controllers, then clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// How many brokers.
    pub brokers: u32,
    /// How many controllers: 1, 3 or 5.
    pub controllers: u32,
}

impl Layout {
    /// Every broker.
    pub fn broker_ids(self) -> impl Iterator<Item = BrokerId> {
        (0..self.brokers).map(BrokerId)
    }

    /// The brokers' nodes.
    pub fn broker_nodes(self) -> Vec<NodeId> {
        (0..self.brokers).map(NodeId).collect()
    }

    /// The controllers' nodes.
    pub fn controller_nodes(self) -> Vec<NodeId> {
        (self.brokers..self.brokers + self.controllers).map(NodeId).collect()
    }

    /// The first node that is a client's.
    pub const fn first_client(self) -> NodeId {
        NodeId(self.brokers + self.controllers)
    }

    /// The broker on a node.
    pub fn broker_on(self, node: NodeId) -> Option<BrokerId> {
        (node.0 < self.brokers).then_some(BrokerId(node.0))
    }
}
