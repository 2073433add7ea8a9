//! Where the record of a value is: looked up for every value sent, and for every first value of a poll.
//!
//! A table with open addressing (Knuth, The Art of Computer Programming, volume 3, 6.4, algorithm L): a map by
//! order asks twenty cold places of memory where this asks one. It holds numbers alone; names stay with the
//! records. Never walked: what a report says has no order that comes from here.

use super::tables::{NONE, Record};
use crate::history::op::Name;

/// Numbers of records, by key and name.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    /// At most half of these are taken, the others are [`NONE`]. None at all, or a power of two.
    places: Vec<u32>,
    taken: usize,
}

/// How many places there are at first.
const FIRST: usize = 64;

impl Names {
    /// The record of a value.
    pub(super) fn get(&self, records: &[Record], key: u32, name: &Name) -> Option<u32> {
        if self.places.is_empty() {
            return None;
        }
        let mut place = self.home(key, name);
        loop {
            let number = self.places[place];
            // None of them has this number.
            let record = records.get(number as usize)?;
            if record.key == key && record.name.as_ref() == Some(name) {
                return Some(number);
            }
            place = (place + 1) & (self.places.len() - 1);
        }
    }

    /// Takes in a record, which has a name that is not yet known.
    pub(super) fn insert(&mut self, records: &[Record], number: u32) {
        self.taken += 1;
        if self.taken * 2 > self.places.len() {
            let all = self.places.len().max(FIRST / 2) * 2;
            let known = std::mem::replace(&mut self.places, vec![NONE; all]);
            known.into_iter().filter(|number| *number != NONE).for_each(|number| self.put(records, number));
        }
        self.put(records, number);
    }

    fn put(&mut self, records: &[Record], number: u32) {
        let record = &records[number as usize];
        let Some(name) = &record.name else { return };
        let mut place = self.home(record.key, name);
        while self.places[place] != NONE {
            place = (place + 1) & (self.places.len() - 1);
        }
        self.places[place] = number;
    }

    /// Where the search for it begins.
    fn home(&self, key: u32, name: &Name) -> usize {
        let hash = match name {
            Name::Number(number) => mixed(u64::from(key), number.cast_unsigned()),
            Name::Text(text) => {
                let words = text.as_bytes().chunks(8).map(|bytes| {
                    let mut word = [0; 8];
                    word[..bytes.len()].copy_from_slice(bytes);
                    u64::from_le_bytes(word)
                });
                words.fold(mixed(u64::from(key), text.len() as u64), mixed)
            }
        };
        (hash as usize) & (self.places.len() - 1)
    }
}

/// Two words into one: the halves of their product, folded (after wyhash).
fn mixed(first: u64, second: u64) -> u64 {
    const ODD: [u64; 2] = [0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db];
    let product = u128::from(first ^ ODD[0]) * u128::from(second ^ ODD[1]);
    (product as u64) ^ ((product >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use crate::check::history::{Checker, Options};
    use crate::history::Kind;
    use crate::history::op::{Action, Argument, Mop, Name, Op};

    /// Numbers, the same as text, and texts that begin alike.
    fn name(number: i64) -> Name {
        match number % 3 {
            0 => Name::Number(number / 7),
            1 => Name::Text(number.to_string().into()),
            _ => Name::Text(format!("a text of more than a word {number}").into()),
        }
    }

    fn send(key: &str, value: Name, kind: Kind) -> Op {
        let send = Mop::Send { key: Some(key.into()), offset: None, value };
        Op::new(0, kind, Action::Send, Argument::Mops(vec![send]))
    }

    #[test]
    fn of_thousands_of_values_each_is_known_once_it_was_sent_and_none_before() {
        let mut checker = Checker::new(Options::default());
        let all: Vec<(&str, Name)> = (0..3_000)
            .filter(|number| number % 7 == 0 || number % 3 != 0)
            .flat_map(|number| ["a", "b"].map(|key| (key, name(number))))
            .collect();
        let (again, once) = all.split_at(all.len() / 2);
        for (key, value) in again {
            checker.push(send(key, value.clone(), Kind::Invoke)).expect("nobody sent it");
            checker.push(send(key, value.clone(), Kind::Ok)).expect("it was begun");
        }
        for (key, value) in again {
            let refused = checker.push(send(key, value.clone(), Kind::Invoke)).expect_err("it was sent");
            assert!(refused.0.contains("once more"), "{refused}");
        }
        for (key, value) in once {
            checker.push(send(key, value.clone(), Kind::Invoke)).expect("nobody sent it");
            checker.push(send(key, value.clone(), Kind::Ok)).expect("it was begun");
        }
    }
}
