//! The window as every node of the cluster sees it: with the cluster's own messages, timers and probes.

use crate::env::Env;
use crate::message::Message;
use crate::probe::Probe;
use crate::timer::Timer;

/// The world of a node of the cluster.
pub type Host<'a> = dyn Env<Message, Timer, Probe> + 'a;
