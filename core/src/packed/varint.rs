//! Numbers in as few bytes as they need: seven bits in each, the lowest first, the highest bit says that more follow (LEB128).

use alloc::vec::Vec;

pub(super) fn write(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 128 {
        bytes.push((number & 127) as u8 | 128);
        number >>= 7;
    }
    bytes.push((number & 127) as u8);
}

/// Reads bytes and numbers one after the other.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    /// The next number; `None` where there is none, or where it is beyond what is asked for.
    pub(super) fn number<T: TryFrom<u64>>(&mut self) -> Option<T> {
        let mut number = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 127) << shift;
            if byte & 128 == 0 {
                return number.try_into().ok();
            }
        }
        None
    }

    /// The next bytes, so many.
    pub(super) fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(taken)
    }

    /// How many bytes are left.
    pub(super) const fn left(&self) -> usize {
        self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for number in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut bytes = Vec::new();
            write(&mut bytes, number);
            let mut reader = Reader::new(&bytes);
            assert_eq!(reader.number::<u64>(), Some(number));
            assert_eq!(reader.left(), 0);
        }
        assert_eq!(Reader::new(&[128]).number::<u64>(), None, "cut off");
        assert_eq!(Reader::new(&[128; 20]).number::<u64>(), None, "without end");
        assert_eq!(Reader::new(&[255, 255, 4]).number::<u16>(), None, "more than 16 bits");
    }
}
