//! What a strategy prints: the end of it is kept, the rest is counted.

use crate::wire::{cost, escaped};

/// Bytes of what a strategy prints that are kept while it runs; what is shown of them is cut again after escaping.
const KEPT: usize = 4 * 1024;

/// The end of everything that was printed, and how much that was.
#[derive(Debug, Default)]
pub(super) struct Output {
    kept: Vec<u8>,
    total: u64,
}

impl Output {
    /// Takes what was read from the output pipe.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.total = self.total.saturating_add(bytes.len() as u64);
        let bytes = &bytes[bytes.len().saturating_sub(KEPT)..];
        let surplus = (self.kept.len() + bytes.len()).saturating_sub(KEPT);
        self.kept.drain(..surplus.min(self.kept.len()));
        self.kept.extend_from_slice(bytes);
    }

    /// The escaped tail of at most `limit` bytes of JSON text, and how many printed bytes are not in it. What of them is
    /// no UTF-8 is shown as U+FFFD.
    pub(super) fn shown(&self, limit: usize) -> (String, u64) {
        // A cut inside a character would show as a replacement character that nobody printed.
        let torn = self.kept.iter().take(3).take_while(|byte| (0x80..0xc0).contains(*byte)).count();
        let start = if self.total > self.kept.len() as u64 { torn } else { 0 };
        let mut dropped = self.total - (self.kept.len() - start) as u64;
        let text = String::from_utf8_lossy(&self.kept[start..]);
        let mut room = limit;
        let mut shown = text.len();
        for (at, character) in text.char_indices().rev() {
            let needed = cost(&escaped(character.encode_utf8(&mut [0; 4])));
            let Some(rest) = room.checked_sub(needed) else {
                break;
            };
            (room, shown) = (rest, at);
        }
        dropped += shown as u64;
        (escaped(&text[shown..]), dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(text: &str) -> usize {
        serde_json::to_string(text).unwrap().len() - 2
    }

    #[test]
    fn the_tail_of_a_flood_is_kept_and_the_rest_counted() {
        let mut output = Output::default();
        for _ in 0..1000 {
            output.push(&[b'x'; 10_000]);
        }
        output.push(b"the end");
        let (shown, dropped) = output.shown(100);
        assert!(shown.ends_with("xthe end"));
        assert_eq!(shown.len() as u64 + dropped, 10_000_007);
    }

    proptest! {
        #[test]
        fn shown_output_fits_and_is_escaped(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3000), 0..6), limit in 0_usize..1500) {
            let mut output = Output::default();
            chunks.iter().for_each(|chunk| output.push(chunk));
            let (shown, _) = output.shown(limit);
            prop_assert!(written(&shown) <= limit);
            prop_assert!(!shown.chars().any(crate::wire::is_deceptive));
        }
    }
}
