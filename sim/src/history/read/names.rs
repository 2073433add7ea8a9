//! One text for each name, as long as it is in use: a history names its few keys millions of times.
//!
//! A table of a fixed size that forgets: a name that meets another one in its place takes that place. What is
//! forgotten is made anew, and is equal to the old one all the same, so nothing depends on it but time.

use std::sync::Arc;

/// Texts that were met not long ago.
#[derive(Debug, Default)]
pub(super) struct Names {
    texts: Vec<Option<Arc<str>>>,
    numbers: Vec<Option<(i64, Arc<str>)>>,
}

/// Places for texts, and for numbers that are keys: powers of two.
const TEXTS: usize = 4_096;
const NUMBERS: usize = 1_024;
/// Whoever names something at this length does not name it often.
const LONGEST: usize = 64;

impl Names {
    /// For a whole history. The default one remembers nothing.
    pub(super) fn remembering() -> Self {
        Self { texts: vec![None; TEXTS], numbers: vec![None; NUMBERS] }
    }

    /// The text.
    pub(super) fn text(&mut self, text: &str) -> Arc<str> {
        if text.len() > LONGEST {
            return Arc::from(text);
        }
        let Some(known) = self.texts.get_mut(hash(text) & (TEXTS - 1)) else { return Arc::from(text) };
        match known {
            Some(known) if **known == *text => known.clone(),
            Some(_) | None => known.insert(Arc::from(text)).clone(),
        }
    }

    /// A number as text.
    pub(super) fn number(&mut self, number: i64) -> Arc<str> {
        let place = usize::try_from(number & (NUMBERS as i64 - 1)).unwrap_or_default();
        let Some(known) = self.numbers.get_mut(place) else { return Arc::from(number.to_string()) };
        match known {
            Some((known, text)) if *known == number => text.clone(),
            Some(_) | None => known.insert((number, Arc::from(number.to_string()))).1.clone(),
        }
    }
}

/// FNV-1a (Fowler, Noll, Vo), its upper bits over its lower ones.
fn hash(text: &str) -> usize {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash ^ (hash >> 32)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_lost_its_place_is_still_what_it_was() {
        for mut names in [Names::default(), Names::remembering()] {
            let all: Vec<String> = (0..20_000).map(|number| format!("orders-{number}")).collect();
            for name in all.iter().chain(&all) {
                assert_eq!(&*names.text(name), name);
            }
            for number in (-3..3_000).chain([i64::MIN, i64::MAX, -3, 5]) {
                assert_eq!(&*names.number(number), number.to_string());
            }
        }
    }

    #[test]
    fn a_name_met_again_takes_no_memory() {
        let mut names = Names::remembering();
        let (first, key) = (names.text("orders-0"), names.number(7));
        assert!(Arc::ptr_eq(&first, &names.text("orders-0")));
        assert!(Arc::ptr_eq(&key, &names.number(7)));
    }
}
