//! Text from outside, made fit for a report, a status, an Event or a log: no control characters, no escape sequences,
//! nothing that turns the reading direction, and never longer than its place.

use std::fmt::Write as _;

/// `text` escaped, and cut to at most `limit` bytes of JSON text.
#[must_use]
pub fn clean(text: &str, limit: usize) -> String {
    head(&escaped(text), limit)
}

/// Replaces what a terminal or a reader could be deceived with by `\u{…}`; newlines and tabs stay.
#[must_use]
pub fn escaped(text: &str) -> String {
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
#[must_use]
pub fn is_deceptive(character: char) -> bool {
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
#[must_use]
pub fn cost(text: &str) -> usize {
    text.chars().map(json_length).sum()
}

/// The longest end of `text` that needs at most `limit` bytes as JSON.
#[must_use]
pub fn tail(text: &str, limit: usize) -> &str {
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
#[must_use]
pub fn head(text: &str, limit: usize) -> String {
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
    fn what_is_clean_stays_as_it_is() {
        assert_eq!(clean("a \\u{1b} and\nb", 100), "a \\u{1b} and\nb");
    }

    proptest! {
        #[test]
        fn cuts_fit_and_are_parts(text in "\\PC*|[\\x00-\\x7f\"\\\\é😀\u{202e}]*", limit in 0_usize..200) {
            let end = tail(&text, limit);
            prop_assert!(text.ends_with(end) && written(end) <= limit);
            let start = head(&text, limit);
            prop_assert!(written(&start) <= limit, "{start:?}");
            prop_assert!(text.starts_with(start.trim_end_matches('…')));
            prop_assert!(!clean(&text, limit).chars().any(is_deceptive));
        }
    }
}
