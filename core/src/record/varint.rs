//! Zigzag varints, as in Protocol Buffers and Kafka's `ByteUtils`.

/// Writes `value` as a zigzag varint.
pub(super) fn put(value: i64, into: &mut Vec<u8>) {
    let mut rest = zigzag(value);
    while rest >= 0x80 {
        into.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    into.push(rest as u8);
}

/// How many bytes [`put`] writes.
pub(super) const fn size(value: i64) -> usize {
    let bits = 64 - (zigzag(value) | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

/// Takes a 64-bit varint off the front of `bytes`; `None` if it does not end or does not fit.
#[inline]
pub(super) fn take_long(bytes: &mut &[u8]) -> Option<i64> {
    // Nearly all are one byte long.
    if let Some((&byte, rest)) = bytes.split_first()
        && byte < 0x80
    {
        *bytes = rest;
        return Some(unzigzag(u64::from(byte)));
    }
    take_longer(bytes)
}

fn take_longer(bytes: &mut &[u8]) -> Option<i64> {
    let mut value = 0u64;
    for (place, &byte) in bytes.iter().take(10).enumerate() {
        let part = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit only.
        if place == 9 && part > 1 {
            return None;
        }
        value |= part << (7 * place);
        if byte & 0x80 == 0 {
            *bytes = &bytes[place + 1..];
            return Some(unzigzag(value));
        }
    }
    None
}

/// Takes a 32-bit varint off the front of `bytes`; `None` if it does not end or does not fit.
#[inline]
pub(super) fn take(bytes: &mut &[u8]) -> Option<i32> {
    take_long(bytes).and_then(|value| i32::try_from(value).ok())
}

const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

const fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}
