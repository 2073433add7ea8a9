//! Which partition of the offsets topic holds a group: Java's `String.hashCode`, as Kafka's
//! `GroupMetadataManager.partitionFor` takes it.

use crate::ids::GroupId;

/// The partition of the group, of so many.
///
/// # Panics
/// If there is none.
pub fn partition_for(group: &GroupId, partitions: u32) -> u32 {
    assert!(partitions > 0, "a topic has at least one partition");
    // Kafka's `Utils.abs` clears the sign, so that the smallest number has a place too.
    (hash(&group.0) & 0x7fff_ffff) % partitions
}

/// `String.hashCode`, over UTF-16 units.
fn hash(text: &str) -> u32 {
    text.encode_utf16().fold(0, |hash: u32, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_the_hash_that_java_gives_it() {
        // As `jshell` answers.
        assert_eq!(hash(""), 0);
        assert_eq!(hash("a"), 97);
        assert_eq!(hash("hello"), 99_162_322);
        assert_eq!(hash("polygenelubricants"), 0x8000_0000);
    }

    #[test]
    fn the_smallest_hash_has_a_partition() {
        assert_eq!(partition_for(&GroupId("polygenelubricants".into()), 50), 0);
        assert_eq!(partition_for(&GroupId("hello".into()), 50), 22);
    }
}
