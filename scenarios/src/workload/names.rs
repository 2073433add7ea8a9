//! Names of transactions and effects: unique in a run, over all lives of whoever gives them.

use squall_core::host::Host;

/// Gives names in one life of a node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names {
    /// The node, and a drawn number for the life: a process that was killed remembers nothing to count from.
    life: u64,
    next: u64,
}

const NUMBERS: u32 = 16;
const LIVES: u32 = 32;

impl Names {
    /// Of a life that begins now.
    pub(crate) fn of_this_life(env: &mut Host<'_>) -> Self {
        Self { life: u64::from(env.me().0) << LIVES | env.below(1 << LIVES), next: 0 }
    }

    /// A name not given before.
    ///
    /// # Panics
    /// After 65,536 names in one life.
    pub(crate) fn next(&mut self) -> u64 {
        let name = self.life << NUMBERS | self.next;
        self.next += 1;
        assert!(self.next < 1 << NUMBERS, "names of one life are few");
        name
    }
}

/// As people read it: node, life and number, `9~51bfa3c2#4`.
pub(crate) fn text(name: u64) -> String {
    let (life, number) = (name >> NUMBERS, name & ((1 << NUMBERS) - 1));
    format!("{}~{:x}#{number}", life >> LIVES, life & ((1 << LIVES) - 1))
}
