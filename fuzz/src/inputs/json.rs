//! Mutations of JSON by tokens: duplicate and unknown keys, numbers at their limits, depth, lost ends. A tree could
//! hold none of these.

use std::ops::Range;

use sha2::{Digest, Sha256};

use super::mutate::{self, Rng, replace};

/// Frames are made no longer than this: a little more than the operator reads.
const MAX_FRAME: usize = 17 * 1024;

const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "-0.0",
    "1",
    "-1",
    "0.5",
    "1.0",
    "-1.0",
    "1e400",
    "-1e400",
    "1e-400",
    "1e308",
    "1.7976931348623157e308",
    "5e-324",
    "NaN",
    "Infinity",
    "-Infinity",
    "inf",
    "9007199254740993",
    "9007199254740993.0",
    "4294967295",
    "4294967296",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775809",
    "1e15",
    "1.0000000000000002",
    "999.9999999999999",
    "1000.0000000000001",
    "1e3",
    "0.1e1",
    "1E+2",
    "01",
    "1.",
    ".5",
    "+1",
    "0x1",
    "1e",
    "123456789012345678901234567890",
    "0.30000000000000004",
];

const VALUES: &[&str] = &[
    "null",
    "true",
    "false",
    "{}",
    "[]",
    "[null]",
    "\"\"",
    "\"x\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"\\ud83d\\ude00\"",
    "\"\\u202e\"",
    "\"\\u001b[31m\"",
    "\"\u{e9}\"",
    "\"\\x\"",
    "\"ready\"",
    "\"warming\"",
    "\"Succeeded\"",
    "\"StrategyError\"",
    "\"OOMKilled\"",
    "\"Failed\"",
    "\"Landlock\"",
    "\"Trades\"",
    "\"D\"",
    "\"csv\"",
    "\"2005-01-01\"",
    "{\"a\":1}",
    "nul",
    "tru",
];

/// Changes a frame in one place or a few.
pub(crate) fn mutate(rng: &mut Rng, data: &mut Vec<u8>) {
    for _ in 0..rng.few() {
        once(rng, data);
        data.truncate(MAX_FRAME);
    }
    if rng.below(2) == 0 {
        rehash(data);
    }
}

fn once(rng: &mut Rng, data: &mut Vec<u8>) {
    let tokens = tokens(data);
    let member = member(rng, data, &tokens);
    let token = tokens.get(rng.below(tokens.len())).cloned().unwrap_or(0..0);
    let number = |range: &&Range<usize>| {
        data[(*range).clone()].first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'-')
    };
    match (rng.below(16), member) {
        (0 | 1, Some(member)) => {
            // The same key twice.
            let copy = [&data[member.whole()], b","].concat();
            replace(data, member.key.start, member.key.start, &copy);
        }
        (2, Some(member)) => {
            let value = rng.pick(VALUES).as_bytes();
            replace(data, member.value.start, member.value.end, value);
        }
        (3, Some(member)) => {
            const KEYS: &[&str] = &["\"extra\"", "\"\"", "\"schema\"", "\"metrics\"", "\"\\u0061ttempt\""];
            let key = rng.pick(KEYS).as_bytes();
            replace(data, member.key.start, member.key.end, key);
        }
        (4, Some(member)) => {
            // Gone, with the comma behind it if there is one.
            let comma = usize::from(data.get(member.value.end) == Some(&b','));
            replace(data, member.key.start, member.value.end + comma, b"");
        }
        (5, Some(member)) => {
            if let Some(other) = self::member(rng, data, &tokens) {
                let value = data[other.value].to_vec();
                replace(data, member.value.start, member.value.end, &value);
            }
        }
        (6 | 7, _) => {
            let numbers: Vec<Range<usize>> = tokens.iter().filter(number).cloned().collect();
            if let Some(at) = numbers.get(rng.below(numbers.len())).cloned() {
                let value = rng.pick(NUMBERS).as_bytes();
                replace(data, at.start, at.end, value);
            }
        }
        (8, Some(member)) => {
            let (open, close) =
                *rng.pick(&[("[", "]"), ("{\"a\":", "}"), ("{\"report\":", "}"), ("[", ""), (" ", "")]);
            let times = *rng.pick(&[1, 2, 63, 126, 127, 128, 129, 600]);
            let piece =
                [open.repeat(times).as_bytes(), &data[member.value.clone()], close.repeat(times).as_bytes()]
                    .concat();
            replace(data, member.value.start, member.value.end, &piece);
        }
        (9, Some(member)) => {
            let long = format!("\"{}\"", rng.pick(&["a", "\\n", "é", "\\u0001"]).repeat(rng.below(600)));
            replace(data, member.value.start, member.value.end, long.as_bytes());
        }
        (10 | 11, _) => {
            // What an honest sender could have written.
            const PLAIN: &[&str] =
                &["0", "1", "2", "0.5", "-0.25", "100", "1e-6", "999.999999", "0.000001", "-1"];
            let numbers: Vec<Range<usize>> = tokens.iter().filter(number).cloned().collect();
            if let Some(at) = numbers.get(rng.below(numbers.len())).cloned() {
                replace(data, at.start, at.end, rng.pick(PLAIN).as_bytes());
            }
        }
        (12 | 13, _) => {
            const TEXTS: &[&str] =
                &["\"\"", "\"x\"", "\"a b\"", "\"\\u00e9\\n\"", "\"\\u202e\"", "\"é💰\"", "\"\\\"\\\\\""];
            let texts: Vec<Range<usize>> =
                tokens.iter().filter(|token| data[token.start] == b'"').cloned().collect();
            if let Some(at) = texts.get(rng.below(texts.len())).cloned() {
                replace(data, at.start, at.end, rng.pick(TEXTS).as_bytes());
            }
        }
        (14, _) => {
            let piece = rng.pick(VALUES).as_bytes();
            replace(data, token.start, token.end, piece);
        }
        _ => mutate::bytes(rng, data),
    }
}

/// Makes a `run` whose code was changed believable again, as only its sender could.
fn rehash(data: &mut Vec<u8>) {
    let Ok(frame) = serde_json::from_slice::<serde_json::Value>(data) else {
        return;
    };
    let run = &frame["run"];
    if let (Some(code), Some(claimed)) = (run["code"].as_str(), run["sha256"].as_str()) {
        let hash: String = Sha256::digest(code.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        if let Some(at) = data.windows(claimed.len().max(1)).position(|window| window == claimed.as_bytes()) {
            replace(data, at, at + claimed.len(), hash.as_bytes());
        }
    }
}

struct Member {
    key: Range<usize>,
    value: Range<usize>,
}

impl Member {
    const fn whole(&self) -> Range<usize> {
        self.key.start..self.value.end
    }
}

/// One `"key": value`, with the value's whole extent.
fn member(rng: &mut Rng, data: &[u8], tokens: &[Range<usize>]) -> Option<Member> {
    let first = |token: &Range<usize>| data.get(token.start).copied().unwrap_or_default();
    let is_key = |number: &usize| {
        first(&tokens[*number]) == b'"' && tokens.get(number + 1).is_some_and(|next| first(next) == b':')
    };
    let keys: Vec<usize> = (0..tokens.len()).filter(is_key).collect();
    let key = *keys.get(rng.below(keys.len()))?;
    let values = tokens.get(key + 2..)?;
    let mut depth = 0_usize;
    let end = values.iter().find(|value| {
        match first(value) {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0
    })?;
    Some(Member { key: tokens[key].clone(), value: values[0].start..end.end })
}

/// Strings, runs of letters and digits, and every other byte but blanks by itself.
fn tokens(data: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(byte) = data.get(at) {
        let mut end = at + 1;
        match byte {
            b'"' => {
                while let Some(byte) = data.get(end) {
                    end += if *byte == b'\\' { 2 } else { 1 };
                    if *byte == b'"' {
                        break;
                    }
                }
                end = end.min(data.len());
            }
            b'0'..=b'9' | b'-' | b'a'..=b'z' | b'A'..=b'Z' => {
                let more = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
                end += data[end..].iter().take_while(|byte| more(byte)).count();
            }
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            found.push(at..end);
        }
        at = end;
    }
    found
}
