//! Which partition of the share-group state holds a share-partition.

use crate::coordinator::place::partition_for;
use crate::share::probe::SharePartition;

/// The partition of the share-partition's state, of so many: by the key that Kafka's `SharePartitionKey` writes.
///
/// # Panics
/// If there is none.
pub fn state_partition_for(of: &SharePartition, partitions: u32) -> u32 {
    let key = format!("{}:{}:{}", of.group, of.at.topic, of.at.partition);
    partition_for(&key, partitions)
}
