//! What a process may rely on, and what it may not: order, timers, crashes, pauses, cuts, work, clocks,
//! disks.

mod any_acts;
mod disk_faults;
mod disks;
mod nodes;
mod puppet;
