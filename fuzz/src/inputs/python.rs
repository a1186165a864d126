//! Mutations of Python by tokens: what comes out is mostly still a program, or nearly one.

use std::ops::Range;
use std::path::Path;
use std::sync::LazyLock;

use super::mutate::{self, Rng, replace};

/// Pieces that programs are made of, and pieces that the gate is there for.
const PIECES: &[&str] = &[
    "def f(x):\n    ",
    "class A(B):\n    ",
    "lambda x: ",
    "return ",
    "yield ",
    "await ",
    "async ",
    "import ",
    "from ",
    " as ",
    "if ",
    " else ",
    "elif ",
    "for ",
    " in ",
    "while ",
    "break\n",
    "try:\n    ",
    "except* ",
    "except ",
    "finally:\n",
    "with ",
    "match ",
    "case ",
    "global ",
    "nonlocal ",
    "del ",
    "assert ",
    "raise ",
    "pass\n",
    "type ",
    "not ",
    " is ",
    " and ",
    " or ",
    "None",
    "True",
    "...",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ":",
    ",",
    ";",
    ".",
    "=",
    ":=",
    "->",
    "==",
    "+",
    "-",
    "~",
    "*",
    "**",
    "@",
    "%",
    "//",
    "<<",
    "\\\n",
    "\n",
    "\n    ",
    "\n\t",
    "\"",
    "'",
    "\"\"\"",
    "f\"",
    "f'{",
    "}'",
    "{x!r:>{w}}",
    "{0.a}",
    "b'",
    "rb\"",
    "t'",
    "u'",
    "0x",
    "1e999",
    "9999999999999999999999",
    "1_0",
    "0b1",
    "1j",
    "eval",
    "exec",
    "open",
    "__class__",
    "__builtins__",
    "gi_frame",
    "getattr",
    "type",
    "super()",
    "self",
    "cls",
    "strategy",
    "data",
    "params",
    "position",
    "np",
    "pd",
    "numpy",
    "pandas",
    "os",
    "agg",
    "pipe",
    "apply",
    "query",
    "read_csv",
    "to_pickle",
    ".format(",
    "#",
    "# coding: utf-7\n",
    "é",
    "ｅval",
    "ﬁ",
    "\u{202e}",
    "\u{200b}",
    "\u{feff}",
    "\0",
    "\r",
    "\u{c}",
    "\u{2028}",
    "💰",
    "$",
    "?",
    "`",
    "!",
];

/// Programs of the gate's own corpus, to take pieces from.
static DONORS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().find(|path| path.join("tests/strategies").is_dir());
    let mut files: Vec<_> = ["accepted", "rejected"]
        .iter()
        .filter_map(|folder| std::fs::read_dir(root?.join("tests/strategies").join(folder)).ok())
        .flat_map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path())))
        .collect();
    files.sort();
    files.iter().filter_map(|file| std::fs::read(file).ok()).filter(|text| text.len() < 8192).collect()
});

/// Changes a program in one place or a few.
pub(crate) fn mutate(rng: &mut Rng, data: &mut Vec<u8>) {
    for _ in 0..rng.few() {
        once(rng, data);
    }
}

fn once(rng: &mut Rng, data: &mut Vec<u8>) {
    let tokens = tokens(data);
    let Some(last) = tokens.len().checked_sub(1) else {
        data.extend(rng.pick(PIECES).as_bytes());
        return;
    };
    let first = rng.below(tokens.len());
    let until = (first + rng.below(12)).min(last);
    let range = tokens[first].start..tokens[until].end;
    match rng.below(16) {
        0 => replace(data, range.start, range.end, b""),
        1 => {
            let piece = data[range.clone()].to_vec();
            replace(data, range.end, range.end, &piece);
        }
        2 | 3 => {
            let piece = rng.pick(PIECES).as_bytes();
            replace(data, tokens[first].start, tokens[first].start, piece);
        }
        4 => {
            let piece = rng.pick(PIECES).as_bytes();
            replace(data, tokens[first].start, tokens[first].end, piece);
        }
        5 | 6 => {
            let piece = donated(rng);
            let end = if rng.below(2) == 0 { range.start } else { range.end };
            replace(data, range.start, end, &piece);
        }
        7 => {
            let other = tokens[rng.below(tokens.len())].clone();
            let piece = data[other].to_vec();
            replace(data, tokens[first].start, tokens[first].end, &piece);
        }
        8 => nest(rng, data, &range),
        9..=11 => {
            // A word for a word, a string for a string: the shape stays.
            let from =
                if rng.below(2) == 0 || DONORS.is_empty() { data.clone() } else { rng.pick(&DONORS).clone() };
            let others: Vec<Range<usize>> = self::tokens(&from);
            let wanted = class(data[tokens[first].start]);
            let others: Vec<&Range<usize>> =
                others.iter().filter(|token| class(from[token.start]) == wanted).collect();
            if wanted > 0 && !others.is_empty() {
                let piece = from[(*rng.pick(&others)).clone()].to_vec();
                replace(data, tokens[first].start, tokens[first].end, &piece);
            }
        }
        12..=14 => line(rng, data),
        _ => mutate::bytes(rng, data),
    }
}

/// What a token is by its first byte: 1 a string, 2 a number, 3 a word, 0 anything else.
const fn class(first: u8) -> u8 {
    match first {
        b'"' | b'\'' => 1,
        b'0'..=b'9' => 2,
        b'a'..=b'z' | b'A'..=b'Z' | b'_' => 3,
        _ => 0,
    }
}

/// Up to twenty tokens, or some whole lines, of another program.
fn donated(rng: &mut Rng) -> Vec<u8> {
    if DONORS.is_empty() {
        return rng.pick(PIECES).as_bytes().to_vec();
    }
    let donor = rng.pick(&DONORS);
    let pieces: Vec<Range<usize>> = if rng.below(2) == 0 { tokens(donor) } else { lines(donor) };
    let first = rng.below(pieces.len());
    let last = (first + rng.below(20)).min(pieces.len().saturating_sub(1));
    match (pieces.get(first), pieces.get(last)) {
        (Some(from), Some(to)) => donor[from.start..to.end].to_vec(),
        _ => Vec::new(),
    }
}

/// Drops, repeats or moves a line, or takes one of another program with the same indentation.
fn line(rng: &mut Rng, data: &mut Vec<u8>) {
    let there = lines(data);
    let (from, to) = (there[rng.below(there.len())].clone(), there[rng.below(there.len())].start);
    let indent = |line: &[u8]| line.iter().take_while(|byte| **byte == b' ').count();
    match rng.below(4) {
        0 => replace(data, from.start, from.end, b""),
        1 => {
            let piece = data[from.clone()].to_vec();
            replace(data, to, to, &piece);
        }
        _ if DONORS.is_empty() => {}
        _ => {
            let donor = rng.pick(&DONORS);
            let depth = indent(&data[from.clone()]);
            let fitting: Vec<Range<usize>> =
                lines(donor).into_iter().filter(|line| indent(&donor[line.clone()]) == depth).collect();
            if let Some(piece) = fitting.get(rng.below(fitting.len())) {
                replace(data, from.start, from.start, &donor[piece.clone()]);
            }
        }
    }
}

/// Wraps a piece of the program in many levels of something.
fn nest(rng: &mut Rng, data: &mut Vec<u8>, range: &Range<usize>) {
    const PAIRS: &[(&str, &str)] = &[
        ("(", ")"),
        ("[", "]"),
        ("{", "}"),
        ("-", ""),
        ("not ", ""),
        ("lambda: ", ""),
        ("f(", ")"),
        ("", ".a"),
        ("", "()"),
        ("", "[0]"),
        ("1**", ""),
        ("x if y else ", ""),
        ("{1:", "}"),
        ("[x for x in ", "]"),
        ("f'{", "}'"),
        ("(x:=", ")"),
        ("*", ""),
        ("if x: ", ""),
        ("", " + 1"),
        ("", " if x else y"),
    ];
    let (open, close) = *rng.pick(PAIRS);
    let times = *rng.pick(&[1, 2, 3, 8, 9, 64, 65, 100, 250]);
    let piece =
        [open.repeat(times).as_bytes(), &data[range.clone()], close.repeat(times).as_bytes()].concat();
    replace(data, range.start, range.end, &piece);
}

fn lines(data: &[u8]) -> Vec<Range<usize>> {
    let mut start = 0;
    data.split_inclusive(|byte| *byte == b'\n')
        .map(|line| {
            start += line.len();
            start - line.len()..start
        })
        .collect()
}

/// Words, runs of blanks, short strings, and every other byte by itself.
fn tokens(data: &[u8]) -> Vec<Range<usize>> {
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
    let run = |from: usize, inside: &dyn Fn(&u8) -> bool| {
        from + data[from..].iter().take_while(|byte| inside(byte)).count().max(1)
    };
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(byte) = data.get(at) {
        let end = match byte {
            byte if word(byte) => run(at, &word),
            b' ' => run(at, &|byte| *byte == b' '),
            quote @ (b'"' | b'\'') => {
                let inside = data[at + 1..].iter().take(80).position(|byte| byte == quote);
                inside.map_or(at + 1, |length| at + length + 2)
            }
            _ => at + 1,
        };
        found.push(at..end);
        at = end;
    }
    found
}
