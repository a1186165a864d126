//! Findings for people: where, the line itself, a caret below it, what to write instead.

use std::fmt::Write as _;

use super::{Located, Verdict};
use crate::strategy::Severity;

/// Most characters of a source line that are shown.
const WIDTH: usize = 160;
/// Characters shown before the finding when the line is longer than that.
const BEFORE: usize = 40;

/// Every finding, then one line that counts them.
#[must_use]
pub fn render(verdicts: &[Verdict]) -> String {
    let mut out = String::new();
    for verdict in verdicts {
        for located in &verdict.findings {
            finding(&mut out, verdict, located);
        }
        if verdict.beyond > 0 {
            let _ =
                writeln!(out, "{}: {} more findings are not shown\n", clean(&verdict.path), verdict.beyond);
        }
    }
    let count = |severity| verdicts.iter().map(|verdict| verdict.count(severity)).sum::<usize>();
    let _ = writeln!(
        out,
        "{} checked: {}, {}",
        plural(verdicts.len(), "program"),
        plural(count(Severity::Error), "error"),
        plural(count(Severity::Warning), "warning")
    );
    out
}

fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

fn finding(out: &mut String, verdict: &Verdict, located: &Located) {
    let Located { finding, span, line } = located;
    let number = span.line.to_string();
    let gutter = " ".repeat(number.len());
    let (piece, start) = window(line, column(span.column));
    let end = if span.end_line == span.line { column(span.end_column) } else { line.chars().count() };
    let marked = piece.chars().skip(start).take(end.saturating_sub(column(span.column)));
    let carets: usize = marked.map(width).sum();
    let blank: String = piece
        .chars()
        .take(start)
        .map(|c| if c == '\t' { "\t".to_owned() } else { " ".repeat(width(c)) })
        .collect();
    let run = verdict.run.as_ref().map(|run| format!(" (StrategyRun {})", clean(run))).unwrap_or_default();
    let _ = write!(
        out,
        "{}[{}]: {}\n{gutter}--> {}:{}:{}{run}\n{gutter} |\n{number} | {}\n{gutter} | {blank}{}\n{gutter} = help: {}\n\n",
        finding.severity.as_str(),
        finding.rule,
        clean(&finding.message),
        clean(&verdict.path),
        span.line,
        span.column,
        clean(&piece),
        "^".repeat(carets.max(1)),
        clean(&finding.hint),
    );
}

/// Index of a column that counts from 1.
fn column(column: u32) -> usize {
    usize::try_from(column).unwrap_or(usize::MAX).saturating_sub(1)
}

/// The part of a line around an index, and the index in that part.
fn window(line: &str, at: usize) -> (String, usize) {
    if line.chars().count() <= WIDTH {
        return (line.to_owned(), at);
    }
    let from = at.saturating_sub(BEFORE);
    (line.chars().skip(from).take(WIDTH).collect(), at - from)
}

/// Without characters that would move a terminal's cursor or turn its text around: the text is an attacker's.
fn clean(text: &str) -> String {
    text.chars().map(|c| if hides(c) { '\u{FFFD}' } else { c }).collect()
}

fn hides(c: char) -> bool {
    (c.is_control() && c != '\t')
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}'
            | '\u{61C}' | '\u{E0000}'..='\u{E007F}')
}

/// Columns of a terminal that a character takes: East Asian wide characters take two.
const fn width(c: char) -> usize {
    match c {
        '\u{1100}'..='\u{115F}'
        | '\u{2E80}'..='\u{A4CF}'
        | '\u{AC00}'..='\u{D7A3}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{FE30}'..='\u{FE6F}'
        | '\u{FF00}'..='\u{FF60}'
        | '\u{FFE0}'..='\u{FFE6}'
        | '\u{1F300}'..='\u{1FAFF}'
        | '\u{20000}'..='\u{3FFFD}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::Policy;
    use crate::validate::{judge, of_python};

    fn shown(code: &str) -> String {
        render(&[judge(&of_python("a.py", code.as_bytes().to_vec()), &Policy::default())])
    }

    #[test]
    fn the_caret_stands_below_wide_characters_and_tabs() {
        let out = shown("def strategy(data):\n\tx = '收盤', eval\n\treturn data['close']\n");
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines[3], "2 | \tx = '收盤', eval");
        assert_eq!(lines[4], "  | \t            ^^^^");
    }

    #[test]
    fn nothing_of_the_program_reaches_the_terminal_raw() {
        let out = shown("x = '\u{1b}[2J\u{202e}'\n");
        assert!(!out.contains(['\u{1b}', '\u{202e}']) && out.contains("[SRC004]"), "{out}");
    }

    #[test]
    fn long_lines_are_cut_around_the_finding() {
        let out = shown(&format!("x = [{}eval]\n", "1, ".repeat(500)));
        let lines: Vec<&str> = out.lines().collect();
        let shown = lines.iter().position(|line| line.contains("eval]")).unwrap();
        assert!(lines[shown].len() < 200);
        assert_eq!(lines[shown].find("eval"), lines[shown + 1].find("^^^^"));
    }
}
