//! Text that a strategy wrote, made safe to show: no control characters, no escape sequences, nothing that turns the
//! reading direction, and never longer than its place.

use std::fmt::Write as _;

/// Bytes of what a strategy prints that are kept while it runs; what is shown of them is cut again after escaping.
const KEPT: usize = 4 * 1024;

/// Replaces what a terminal or a reader could be deceived with by `\u{…}`; newlines and tabs stay.
pub(super) fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut safe, character| {
        if is_deceptive(character) {
            // Writing to a String cannot fail.
            let _ = write!(safe, "\\u{{{:x}}}", u32::from(character));
        } else {
            safe.push(character);
        }
        safe
    })
}

/// C0 and C1 controls, bidirectional and invisible formatting, line separators, tag characters.
fn is_deceptive(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => true,
        other => other.is_control(),
    }
}

/// Bytes that a character needs inside a JSON string as `serde_json` writes it.
fn json_length(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        other => other.len_utf8(),
    }
}

/// Bytes that `text` needs inside a JSON string.
pub(super) fn cost(text: &str) -> usize {
    text.chars().map(json_length).sum()
}

/// The longest end of `text` that needs at most `limit` bytes as JSON.
pub(super) fn tail(text: &str, limit: usize) -> &str {
    let mut room = limit;
    let mut start = text.len();
    for (at, character) in text.char_indices().rev() {
        let Some(rest) = room.checked_sub(json_length(character)) else {
            break;
        };
        (room, start) = (rest, at);
    }
    &text[start..]
}

/// The longest beginning of `text` that needs at most `limit` bytes as JSON, with `…` where something is missing.
pub(super) fn head(text: &str, limit: usize) -> String {
    const MORE: &str = "…";
    if cost(text) <= limit {
        return text.to_owned();
    }
    let mut room = limit.saturating_sub(MORE.len());
    let end = text
        .char_indices()
        .find_map(|(at, character)| match room.checked_sub(json_length(character)) {
            Some(rest) => {
                room = rest;
                None
            }
            None => Some(at),
        })
        .unwrap_or(text.len());
    let mut cut = text[..end].to_owned();
    if limit >= MORE.len() {
        cut.push_str(MORE);
    }
    cut
}

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
    fn a_terminal_sees_nothing_but_text() {
        let text = escaped("a\u{1b}[31mred\u{9b}0m\r\u{7}\u{202e}evil\u{2028}\tx\n");
        assert_eq!(text, "a\\u{1b}[31mred\\u{9b}0m\\u{d}\\u{7}\\u{202e}evil\\u{2028}\tx\n");
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
        fn cuts_fit_and_are_parts(text in "\\PC*|[\\x00-\\x7f\"\\\\é😀\u{202e}]*", limit in 0_usize..200) {
            let end = tail(&text, limit);
            prop_assert!(text.ends_with(end) && written(end) <= limit);
            let start = head(&text, limit);
            prop_assert!(written(&start) <= limit, "{start:?}");
            prop_assert!(text.starts_with(start.trim_end_matches('…')));
        }

        #[test]
        fn shown_output_fits_and_is_escaped(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3000), 0..6), limit in 0_usize..1500) {
            let mut output = Output::default();
            chunks.iter().for_each(|chunk| output.push(chunk));
            let (shown, _) = output.shown(limit);
            prop_assert!(written(&shown) <= limit);
            prop_assert!(!shown.chars().any(is_deceptive));
        }
    }
}
