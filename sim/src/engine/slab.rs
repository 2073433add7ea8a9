//! A table whose places are used again: payloads of events, found by the number in their key.

use super::queue::MOST_PLACES;

#[derive(Debug, Clone)]
enum Place<T> {
    Taken(T),
    /// The next free place, or [`NONE`].
    Free(u32),
}

/// No free place.
const NONE: u32 = u32::MAX;

/// The table.
#[derive(Debug, Clone)]
pub(super) struct Slab<T> {
    places: Vec<Place<T>>,
    free: u32,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: NONE }
    }
}

impl<T> Slab<T> {
    #[inline]
    pub(super) fn insert(&mut self, value: T) -> u32 {
        match self.places.get_mut(self.free as usize) {
            Some(place) => {
                let taken = self.free;
                if let Place::Free(next) = *place {
                    self.free = next;
                }
                *place = Place::Taken(value);
                taken
            }
            None => self.grow(value),
        }
    }

    #[inline]
    fn grow(&mut self, value: T) -> u32 {
        let place = self.places.len() as u32;
        assert!(place < MOST_PLACES, "fewer than four million events of a kind wait at once");
        self.places.push(Place::Taken(value));
        place
    }

    #[inline]
    pub(super) fn remove(&mut self, place: u32) -> Option<T> {
        match std::mem::replace(self.places.get_mut(place as usize)?, Place::Free(self.free)) {
            Place::Taken(value) => {
                self.free = place;
                Some(value)
            }
            Place::Free(next) => {
                self.places[place as usize] = Place::Free(next);
                None
            }
        }
    }

    #[inline]
    pub(super) fn get(&self, place: u32) -> Option<&T> {
        match self.places.get(place as usize)? {
            Place::Taken(value) => Some(value),
            Place::Free(_) => None,
        }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, place: u32) -> Option<&mut T> {
        match self.places.get_mut(place as usize)? {
            Place::Taken(value) => Some(value),
            Place::Free(_) => None,
        }
    }

    pub(super) fn clear(&mut self) {
        self.places.clear();
        self.free = NONE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_used_again_and_never_twice_at_once() {
        let mut slab = Slab::default();
        let (a, b) = (slab.insert('a'), slab.insert('b'));
        assert_eq!(slab.remove(a), Some('a'));
        assert_eq!(slab.remove(a), None);
        assert_eq!(slab.insert('c'), a);
        let d = slab.insert('d');
        assert_ne!(d, b);
        assert_eq!((slab.get(a), slab.get(b), slab.get(d)), (Some(&'c'), Some(&'b'), Some(&'d')));
        assert_eq!(slab.get(99), None);
    }
}
