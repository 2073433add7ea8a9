//! All links and cuts of a world.
//!
//! Links come into being when they are first used. Small worlds find them in a square table, large ones in
//! an ordered map. Cuts are few and sparse: a sorted list, empty most of the time.

use std::collections::BTreeMap;

use squall_core::ids::NodeId;

use super::{Link, LinkModel};
use crate::seed::Seed;

/// Up to here the table of links is square; 128² places of 4 bytes are 64 KiB.
const MOST_DENSE: usize = 128;

/// The first table: most worlds are content with it.
const LEAST_DENSE: usize = 8;

/// A place in the table whose link has not been used.
const UNUSED: u32 = u32::MAX;

#[derive(Debug, Clone)]
pub(crate) struct Fabric {
    seed: Seed,
    default: LinkModel,
    links: Vec<Link>,
    /// `dense[from * stride + to]` is a place in `links`, or [`UNUSED`].
    dense: Vec<u32>,
    stride: usize,
    sparse: BTreeMap<(NodeId, NodeId), u32>,
    /// Sorted.
    cuts: Vec<(NodeId, NodeId)>,
}

/// The memory of a finished world's fabric.
#[derive(Debug, Default)]
pub(crate) struct SpareFabric {
    links: Vec<Link>,
    dense: Vec<u32>,
    cuts: Vec<(NodeId, NodeId)>,
}

impl Fabric {
    pub(crate) fn new(seed: Seed, default: LinkModel, spare: SpareFabric) -> Self {
        let SpareFabric { links, dense, cuts } = spare;
        Self { seed, default, links, dense, stride: 0, sparse: BTreeMap::new(), cuts }
    }

    pub(crate) fn dismantle(mut self) -> SpareFabric {
        self.links.clear();
        self.dense.clear();
        self.cuts.clear();
        SpareFabric { links: self.links, dense: self.dense, cuts: self.cuts }
    }

    /// There are `nodes` nodes now.
    pub(crate) fn grow(&mut self, nodes: usize) {
        if nodes <= self.stride || nodes > MOST_DENSE {
            return;
        }
        let (old, stride) = (self.stride, nodes.next_power_of_two().max(LEAST_DENSE));
        // The first table goes where a finished world's was.
        let mut dense = if old == 0 { std::mem::take(&mut self.dense) } else { Vec::new() };
        dense.resize(stride * stride, UNUSED);
        for from in 0..old {
            dense[from * stride..][..old].copy_from_slice(&self.dense[from * old..][..old]);
        }
        self.dense = dense;
        self.stride = stride;
        // Links to nodes that were not there yet: a first node may greet one that is still to come.
        while let Some((&(from, to), &place)) =
            self.sparse.iter().find(|((from, to), _)| from.index().max(to.index()) < stride)
        {
            self.sparse.remove(&(from, to));
            self.dense[from.index() * stride + to.index()] = place;
        }
    }

    /// The link, which is made if this is its first use.
    #[inline]
    pub(crate) fn link_mut(&mut self, from: NodeId, to: NodeId) -> &mut Link {
        let place = match self.find(from, to) {
            Some(place) => place,
            None => self.make(from, to),
        };
        &mut self.links[place as usize]
    }

    /// How the link behaves now.
    pub(crate) fn model(&self, from: NodeId, to: NodeId) -> LinkModel {
        self.find(from, to).map_or(self.default, |place| self.links[place as usize].model)
    }

    /// The link behaves like this from now on, whatever the default.
    pub(crate) fn set_model(&mut self, from: NodeId, to: NodeId, model: LinkModel) {
        let link = self.link_mut(from, to);
        link.model = model;
        link.own_model = true;
    }

    /// Every link without a model of its own behaves like this from now on.
    pub(crate) fn set_default(&mut self, model: LinkModel) {
        self.default = model;
        for link in self.links.iter_mut().filter(|link| !link.own_model) {
            link.model = model;
        }
    }

    /// The link behaves like the default again.
    pub(crate) fn clear_model(&mut self, from: NodeId, to: NodeId) {
        if let Some(place) = self.find(from, to) {
            let link = &mut self.links[place as usize];
            link.model = self.default;
            link.own_model = false;
        }
    }

    /// A boot of `node` makes new connections.
    pub(crate) fn reconnect(&mut self, node: NodeId) {
        for link in self.links.iter_mut().filter(|link| link.touches(node)) {
            link.reconnect();
        }
    }

    #[inline]
    pub(crate) fn is_cut(&self, from: NodeId, to: NodeId) -> bool {
        !self.cuts.is_empty() && self.cuts.binary_search(&(from, to)).is_ok()
    }

    /// Whether the cut is new.
    pub(crate) fn cut(&mut self, from: NodeId, to: NodeId) -> bool {
        match self.cuts.binary_search(&(from, to)) {
            Ok(_) => false,
            Err(place) => {
                self.cuts.insert(place, (from, to));
                true
            }
        }
    }

    /// Whether there was a cut.
    pub(crate) fn mend(&mut self, from: NodeId, to: NodeId) -> bool {
        match self.cuts.binary_search(&(from, to)) {
            Ok(place) => {
                self.cuts.remove(place);
                true
            }
            Err(_) => false,
        }
    }

    /// One of the cuts, if any.
    pub(crate) fn any_cut(&self) -> Option<(NodeId, NodeId)> {
        self.cuts.last().copied()
    }

    #[inline]
    fn find(&self, from: NodeId, to: NodeId) -> Option<u32> {
        let (row, column) = (from.index(), to.index());
        if row < self.stride && column < self.stride {
            let place = self.dense[row * self.stride + column];
            return (place != UNUSED).then_some(place);
        }
        self.sparse.get(&(from, to)).copied()
    }

    #[cold]
    fn make(&mut self, from: NodeId, to: NodeId) -> u32 {
        let place = u32::try_from(self.links.len()).expect("a world has fewer than 2³² links");
        self.links.push(Link::new(self.seed, from, to, self.default));
        let (row, column) = (from.index(), to.index());
        if row < self.stride && column < self.stride {
            self.dense[row * self.stride + column] = place;
        } else {
            self.sparse.insert((from, to), place);
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_core::time::{Span, Time};

    fn fabric(nodes: usize, model: LinkModel) -> Fabric {
        let mut fabric = Fabric::new(Seed(1), model, SpareFabric::default());
        fabric.grow(nodes);
        fabric
    }

    fn wide() -> LinkModel {
        LinkModel::latency(Span(10), Span(10_000))
    }

    fn dues(fabric: &mut Fabric, from: u32, to: u32, count: u64) -> Vec<Option<Time>> {
        (0..count).map(|n| fabric.link_mut(NodeId(from), NodeId(to)).carry(Time(n), || 100).due).collect()
    }

    #[test]
    fn a_link_keeps_its_order() {
        let dues = dues(&mut fabric(2, wide()), 0, 1, 1_000);
        assert!(dues.is_sorted());
        assert!(dues.first() < dues.last());
    }

    #[test]
    fn traffic_on_one_link_moves_nothing_on_another() {
        let mut quiet = fabric(3, wide());
        let mut busy = quiet.clone();
        dues(&mut busy, 0, 2, 50);
        assert_eq!(dues(&mut quiet, 0, 1, 50), dues(&mut busy, 0, 1, 50));
    }

    #[test]
    fn a_lossy_link_delivers_the_others_as_if_it_were_fair() {
        // Latencies of a width of one: order cannot hide a shift of the stream.
        let mut fair = fabric(2, wide());
        let mut lossy = fabric(2, wide().losing(300_000));
        let mut lost = 0;
        for n in 0..500 {
            let now = Time(n * 100_000);
            let fate = lossy.link_mut(NodeId(0), NodeId(1)).carry(now, || 100);
            let calm = fair.link_mut(NodeId(0), NodeId(1)).carry(now, || 100);
            match fate.due {
                Some(due) => assert_eq!(Some(due), calm.due),
                None => lost += 1,
            }
        }
        assert!((100..200).contains(&lost), "{lost} of 500 lost at 30 %");
    }

    #[test]
    fn a_reordered_message_is_overtaken_and_holds_nobody_back() {
        let model = LinkModel::latency(Span(10), Span(10)).reordering(100_000, Span(100));
        let mut fabric = fabric(2, model);
        let fates: Vec<_> =
            (0..1_000).map(|n| fabric.link_mut(NodeId(0), NodeId(1)).carry(Time(n), || 100)).collect();
        assert!(!fates.is_sorted_by_key(|fate| fate.due));
        let kept: Vec<_> = fates.iter().filter(|fate| !fate.reordered).map(|fate| fate.due).collect();
        assert!(kept.is_sorted());
        assert!(kept.iter().all(Option::is_some));
        assert!(fates.len() - kept.len() > 50);
    }

    #[test]
    fn a_link_of_little_bandwidth_delivers_one_after_the_other_and_drops_what_would_wait_too_long() {
        let model = LinkModel::latency(Span(10), Span(10)).carrying(1_000);
        let mut fabric = fabric(2, model);
        let mut send = |bytes: u64| fabric.link_mut(NodeId(0), NodeId(1)).carry(Time(0), || bytes).due;
        let millis = |n: u64| Some(Time(n * 1_000_000 + 10));
        assert_eq!([send(100), send(400), send(600)], [millis(100), millis(500), millis(1_100)]);
        assert_eq!(send(1), None, "the line is longer than a second");
    }

    #[test]
    fn what_was_sent_after_a_very_slow_message_waits_for_it() {
        let model = LinkModel::latency(Span(10), Span(10)).with_tail(100_000, Span(1_000_000));
        let dues = dues(&mut fabric(2, model), 0, 1, 100);
        assert!(dues.is_sorted() && dues[0] == Some(Time(10)));
        assert!(dues[99] > Some(Time(500_000)));
    }

    #[test]
    fn a_doubled_message_arrives_twice() {
        let mut fabric = fabric(2, wide().doubling(1_000_000));
        let fate = fabric.link_mut(NodeId(0), NodeId(1)).carry(Time(0), || 100);
        assert!(fate.due.is_some() && fate.copy_due >= fate.due);
    }

    #[test]
    fn a_large_world_finds_its_links_too() {
        let mut small = fabric(100, wide());
        for nodes in 100..300 {
            small.grow(nodes);
        }
        let first = dues(&mut small, 299, 0, 20);
        small.link_mut(NodeId(99), NodeId(98)).carry(Time(0), || 100);
        let mut again = fabric(0, wide());
        assert_eq!(dues(&mut again, 299, 0, 20), first);
    }

    #[test]
    fn a_link_to_a_node_still_to_come_stays_the_same_link() {
        let mut early = fabric(1, wide());
        let mut all = dues(&mut early, 0, 1, 10);
        early.grow(2);
        all.extend(dues(&mut early, 0, 1, 10));
        let mut late = fabric(2, wide());
        let mut expected = dues(&mut late, 0, 1, 10);
        expected.extend(dues(&mut late, 0, 1, 10));
        assert_eq!(all, expected);
    }

    #[test]
    fn a_link_of_its_own_weather_is_not_touched_by_a_new_default() {
        let mut fabric = fabric(2, wide());
        let (a, b) = (NodeId(0), NodeId(1));
        fabric.set_model(a, b, wide().losing(5));
        fabric.link_mut(b, a);
        fabric.set_default(LinkModel::CALM);
        assert_eq!(fabric.model(a, b), wide().losing(5));
        assert_eq!(fabric.model(b, a), LinkModel::CALM);
        fabric.clear_model(a, b);
        assert_eq!(fabric.model(a, b), LinkModel::CALM);
    }

    #[test]
    fn a_cut_is_one_way() {
        let mut fabric = fabric(2, wide());
        assert!(fabric.cut(NodeId(0), NodeId(1)));
        assert!(!fabric.cut(NodeId(0), NodeId(1)));
        assert!(fabric.is_cut(NodeId(0), NodeId(1)));
        assert!(!fabric.is_cut(NodeId(1), NodeId(0)));
        assert!(fabric.mend(NodeId(0), NodeId(1)));
        assert!(!fabric.is_cut(NodeId(0), NodeId(1)));
    }
}
