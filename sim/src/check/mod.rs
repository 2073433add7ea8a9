//! What must hold: the checks of a scenario, and small named properties for worlds of one's own.
//!
//! [`Checks`] is the whole set that a scenario brings, with state of its own. [`Property`] is one promise;
//! [`Properties`] is a list of them and is a [`Checks`] itself. Checks read probes and state; they never
//! parse log lines, and during the storm they change nothing. [`history`] judges by what clients saw alone.

pub mod history;

use std::fmt;

use squall_core::env::Process;

use crate::engine::World;
use crate::record::{PermittedLoss, Tally, Violation};

/// All that a scenario checks. Cloned with the world when a run is forked.
pub trait Checks<P: Process>: Clone {
    /// Looks at the world after every event, and after each fault's act (crash, boot, pause); the many cuts
    /// of one split are looked at once.
    fn after_event(&mut self, world: &World<P>) -> Result<(), Violation>;

    /// Called every 50 ms of virtual time once the calm began; may `tell` nodes things.
    fn calm(&mut self, world: &mut World<P>) -> Progress;

    /// Looks at the world once it has converged (or was excused from it).
    fn at_end(&mut self, world: &World<P>) -> Result<(), Violation>;

    /// What was counted so far.
    fn counters(&self) -> Tally;

    /// A few of the losses that it permitted, with the reasons.
    fn permits(&self) -> Vec<PermittedLoss> {
        Vec::new()
    }

    /// Names of `exercised` counts that some run of a campaign must reach.
    fn sometimes(&self) -> &[&'static str];
}

/// How far the calm is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Everything converged.
    Done,
    /// This has not happened yet.
    Waiting(String),
    /// This will not happen, and the fault budget says why that is all right.
    Excused {
        /// Why.
        reason: String,
    },
}

/// When a property is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// It holds after every event.
    AfterEveryEvent,
    /// The calm lasts until it holds; if it never does, the run stalls.
    Eventually,
    /// It holds once everything has converged.
    AtEnd,
    /// Some run of a campaign reaches it: a green run that exercised nothing is worth nothing.
    Sometimes,
}

/// One promise about a world.
pub trait Property<P: Process>: Send + Sync {
    /// Its name: `one_holder_at_a_time`.
    fn name(&self) -> &'static str;

    /// When it is looked at.
    fn when(&self) -> When;

    /// Whether it holds; if not, what happened instead, in one line.
    fn check(&mut self, world: &World<P>) -> Result<(), String>;

    /// Itself again, as it stands.
    fn boxed_clone(&self) -> Box<dyn Property<P>>;
}

/// A property made of a closure. What the closure captures is its state.
#[derive(Clone)]
struct Simple<F> {
    name: &'static str,
    when: When,
    check: F,
}

impl<P, F> Property<P> for Simple<F>
where
    P: Process,
    F: FnMut(&World<P>) -> Result<(), String> + Clone + Send + Sync + 'static,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn when(&self) -> When {
        self.when
    }

    fn check(&mut self, world: &World<P>) -> Result<(), String> {
        (self.check)(world)
    }

    fn boxed_clone(&self) -> Box<dyn Property<P>> {
        Box::new(self.clone())
    }
}

struct Held<P: Process> {
    property: Box<dyn Property<P>>,
    looked: u64,
    held: u64,
}

/// Named properties: all the checks that a small world needs.
pub struct Properties<P: Process> {
    after_event: Vec<Held<P>>,
    eventually: Vec<Held<P>>,
    at_end: Vec<Held<P>>,
    sometimes: Vec<Held<P>>,
    names: Vec<&'static str>,
}

impl<P: Process> Default for Properties<P> {
    fn default() -> Self {
        Self {
            after_event: Vec::new(),
            eventually: Vec::new(),
            at_end: Vec::new(),
            sometimes: Vec::new(),
            names: Vec::new(),
        }
    }
}

impl<P: Process> Clone for Held<P> {
    fn clone(&self) -> Self {
        Self { property: self.property.boxed_clone(), looked: self.looked, held: self.held }
    }
}

impl<P: Process> Clone for Properties<P> {
    fn clone(&self) -> Self {
        Self {
            after_event: self.after_event.clone(),
            eventually: self.eventually.clone(),
            at_end: self.at_end.clone(),
            sometimes: self.sometimes.clone(),
            names: self.names.clone(),
        }
    }
}

impl<P: Process> fmt::Debug for Properties<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [&self.after_event, &self.eventually, &self.at_end, &self.sometimes];
        f.debug_list().entries(all.into_iter().flatten().map(|held| held.property.name())).finish()
    }
}

impl<P: Process> Properties<P> {
    /// Adds a property.
    #[must_use]
    pub fn with(mut self, property: Box<dyn Property<P>>) -> Self {
        let list = match property.when() {
            When::AfterEveryEvent => &mut self.after_event,
            When::Eventually => &mut self.eventually,
            When::AtEnd => &mut self.at_end,
            When::Sometimes => {
                self.names.push(property.name());
                &mut self.sometimes
            }
        };
        list.push(Held { property, looked: 0, held: 0 });
        self
    }

    /// Adds a property made of a closure.
    #[must_use]
    pub fn with_fn(
        self,
        name: &'static str,
        when: When,
        check: impl FnMut(&World<P>) -> Result<(), String> + Clone + Send + Sync + 'static,
    ) -> Self {
        self.with(Box::new(Simple { name, when, check }))
    }
}

impl<P: Process> Held<P> {
    fn look(&mut self, world: &World<P>) -> Result<(), Violation> {
        self.looked += 1;
        self.property
            .check(world)
            .map_err(|message| Violation::new(self.property.name(), message, world.now()))
    }
}

impl<P: Process> Checks<P> for Properties<P> {
    fn after_event(&mut self, world: &World<P>) -> Result<(), Violation> {
        for held in &mut self.sometimes {
            held.held += u64::from(held.property.check(world).is_ok());
        }
        self.after_event.iter_mut().try_for_each(|held| held.look(world))
    }

    fn calm(&mut self, world: &mut World<P>) -> Progress {
        for held in &mut self.eventually {
            held.looked += 1;
            if let Err(missing) = held.property.check(world) {
                return Progress::Waiting(format!("{}: {missing}", held.property.name()));
            }
        }
        Progress::Done
    }

    fn at_end(&mut self, world: &World<P>) -> Result<(), Violation> {
        self.at_end.iter_mut().try_for_each(|held| held.look(world))
    }

    fn counters(&self) -> Tally {
        let mut tally = Tally::default();
        for held in self.after_event.iter().chain(&self.eventually).chain(&self.at_end) {
            tally.compared.insert(held.property.name(), held.looked);
        }
        for held in &self.sometimes {
            tally.exercised.insert(held.property.name(), held.held);
        }
        tally
    }

    fn sometimes(&self) -> &[&'static str] {
        &self.names
    }
}
