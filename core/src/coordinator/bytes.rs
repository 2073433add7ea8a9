//! Values as bytes, big-endian: texts and lists after their length, what may be missing after a byte that says so.

use std::sync::Arc;

use crate::ids::{TopicId, TopicPartition};

/// Bytes to which values are added.
pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    pub(crate) fn u16(&mut self, number: u16) {
        self.0.extend_from_slice(&number.to_be_bytes());
    }

    pub(crate) fn u32(&mut self, number: u32) {
        self.0.extend_from_slice(&number.to_be_bytes());
    }

    pub(crate) fn u64(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_be_bytes());
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.u32(u32::try_from(text.len()).expect("names and metadata are short"));
        self.0.extend_from_slice(text.as_bytes());
    }

    pub(crate) fn partition(&mut self, at: TopicPartition) {
        self.u32(at.topic.0);
        self.u32(at.partition);
    }

    pub(crate) fn maybe<T>(&mut self, value: Option<T>, write: impl Fn(&mut Self, T)) {
        self.0.push(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    pub(crate) fn list<T>(&mut self, values: &[T], write: impl Fn(&mut Self, &T)) {
        self.u32(u32::try_from(values.len()).expect("lists are short"));
        for value in values {
            write(self, value);
        }
    }
}

/// Bytes from which values are taken.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl Reader<'_> {
    pub(crate) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    pub(crate) fn text(&mut self) -> Option<Arc<str>> {
        let length = self.u32()? as usize;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok().map(Arc::from)
    }

    pub(crate) fn partition(&mut self) -> Option<TopicPartition> {
        Some(TopicPartition { topic: TopicId(self.u32()?), partition: self.u32()? })
    }

    #[expect(clippy::option_option, reason = "no bytes, and bytes that say none, are different things")]
    pub(crate) fn maybe<T>(&mut self, read: impl Fn(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.take::<1>()? {
            [0] => Some(None),
            [1] => read(self).map(Some),
            _ => None,
        }
    }

    pub(crate) fn list<T>(&mut self, read: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        // Grown as it is read: a length that lies reserves nothing.
        let length = self.u32()?;
        (0..length).map(|_| read(self)).collect()
    }
}
