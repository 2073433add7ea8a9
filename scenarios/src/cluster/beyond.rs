//! Beyond the fault budget: whose memory a run may take although consensus rests on it.

use squall_core::ids::NodeId;
use squall_sim::seed::{Seed, Stream};

use crate::cluster::Layout;

/// The voters that may be wiped beyond the budget: none, one, or all, a third of the seeds each. With the
/// quorum's log everything is gone, which hides whatever else goes wrong.
pub fn forgetful(seed: Seed, layout: Layout) -> Vec<NodeId> {
    let mut nodes = layout.controller_nodes();
    let mut rng = seed.stream(Stream::User("forgetful voters"));
    rng.shuffle(&mut nodes);
    let some = match rng.below(3) {
        0 => 0,
        1 => 1,
        _ => nodes.len(),
    };
    nodes.truncate(some);
    nodes.sort();
    nodes
}
