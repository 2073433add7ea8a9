//! Ghost state: what an all-seeing observer knows, kept outside the system and fed by probes alone.
//!
//! Holds: shadows of every log, the decided metadata, what was committed, exposed, acknowledged, consumed,
//! what became of copies that are gone, and what compaction left.
//! Changed only by the folds in `partition`, `quorum`, `metadata`, `clients`, `work`, `effects` and `shares`, one probe at a time, before
//! the invariants look at it; `backlog` is set down from them in the calm. Deliberately absent: judgement (that is [`crate::invariants`]) and any look
//! into the system's own state.

pub mod backlog;
pub mod chronicle;
pub mod clients;
pub mod compacted;
pub mod copies;
pub mod effects;
pub mod groups;
pub mod metadata;
pub mod partition;
pub mod quorum;
pub mod shadow;
pub mod shares;
pub mod transactions;
pub mod work;

pub use backlog::Backlog;
pub use chronicle::Chronicle;
pub use clients::Clients;
pub use compacted::Compacted;
pub use effects::Effects;
pub use groups::GroupsGhost;
pub use metadata::Metadata;
pub use partition::{PartitionGhost, ReplicaGhost, Role};
pub use quorum::{QuorumGhost, VoterGhost};
pub use shadow::{Batch, Shadow};
pub use shares::Shares;
pub use transactions::TransactionsGhost;
pub use work::Work;
