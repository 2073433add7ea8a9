//! What share groups have done: who holds which record, how each delivery ended, what workers and people were told.
//! Folded from what leaders report once it is committed, and from what workers and people report themselves.

use std::collections::{BTreeMap, VecDeque};

use squall_core::ids::{LeaderEpoch, MemberId, Offset, Turn};
use squall_core::share::message::Verdict;
use squall_core::share::probe::SharePartition;
use squall_core::time::Time;

/// A record as the leaders have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// Its last delivery.
    pub turn: Turn,
    /// How often it was delivered since it was last put back; `None` while that may have been unheard of.
    pub count: Option<u32>,
    /// What it is.
    pub state: State,
}

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Anybody's.
    Available,
    /// A worker's.
    Held(MemberId),
    /// Given up; its letter is not written yet.
    Archiving,
    /// Its letter is written.
    Dead,
    /// Worked, or not there.
    Done,
    /// Over in some way that no leader lived to tell.
    Over,
}

/// An acknowledgement that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// Of which delivery.
    pub turn: Turn,
    /// By whom.
    pub member: MemberId,
    /// What it says.
    pub verdict: Verdict,
    /// The newest delivery that some worker had been told of by then.
    pub newest: Turn,
}

/// A record as workers and people have seen it.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Who was told of which delivery, the last few.
    pub received: Vec<(Turn, MemberId)>,
    /// What was said of deliveries and not answered.
    pub open: Vec<Said>,
    /// It was worked: by whom, in which delivery.
    pub worked: Option<(Turn, MemberId)>,
    /// Somebody said that it is worked, and never heard whether that was taken.
    pub maybe_worked: bool,
    /// Somebody said that it is worked, and was refused. Of a message that came twice one may have been taken.
    pub refused: bool,
    /// The last delivery that a letter names.
    pub letter: Option<Turn>,
    /// The sender's name for it.
    pub name: Option<u64>,
}

/// One group's work on one partition.
#[derive(Debug, Clone, Default)]
pub struct Part {
    /// The newest reign that was heard of.
    pub epoch: LeaderEpoch,
    /// The next record that was never delivered, as the leaders have it.
    pub next: Offset,
    /// The same as the last new leader found it: what lies before may have been dealt with unheard of.
    pub found: Offset,
    /// Records as the leaders have them. Changed by [`Part::put`].
    pub items: BTreeMap<Offset, Item>,
    /// How many of them are in flight.
    pub in_flight: usize,
    /// How many of them are dead.
    pub dead: usize,
    /// Records as workers and people have seen them.
    pub seen: BTreeMap<Offset, Seen>,
    /// When the last deliveries of this reign were handed out, by its leader's clock.
    pub handed: VecDeque<Time>,
}

/// All share groups.
#[derive(Debug, Clone, Default)]
pub struct Shares {
    /// By group and partition.
    pub parts: BTreeMap<SharePartition, Part>,
}

/// So many deliveries of a record are remembered.
const DELIVERIES: usize = 16;

impl Shares {
    /// A group's work on a partition.
    pub fn part(&mut self, of: &SharePartition) -> &mut Part {
        if !self.parts.contains_key(of) {
            self.parts.insert(of.clone(), Part::default());
        }
        self.parts.get_mut(of).expect("it was inserted")
    }

    /// What workers and people have seen of a record.
    pub fn seen(&mut self, of: &SharePartition, offset: Offset) -> &mut Seen {
        self.part(of).seen.entry(offset).or_default()
    }
}

impl State {
    /// Whether it is neither done nor dead.
    pub const fn is_in_flight(self) -> bool {
        match self {
            Self::Available | Self::Held(_) | Self::Archiving => true,
            Self::Dead | Self::Done | Self::Over => false,
        }
    }
}

impl Part {
    /// A record is this from now on.
    pub fn put(&mut self, offset: Offset, item: Item) {
        self.count(item.state, 1);
        if let Some(before) = self.items.insert(offset, item) {
            self.count(before.state, -1);
        }
    }

    const fn count(&mut self, state: State, by: isize) {
        if state.is_in_flight() {
            self.in_flight = self.in_flight.wrapping_add_signed(by);
        } else if matches!(state, State::Dead) {
            self.dead = self.dead.wrapping_add_signed(by);
        }
    }
}

impl Seen {
    /// The newest delivery that some worker was told of.
    pub fn newest(&self) -> Turn {
        self.received.iter().map(|(turn, _)| *turn).max().unwrap_or_default()
    }

    /// A worker was told of a delivery.
    pub fn receive(&mut self, turn: Turn, member: MemberId) {
        self.received.push((turn, member));
        if self.received.len() > DELIVERIES {
            self.received.remove(0);
        }
    }

    /// Takes out what was said of a delivery.
    pub fn answered(&mut self, turn: Turn, member: MemberId, verdict: Verdict) -> Option<Said> {
        let is = |said: &Said| (said.turn, said.member, said.verdict) == (turn, member, verdict);
        let place = self.open.iter().position(is)?;
        Some(self.open.remove(place))
    }
}
