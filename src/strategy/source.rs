//! Bytes to the canonical text: what every later step, the hash and the sandbox see.
//!
//! Works on bytes and characters only, in linear time and without recursion, before any parser runs: a parser that
//! reads another text than `CPython` would (coding cookies, NUL, lone carriage returns) makes all later rules worthless.

use std::ops::Range;

use super::finding::{Report, Span};
use super::rules::source as rules;

/// Largest program, bytes.
pub(super) const MAX_BYTES: usize = 128 * 1024;
/// Longest line, characters.
const MAX_LINE: usize = 2_000;
/// How many findings of one source rule are reported; a binary file would give one for every byte.
const MAX_REPEATS: usize = 10;

/// The canonical text with an index of its lines.
#[derive(Debug)]
pub(super) struct Source {
    text: String,
    starts: Vec<usize>,
    fault: Option<Fault>,
}

/// Why the bytes have no text.
#[derive(Debug)]
enum Fault {
    TooLarge(usize),
    NotUtf8,
}

impl Source {
    /// Decodes at most `limit` bytes: one byte order mark is dropped, CRLF becomes LF, as `CPython` does when it reads a `str`.
    pub(super) fn decode(bytes: &[u8], limit: usize) -> Self {
        if bytes.len() > limit {
            return Self::new(String::new(), Some(Fault::TooLarge(bytes.len())));
        }
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::new(text.replace("\r\n", "\n"), None),
            // Lossy only so that the finding can show its place; a source with a fault never becomes a strategy.
            Err(_) => Self::new(String::from_utf8_lossy(bytes).replace("\r\n", "\n"), Some(Fault::NotUtf8)),
        }
    }

    fn new(text: String, fault: Option<Fault>) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts, fault }
    }

    /// The canonical text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The canonical text, given away.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Lines and columns of a byte range of the text. Out-of-range offsets are clamped.
    pub(super) fn span(&self, range: Range<usize>) -> Span {
        let (line, column) = self.position(range.start);
        let (end_line, end_column) = self.position(range.end.max(range.start));
        Span { line, column, end_line, end_column }
    }

    fn position(&self, offset: usize) -> (u32, u32) {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let column = self.text.get(start..offset).map_or(0, |piece| piece.chars().count()) + 1;
        (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
    }
}

/// Runs the source rules SRC001–005 and SRC007 (SRC006 and SRC008 need tokens).
pub(super) fn check(source: &Source, report: &mut Report<'_>) {
    match source.fault {
        Some(Fault::TooLarge(size)) => {
            report.add(
                &rules::SRC001,
                0..0,
                format!("the program has {size} bytes; at most {MAX_BYTES} are accepted"),
                "a strategy is a few kilobytes: keep tables and data out of the program",
            );
            return;
        }
        Some(Fault::NotUtf8) => {
            let at = source.text.find('\u{FFFD}').unwrap_or(0);
            report.add(
                &rules::SRC002,
                at..at,
                "the program is not UTF-8",
                "save the file as UTF-8 without a coding comment",
            );
            return;
        }
        None => {}
    }
    check_cookie(source, report);
    check_characters(source, report);
    check_lines(source, report);
}

/// PEP 263: a comment on line 1 or 2 can make `CPython` decode the file in another way than we did.
fn check_cookie(source: &Source, report: &mut Report<'_>) {
    let mut start = 0;
    for line in source.text.split(['\n', '\r']).take(2) {
        if let Some(name) = cookie(line) {
            let plain = name.to_ascii_lowercase().replace('_', "-");
            if plain != "utf-8" && plain != "utf8" {
                report.add(
                    &rules::SRC003,
                    start..start + line.len(),
                    format!("the comment declares the encoding `{name}`; the program must be UTF-8"),
                    "delete the coding comment",
                );
            }
        }
        start += line.len() + 1;
    }
}

/// The encoding name a line declares: `^[ \t\f]*#.*?coding[:=][ \t]*([-_.a-zA-Z0-9]+)`.
fn cookie(line: &str) -> Option<&str> {
    let comment = line.trim_start_matches([' ', '\t', '\u{C}']).strip_prefix('#')?;
    comment.match_indices("coding").find_map(|(at, word)| {
        let rest = comment.get(at + word.len()..)?;
        let rest = rest.strip_prefix([':', '='])?.trim_start_matches([' ', '\t']);
        let end =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(rest.len());
        rest.get(..end).filter(|name| !name.is_empty())
    })
}

fn check_characters(source: &Source, report: &mut Report<'_>) {
    if source.text.bytes().all(|byte| matches!(byte, b'\t' | b'\n' | b' '..=b'~')) {
        return;
    }
    let (mut hidden, mut returns) = (0, 0);
    for (at, c) in source.text.char_indices() {
        if c == '\r' {
            returns += 1;
            if returns <= MAX_REPEATS {
                report.add(
                    &rules::SRC005,
                    at..at + 1,
                    "a carriage return without a line feed ends a line in Python but not in most editors",
                    "end lines with LF or CRLF",
                );
            }
        } else if let Some(name) = forbidden(c) {
            hidden += 1;
            if hidden <= MAX_REPEATS {
                report.add(
                    &rules::SRC004,
                    at..at + c.len_utf8(),
                    format!("U+{:04X} ({name}) hides or reorders what a reader sees", u32::from(c)),
                    "delete the character; inside a string write it as an escape",
                );
            }
        }
    }
}

/// What an invisible character is called, or `None` for characters that may stand in a program.
fn forbidden(c: char) -> Option<&'static str> {
    match c {
        '\t' | '\n' => None,
        '\0' => Some("NUL"),
        '\u{1}'..='\u{1F}' | '\u{7F}'..='\u{9F}' => Some("control character"),
        '\u{200E}' | '\u{200F}' | '\u{61C}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {
            Some("bidirectional control")
        }
        '\u{200B}'..='\u{200D}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}' | '\u{AD}' | '\u{180E}' => {
            Some("zero-width character")
        }
        '\u{2028}' | '\u{2029}' => Some("Unicode line separator"),
        '\u{E0000}'..='\u{E007F}' => Some("tag character"),
        _ => None,
    }
}

fn check_lines(source: &Source, report: &mut Report<'_>) {
    let long = |start: usize| {
        let line = source.text.get(start..)?.split('\n').next()?;
        (line.len() > MAX_LINE).then(|| line.chars().count()).filter(|length| *length > MAX_LINE)
    };
    for start in source.starts.iter().copied() {
        if let Some(length) = long(start) {
            report.add(
                &rules::SRC007,
                start..start,
                format!("the line has {length} characters; at most {MAX_LINE} are accepted"),
                "break the line; compute long tables instead of writing them out",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_code_points_from_one() {
        let source = Source::decode("x = 'é💰'; y\nz".as_bytes(), MAX_BYTES);
        let at = source.text().find('y').unwrap();
        assert_eq!(source.span(at..at + 1), Span { line: 1, column: 11, end_line: 1, end_column: 12 });
        assert_eq!(source.span(source.text().len()..99).line, 2);
    }

    #[test]
    fn byte_order_mark_and_crlf_are_canonicalised() {
        assert_eq!(Source::decode(b"\xEF\xBB\xBFa\r\nb", MAX_BYTES).text(), "a\nb");
    }

    #[test]
    fn cookies_are_found_as_python_finds_them() {
        assert_eq!(cookie("# -*- coding: utf-7 -*-"), Some("utf-7"));
        assert_eq!(cookie(" \t# vim: set fileencoding=latin-1 :"), Some("latin-1"));
        assert_eq!(cookie("# encoding of coding: x"), Some("x"));
        assert_eq!(cookie("x = 'coding: utf-7'"), None);
        assert_eq!(cookie("# decoding is hard"), None);
    }
}
