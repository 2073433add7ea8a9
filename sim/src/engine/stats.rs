//! Counters of a run: how much happened, and how much of it went wrong.

/// What a world has counted since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Messages sent by processes and by the operator.
    pub sent: u64,
    /// Messages taken by a process.
    pub delivered: u64,
    /// Messages lost by the link's weather.
    pub lost: u64,
    /// Messages lost because the link was cut, when sent or when due.
    pub cut: u64,
    /// Messages that found their receiver down.
    pub down: u64,
    /// Messages of which a second copy was on its way.
    pub duplicated: u64,
    /// Messages that fell behind.
    pub reordered: u64,
    /// Timers that ran out.
    pub expired: u64,
    /// Syncs that ended well.
    pub synced: u64,
    /// Syncs that failed.
    pub sync_errors: u64,
    /// Writes that failed, full disks included.
    pub write_errors: u64,
    /// Reads that the device failed.
    pub read_errors: u64,
    /// Durable bytes that changed by themselves.
    pub harms: u64,
    /// Bytes written to disks.
    pub bytes_written: u64,
    /// Boots, first ones included.
    pub boots: u64,
    /// Processes that died, by whatever.
    pub crashes: u64,
    /// Power losses.
    pub power_losses: u64,
    /// Files that lost or tore something at a power loss.
    pub files_torn: u64,
    /// Creations, renames and removals undone by a power loss.
    pub names_undone: u64,
    /// Disks wiped.
    pub wipes: u64,
    /// Pauses.
    pub pauses: u64,
    /// Messages that were singled out to be lost, late or doubled.
    pub interfered: u64,
}
