//! What a transaction ends with in a log: a control batch with one record.

/// How a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ending {
    /// Its records count.
    Commit,
    /// They do not.
    Abort,
}
