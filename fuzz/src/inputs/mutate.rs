//! Chance that can be repeated, and what is done to bytes of any kind.

/// A small generator (`SplitMix64`): the same seed gives the same inputs on every machine.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// A generator that starts there.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `limit`; 0 if there is none.
    pub fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.bits() % limit).unwrap_or_default()
    }

    /// How many changes to make: one mostly, for most inputs with many are refused at once.
    pub(crate) fn few(&mut self) -> usize {
        *self.pick(&[1, 1, 1, 1, 2, 3])
    }

    /// One of them.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// Damage that knows no language: bits, lost and repeated pieces, bytes that are no UTF-8, truncation.
pub(crate) fn bytes(rng: &mut Rng, data: &mut Vec<u8>) {
    const ODD: &[&[u8]] = &[
        b"\xff",
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\0",
        b"\xef\xbb\xbf",
        b"\r",
        b"\r\n",
        b"\n",
    ];
    let at = rng.below(data.len() + 1);
    let end = (at + 1 + rng.below(16)).min(data.len());
    match rng.below(6) {
        0 => {
            if let Some(byte) = data.get_mut(at) {
                *byte ^= 1 << rng.below(8);
            }
        }
        1 => drop(data.drain(at.min(end)..end)),
        2 => {
            let piece = data[at.min(end)..end].to_vec();
            data.splice(at..at, piece);
        }
        3 => drop(data.splice(at..at, rng.pick(ODD).iter().copied())),
        4 => data.truncate(at),
        _ => {
            if let Some(byte) = data.get_mut(at) {
                *byte = u8::try_from(rng.below(256)).unwrap_or_default();
            }
        }
    }
}

/// Puts `piece` in the place of the bytes `from..to`.
pub(crate) fn replace(data: &mut Vec<u8>, from: usize, to: usize, piece: &[u8]) {
    data.splice(from..to, piece.iter().copied());
}
