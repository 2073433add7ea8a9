//! (opens with the first room built here)
