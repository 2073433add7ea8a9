//! Observers read the committed metadata log: at once, or when there is something new.
//!
//! Serves applied records alone, so nobody hears of what may still be undone. Asked about more than is
//! kept in memory, it answers with an image and what follows it.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Controller;
use super::pending::Asker;
use crate::host::Host;
use crate::ids::Offset;
use crate::message::{FetchMetadata, MetadataUpdate, Reply};
use crate::metadata::{Image, MetadataRecord};
use crate::refused::Refused;
use crate::time::Time;
use crate::timer::{ControllerTimer, Timer};

const TIMER: Timer = Timer::Controller(ControllerTimer::Purgatory);

/// Answers, or parks the question until something is applied.
pub(super) fn on_request(c: &mut Controller, asker: Asker, fetch: FetchMetadata, env: &mut Host<'_>) {
    if !c.is_active() {
        return asker.answer(Reply::FetchMetadata(Err(c.not_controller())), env);
    }
    let now = env.now();
    let deadline = now + fetch.max_wait;
    if fetch.from < c.image.end || deadline == now {
        return asker.answer(Reply::FetchMetadata(Ok(c.tail.since(fetch.from))), env);
    }
    c.purgatory.park(Parked { asker, from: fetch.from, deadline }, env);
}

/// Answers those who waited long enough.
pub(super) fn on_expired(c: &mut Controller, env: &mut Host<'_>) {
    let now = env.now();
    c.purgatory.armed = None;
    c.purgatory.release(&c.tail, |parked| parked.deadline <= now, env);
    if let Some(deadline) = c.purgatory.parked.iter().map(|parked| parked.deadline).min() {
        c.purgatory.arm(deadline, env);
    }
}

/// The newest records, and an image for whoever is further behind.
#[derive(Debug, Clone, Default)]
pub(super) struct Tail {
    /// The offset of `records[0]`; not above the end of `snapshot`.
    base: Offset,
    records: VecDeque<Arc<MetadataRecord>>,
    snapshot: Arc<Image>,
}

impl Tail {
    /// One past the last record.
    pub(super) fn end(&self) -> Offset {
        self.base.plus(self.records.len() as u64)
    }

    /// How many records came since the last image.
    pub(super) fn since_snapshot(&self) -> u64 {
        self.end().records_since(self.snapshot.end).unwrap_or(0)
    }

    pub(super) fn push(&mut self, record: Arc<MetadataRecord>) {
        self.records.push_back(record);
    }

    /// `image` is the newest state. Keeps the records since the image before it: an observer that is a
    /// little behind is not worth a whole image.
    pub(super) fn cut(&mut self, image: &Image) {
        let stale = self.snapshot.end.records_since(self.base).unwrap_or(0);
        self.records.drain(..stale as usize);
        self.base = self.snapshot.end;
        self.snapshot = Arc::new(image.clone());
    }

    /// `image` came from elsewhere: the records before it are unknown.
    pub(super) fn reset(&mut self, image: &Image) {
        *self = Self { base: image.end, records: VecDeque::new(), snapshot: Arc::new(image.clone()) };
    }

    /// All from `from` on; an image first if that is no longer kept.
    fn since(&self, from: Offset) -> MetadataUpdate {
        let (snapshot, base) =
            if from < self.base { (Some(self.snapshot.clone()), self.snapshot.end) } else { (None, from) };
        let skip = base.records_since(self.base).unwrap_or(0) as usize;
        let records = self.records.iter().skip(skip).cloned().collect();
        MetadataUpdate { snapshot, base, records }
    }
}

/// A question that waits for something new.
#[derive(Debug, Clone)]
struct Parked {
    asker: Asker,
    from: Offset,
    deadline: Time,
}

/// Questions that wait.
#[derive(Debug, Clone, Default)]
pub(super) struct Purgatory {
    parked: Vec<Parked>,
    /// When the timer runs out, if it is set. It stays set when a question is answered early: most are.
    armed: Option<Time>,
}

impl Purgatory {
    fn park(&mut self, parked: Parked, env: &mut Host<'_>) {
        let deadline = parked.deadline;
        self.parked.push(parked);
        if self.armed.is_none_or(|armed| deadline < armed) {
            self.arm(deadline, env);
        }
    }

    fn arm(&mut self, deadline: Time, env: &mut Host<'_>) {
        self.armed = Some(deadline);
        env.set_timer(TIMER, deadline.since(env.now()));
    }

    /// Answers everybody who waits for less than there is by now.
    pub(super) fn wake(&mut self, tail: &Tail, env: &mut Host<'_>) {
        let end = tail.end();
        self.release(tail, |parked| parked.from < end, env);
    }

    fn release(&mut self, tail: &Tail, whom: impl Fn(&Parked) -> bool, env: &mut Host<'_>) {
        self.parked.retain(|parked| {
            let leaves = whom(parked);
            if leaves {
                parked.asker.answer(Reply::FetchMetadata(Ok(tail.since(parked.from))), env);
            }
            !leaves
        });
    }

    /// Sends everybody away.
    pub(super) fn refuse_all(&mut self, refused: Refused, env: &mut Host<'_>) {
        for parked in self.parked.drain(..) {
            parked.asker.answer(Reply::FetchMetadata(Err(refused)), env);
        }
        if self.armed.take().is_some() {
            env.cancel_timer(TIMER);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parked.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(tail: &mut Tail, image: &mut Image, count: u64) {
        for _ in 0..count {
            image.apply(image.end, &MetadataRecord::NoOp);
            tail.push(Arc::new(MetadataRecord::NoOp));
        }
    }

    /// The snapshot's end, the first record's offset, how many records.
    fn shape(update: MetadataUpdate) -> (Option<u64>, u64, usize) {
        (update.snapshot.map(|image| image.end.0), update.base.0, update.records.len())
    }

    #[test]
    fn an_observer_gets_exactly_what_it_lacks() {
        let (mut tail, mut image) = (Tail::default(), Image::default());
        push(&mut tail, &mut image, 10);
        assert_eq!(shape(tail.since(Offset(0))), (None, 0, 10));
        assert_eq!(shape(tail.since(Offset(7))), (None, 7, 3));
        assert_eq!(shape(tail.since(Offset(10))), (None, 10, 0));
        assert_eq!(shape(tail.since(Offset(12))), (None, 12, 0));
    }

    #[test]
    fn an_observer_far_behind_gets_an_image_and_no_gap_after_it() {
        let (mut tail, mut image) = (Tail::default(), Image::default());
        push(&mut tail, &mut image, 10);
        tail.cut(&image);
        assert_eq!((tail.since_snapshot(), tail.end()), (0, Offset(10)));
        assert_eq!(shape(tail.since(Offset(3))), (None, 3, 7), "kept since the image before");
        push(&mut tail, &mut image, 5);
        tail.cut(&image);
        push(&mut tail, &mut image, 2);
        assert_eq!(shape(tail.since(Offset(9))), (Some(15), 15, 2));
        assert_eq!(shape(tail.since(Offset(10))), (None, 10, 7));
        assert_eq!(tail.since_snapshot(), 2);
    }

    #[test]
    fn an_image_from_elsewhere_hides_what_came_before() {
        let (mut tail, mut image) = (Tail::default(), Image::default());
        push(&mut tail, &mut image, 10);
        let mut tail = Tail::default();
        tail.reset(&image);
        assert_eq!(shape(tail.since(Offset(9))), (Some(10), 10, 0));
        push(&mut tail, &mut image, 1);
        assert_eq!(shape(tail.since(Offset(10))), (None, 10, 1));
    }
}
