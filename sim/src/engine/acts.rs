//! The acts of an operator, benign or not: each takes effect at once and is one event.
//!
//! An act that changes nothing (crashing a node that is down) is no event and answers `false`, so that a
//! fault counts only if it took effect.

use squall_core::env::Process;
use squall_core::ids::NodeId;
use squall_core::time::{Span, Time};

use super::World;
use super::machine::Letter;
use super::queue::Ticket;
use super::wire::Heard;
use crate::disk::{DiskModel, Harm, PowerLoss};
use crate::network::LinkModel;
use crate::trace::{self, Kind};

impl<P: Process> World<P> {
    /// Sends `message` to `to` from [`NodeId::OPERATOR`]; it arrives now, as an event of its own.
    pub fn tell(&mut self, to: NodeId, message: P::Message) {
        self.machine.digest.word(u64::from(to.0));
        self.machine.digest.take(&message);
        self.machine.stats.sent += 1;
        self.machine.post(self.machine.now, Letter { from: NodeId::OPERATOR, to, message });
        self.settle();
    }

    /// The process dies. Its timers and syncs die with it; the disk's cache stays, and messages it sent
    /// still arrive. Messages to it are dropped if it is down when they are due.
    pub fn crash(&mut self, node: NodeId) -> bool {
        self.is_up(node) && self.act(node, Kind::Crashed, |world| world.end_life(node))
    }

    /// The process dies if it was alive, and the disk loses or tears what no completed sync covers.
    pub fn power_loss(&mut self, node: NodeId) -> bool {
        self.power_loss_as(node, PowerLoss::Drawn)
    }

    /// The same, with more to say about what is lost.
    pub fn power_loss_as(&mut self, node: NodeId, how: PowerLoss) -> bool {
        self.exists(node)
            && self.act(node, Kind::PowerLost, |world| {
                world.end_life(node);
                let (files, names) = world.nodes[node.index()].parts.disk.power_loss(how);
                let stats = &mut world.machine.stats;
                stats.power_losses += 1;
                stats.files_torn += files;
                stats.names_undone += names;
                world.machine.digest.pair(files, names);
            })
    }

    /// The process dies if it was alive, and its disk is replaced by an empty one.
    pub fn wipe(&mut self, node: NodeId) -> bool {
        self.exists(node)
            && self.act(node, Kind::Wiped, |world| {
                world.end_life(node);
                world.nodes[node.index()].parts.disk.wipe();
                world.machine.stats.wipes += 1;
            })
    }

    /// A node that is down begins a new life, as it was added, on the disk that it has.
    pub fn boot(&mut self, node: NodeId) -> bool {
        self.exists(node)
            && !self.is_up(node)
            && self.act(node, Kind::Started, |world| {
                world.machine.stats.boots += 1;
                world.machine.fabric.reconnect(node);
                world.begin(node);
            })
    }

    /// The node takes no inputs until it is resumed. Its clock goes on, and what comes waits in order.
    pub fn pause(&mut self, node: NodeId) -> bool {
        self.is_up(node)
            && !self.is_paused(node)
            && self.act(node, Kind::Paused, |world| {
                let parts = &mut world.nodes[node.index()].parts;
                parts.paused = true;
                parts.wake = 0;
                world.machine.holds_back = true;
                world.machine.stats.pauses += 1;
            })
    }

    /// The node takes what waited for it, one by one, from now on.
    pub fn resume(&mut self, node: NodeId) -> bool {
        self.is_paused(node)
            && self.act(node, Kind::Resumed, |world| {
                let now = world.machine.now;
                world.nodes[node.index()].parts.paused = false;
                world.release_backlog(node, now);
                world.plan_wake(node.index());
            })
    }

    /// Messages from the one do not get to the other any more, those on their way included.
    pub fn cut(&mut self, from: NodeId, to: NodeId) -> bool {
        from != to
            && !self.is_cut(from, to)
            && self.act(from, Kind::Cut { to }, |world| {
                world.machine.fabric.cut(from, to);
            })
    }

    /// Messages from the one get to the other again.
    pub fn mend(&mut self, from: NodeId, to: NodeId) -> bool {
        self.is_cut(from, to)
            && self.act(from, Kind::Mended { to }, |world| {
                world.machine.fabric.mend(from, to);
            })
    }

    /// Mends every cut, each as an event of its own.
    pub fn mend_all(&mut self) -> bool {
        let mut any = false;
        while let Some((from, to)) = self.machine.fabric.any_cut() {
            any |= self.mend(from, to);
        }
        any
    }

    /// The link behaves like this from now on, whatever the default.
    pub fn set_link(&mut self, from: NodeId, to: NodeId, model: LinkModel) {
        self.act(from, Kind::Weather { to }, |world| {
            world.machine.digest.take(&model_words(&model));
            world.machine.fabric.set_model(from, to, model);
        });
    }

    /// The link behaves like the default again.
    pub fn clear_link(&mut self, from: NodeId, to: NodeId) {
        self.act(from, Kind::Weather { to }, |world| world.machine.fabric.clear_model(from, to));
    }

    /// Every link that has no model of its own behaves like this from now on.
    pub fn set_default_link(&mut self, model: LinkModel) {
        self.act(NodeId::OPERATOR, Kind::Weather { to: NodeId::OPERATOR }, |world| {
            world.machine.digest.take(&model_words(&model));
            world.machine.fabric.set_default(model);
        });
    }

    /// The node's disk behaves like this from now on.
    pub fn set_disk(&mut self, node: NodeId, model: DiskModel) -> bool {
        self.exists(node)
            && self.act(node, Kind::DiskSet, |world| {
                world.machine.digest.pair(model.sync_min.0, model.sync_max.0);
                world.machine.digest.pair(u64::from(model.sector), model.capacity);
                world.machine.digest.pair(model.write_error_ppm.into(), model.sync_error_ppm.into());
                let switches = u64::from(model.lies) << 1 | u64::from(model.stalled);
                world.machine.digest.pair(model.read_error_ppm.into(), switches);
                let disk = &mut world.nodes[node.index()].parts.disk;
                let was_stalled = disk.model().stalled;
                disk.set_model(model);
                if was_stalled != model.stalled {
                    world.stall(node, model.stalled);
                }
            })
    }

    /// The syncs that the node waits for stop where they are, or go on and take their time once more.
    fn stall(&mut self, node: NodeId, stalled: bool) {
        let (parts, machine) = (&mut self.nodes[node.index()].parts, &mut self.machine);
        for &place in &parts.syncs {
            let number = if stalled {
                0
            } else {
                let takes = parts.disk.sync_time();
                machine.queue.push(machine.now + takes, Ticket::Sync(place))
            };
            // A key of another number means nothing any more.
            machine.syncs.get_mut(place).expect("who waits for a sync has one").number = number;
        }
    }

    /// Durable bytes on the node's disk change. `false` if there are none to be harmed so.
    pub fn harm(&mut self, node: NodeId, harm: Harm) -> bool {
        if !self.exists(node) {
            return false;
        }
        let Some(place) = self.nodes[node.index()].parts.disk.harm(harm) else { return false };
        self.act(node, Kind::DiskHarmed, |world| {
            world.machine.stats.harms += 1;
            world.machine.digest.word(place);
        })
    }

    /// The next write on the node's disk goes to another place from now on, or not any more.
    pub fn misdirect(&mut self, node: NodeId, on: bool) -> bool {
        self.exists(node)
            && self.nodes[node.index()].parts.disk.misdirect(on)
            && self.act(node, Kind::DiskSet, |world| world.machine.digest.word(on.into()))
    }

    /// The node's clock runs `ppm` millionths too fast from now on, too slow if negative.
    pub fn set_drift(&mut self, node: NodeId, ppm: i32) -> bool {
        self.exists(node)
            && self.act(node, Kind::ClockSet, |world| {
                world.machine.digest.word(i64::from(ppm) as u64);
                let now = world.machine.now;
                world.nodes[node.index()].parts.clock.set_drift(now, ppm);
            })
    }

    /// The node's calendar jumps by `nanos`, back if negative. Its monotonic clock and its timers do not notice.
    pub fn step_clock(&mut self, node: NodeId, nanos: i64) -> bool {
        self.exists(node)
            && self.act(node, Kind::ClockSet, |world| {
                world.machine.digest.word(nanos as u64);
                world.nodes[node.index()].parts.clock.step(nanos);
            })
    }

    /// All clocks of the node jump ahead. Timers that are set keep their time.
    pub fn leap_clock(&mut self, node: NodeId, by: Span) -> bool {
        self.exists(node)
            && self.act(node, Kind::ClockSet, |world| {
                world.machine.digest.pair(u64::MAX, by.0);
                let now = world.machine.now;
                world.nodes[node.index()].parts.clock.leap(now, by);
            })
    }

    /// The node's clocks stand still, or go on from where they stood. Timers run all the same.
    pub fn freeze_clock(&mut self, node: NodeId, frozen: bool) -> bool {
        self.exists(node)
            && self.clock(node).is_frozen() != frozen
            && self.act(node, Kind::ClockSet, |world| {
                world.machine.digest.word(u64::from(frozen));
                let now = world.machine.now;
                world.nodes[node.index()].parts.clock.set_frozen(now, frozen);
            })
    }

    /// The node's clocks run at the true rate, and its calendar is right. What its monotonic clock gained or
    /// lost stays. Whether anything was wrong.
    pub fn set_clock_right(&mut self, node: NodeId) -> bool {
        if !self.exists(node) {
            return false;
        }
        let frozen = self.freeze_clock(node, false);
        let drifted = self.clock(node).drift_ppm() != 0 && self.set_drift(node, 0);
        let off = self.clock(node).wall_offset_at(self.machine.now);
        let stepped = off != 0 && self.step_clock(node, -off);
        frozen || drifted || stepped
    }

    fn exists(&self, node: NodeId) -> bool {
        node.index() < self.nodes.len()
    }

    /// One act, as one event.
    pub(super) fn act(&mut self, node: NodeId, kind: Kind, deed: impl FnOnce(&mut Self)) -> bool {
        trace::set_virtual_now(self.machine.now);
        tracing::debug!(target: "squall::act", node = node.0, ?kind);
        self.probes.clear();
        self.machine.watch.clear();
        self.note(node, kind, 0);
        deed(self);
        self.close(node, kind);
        self.settle();
        true
    }

    fn end_life(&mut self, id: NodeId) {
        let now = self.machine.now;
        let node = &mut self.nodes[id.index()];
        if node.process.take().is_none() {
            return;
        }
        self.machine.stats.crashes += 1;
        node.parts.disk.crash();
        node.parts.timers.clear(&mut self.machine.timers);
        for place in node.parts.syncs.drain(..) {
            self.machine.syncs.remove(place);
        }
        node.parts.rest();
        self.release_backlog(id, now);
        // What had arrived already was in the dead process's memory.
        for key in std::mem::take(&mut self.nodes[id.index()].parts.backlog) {
            if let Ticket::Message(place) = key.ticket() {
                self.machine.letters.remove(place);
                self.machine.stats.down += 1;
                if let Some(heard) = &mut self.machine.heard {
                    heard.push(Heard::Forgotten { number: key.number() });
                }
            }
        }
    }

    /// Inputs that were put aside before their time go back to the queue: they may find things changed.
    fn release_backlog(&mut self, id: NodeId, now: Time) {
        let parts = &mut self.nodes[id.index()].parts;
        let queue = &mut self.machine.queue;
        parts.backlog.retain(|&key| {
            let early = key.time() > now;
            if early {
                queue.push_key(key);
            }
            !early
        });
    }
}

/// A link's model as words: the fields in order.
fn model_words(model: &LinkModel) -> [(u64, u64); 5] {
    [
        (model.latency_min.0, model.latency_max.0),
        (model.loss_ppm.into(), model.duplicate_ppm.into()),
        (model.reorder_ppm.into(), model.reorder_extra.0),
        (model.tail_ppm.into(), model.tail_extra.0),
        (model.bandwidth, 0),
    ]
}
