//! Old bytes of a file, where they differ from newer ones: sorted, apart from each other.

/// Some old bytes and where they were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) at: usize,
    pub(super) old: Vec<u8>,
}

impl Extent {
    pub(super) fn end(&self) -> usize {
        self.at + self.old.len()
    }
}

/// The extents of one image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Extents(Vec<Extent>);

impl Extents {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Extent> {
        self.0.iter()
    }

    /// The first place that has old bytes.
    pub(super) fn first(&self) -> Option<usize> {
        self.0.first().map(|extent| extent.at)
    }

    /// Keeps the bytes of `current` from `start` to `end` that are not kept already. Whatever lies beyond
    /// the end of `current` was kept when it was cut off.
    pub(super) fn keep(&mut self, current: &[u8], start: usize, end: usize) {
        let end = end.min(current.len());
        let mut cursor = start;
        let mut place = self.0.partition_point(|extent| extent.end() <= start);
        while cursor < end {
            let next = self.0.get(place).map(|extent| (extent.at, extent.end()));
            let gap_end = next.map_or(end, |(at, _)| at.min(end));
            if cursor < gap_end {
                self.0.insert(place, Extent { at: cursor, old: current[cursor..gap_end].to_vec() });
                place += 1;
            }
            cursor = next.map_or(end, |(_, next_end)| next_end.max(gap_end));
            place += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_old_value_of_a_byte_is_kept() {
        let mut extents = Extents::default();
        extents.keep(b"0123456789", 4, 6);
        extents.keep(b"0123xx6789", 2, 8);
        extents.keep(b"01xxxxxx89", 0, 10);
        let mut restored = *b"..........";
        for extent in extents.iter() {
            restored[extent.at..extent.end()].copy_from_slice(&extent.old);
        }
        assert_eq!(&restored, b"0123456789");
        assert!(extents.0.is_sorted_by(|a, b| a.end() <= b.at));
    }
}
