//! Text from outside, made fit for a status, an Event or a log.

/// `text` without terminal escapes, control and bidirectional formatting characters, at most `max` bytes long when
/// written as JSON, cut at its end with an ellipsis. Line feeds stay; tabs and carriage returns become spaces.
#[must_use]
pub fn clean(text: &str, max: usize) -> String {
    let mut kept = String::new();
    let mut cost = 0;
    for c in text.chars().map(|c| if matches!(c, '\t' | '\r') { ' ' } else { c }).filter(|c| is_printable(*c))
    {
        cost += json_cost(c);
        if cost + '…'.len_utf8() > max {
            kept.push('…');
            return kept;
        }
        kept.push(c);
    }
    kept
}

/// Neither a control character (but the line feed) nor one that reorders or hides its neighbours.
#[must_use]
pub fn is_printable(c: char) -> bool {
    let hides = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}');
    (c == '\n' || !c.is_control()) && !hides
}

/// Bytes of one character inside a JSON string.
#[must_use]
pub fn json_cost(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' => 2,
        c => c.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_bidi_go_and_text_stays() {
        assert_eq!(clean("\u{1b}[31mred\u{202e}\u{0} ok\ttab\nline", 100), "[31mred ok tab\nline");
    }

    #[test]
    fn the_bound_counts_bytes_of_json() {
        for text in ["\"".repeat(100), "é".repeat(100), "\\\n".repeat(100), "a".repeat(100)] {
            let short = clean(&text, 50);
            let json = serde_json::to_string(&short).unwrap();
            assert!(json.len() <= 52 && short.ends_with('…'), "{json}");
        }
        assert_eq!(clean("abc", 6), "abc");
    }
}
