//! What runner and interpreter say to each other: the control frame, the head of a slice, the replies, and what an
//! evaluation wrote. Pure; the other side is `images/sandbox/loop.py`.
//!
//! All numbers are little-endian.

use serde::{Deserialize, Serialize};

/// Begins a control frame.
const CONTROL: &[u8; 4] = b"SBXC";
/// All of a frame that says that one more order will come: its evaluation may be forked ahead of it.
pub(super) const AHEAD: &[u8; 4] = b"SBXP";
/// Begins a slice.
const SLICE: &[u8; 4] = b"SBXD";
/// The largest error that an evaluation may describe, in bytes of JSON.
pub const MAX_ERROR: u64 = 8 * 1024;
/// Kind and length in front of what an evaluation wrote.
const HEAD: u64 = 5;
/// The interpreter's exit code of a child that could not lock itself down before it read any data.
pub(super) const UNLOCKED: i32 = 71;

/// What the interpreter is told before it forks.
#[derive(Debug)]
pub(super) struct Control<'a> {
    /// Number of the evaluation in this sandbox, from 1.
    pub(super) evaluation: u32,
    /// Limit of the evaluation's address space in bytes.
    pub(super) address_space: u64,
    /// Bytes that all positions take.
    pub(super) expected: u64,
    /// Stage 2 as an array of `struct sock_filter`.
    pub(super) filter: &'a [u8],
    /// The strategy.
    pub(super) code: &'a str,
    /// Its parameters as a JSON object.
    pub(super) params: &'a [u8],
}

impl Control<'_> {
    /// The frame's bytes.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let parts = [self.filter, self.code.as_bytes(), self.params];
        let mut bytes = CONTROL.to_vec();
        bytes.extend(self.evaluation.to_le_bytes());
        bytes.extend(self.address_space.to_le_bytes());
        bytes.extend(self.expected.to_le_bytes());
        for part in parts {
            // Filter ≤ 32 KiB, code and parameters ≤ one inbound line: far below u32::MAX.
            bytes.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
        }
        bytes.extend(parts.concat());
        bytes
    }
}

/// The bytes that the interpreter copies at most of what an evaluation writes: one more than may be, so that too much
/// shows.
pub(super) fn copied(expected: u64) -> u64 {
    HEAD + expected.max(MAX_ERROR) + 1
}

/// What stands before the rows of a slice.
#[derive(Debug, Serialize)]
struct Shape<'a> {
    dates: usize,
    fields: &'a [String],
    symbols: &'a [String],
}

/// The head of a slice: magic, evaluation, length of the rest; then the shape as JSON with its own length, padded so
/// that the rows are aligned to 8 bytes.
pub(super) fn slice_head(
    evaluation: u32,
    dates: usize,
    fields: &[String],
    symbols: &[String],
    rows: u64,
) -> Result<Vec<u8>, serde_json::Error> {
    let mut shape = serde_json::to_vec(&Shape { dates, fields, symbols })?;
    shape.resize(shape.len().next_multiple_of(8), b' ');
    let mut bytes = SLICE.to_vec();
    bytes.extend(evaluation.to_le_bytes());
    bytes.extend((8 + shape.len() as u64 + rows).to_le_bytes());
    bytes.extend((shape.len() as u64).to_le_bytes());
    bytes.append(&mut shape);
    Ok(bytes)
}

/// One reply of the interpreter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// All is imported.
    Ready,
    /// The process of the first evaluation is there and waits for its order.
    Forked {
        /// Its number in the sandbox's process namespace.
        pid: u32,
    },
    /// The evaluation's process runs.
    Started {
        /// Its number in the sandbox's process namespace.
        pid: u32,
    },
    /// It says that stage 2 is loaded.
    Locked,
    /// What it wrote, not yet looked at; it writes no more.
    Result(Vec<u8>),
    /// It has been reaped.
    Ended {
        /// As `wait` gives it.
        status: i32,
    },
}

/// The interpreter is trusted to keep to its protocol; if it does not, the sandbox is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the interpreter sent a reply of kind {kind} and length {length} for evaluation {evaluation}")]
pub struct Garbled {
    kind: u8,
    evaluation: u32,
    length: u32,
}

/// Collects the bytes of replies.
#[derive(Debug, Default)]
pub struct Replies {
    bytes: Vec<u8>,
    /// Bytes that a result may have; 0 before an evaluation.
    pub limit: u64,
}

impl Replies {
    /// Takes what was read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next complete reply and its evaluation.
    ///
    /// # Errors
    /// A kind or length that there is not.
    pub fn take(&mut self) -> Result<Option<(u32, Reply)>, Garbled> {
        const FRAME: usize = 9;
        let Some((&head, rest)) = self.bytes.split_first_chunk::<FRAME>() else {
            return Ok(None);
        };
        let [kind, e0, e1, e2, e3, l0, l1, l2, l3] = head;
        let evaluation = u32::from_le_bytes([e0, e1, e2, e3]);
        let length = u32::from_le_bytes([l0, l1, l2, l3]);
        let garbled = Garbled { kind, evaluation, length };
        let fits = match kind {
            1 | 3 => length == 0,
            2 | 5 | 6 => length == 4,
            4 => u64::from(length) <= self.limit,
            _ => false,
        };
        if !fits {
            return Err(garbled);
        }
        let Some(body) = rest.get(..length as usize) else {
            return Ok(None);
        };
        if kind == 4 {
            return Ok(Some((evaluation, Reply::Result(self.take_body(FRAME, length as usize)))));
        }
        let number = || body.try_into().map(u32::from_le_bytes).map_err(|_| garbled.clone());
        let reply = match kind {
            1 => Reply::Ready,
            2 => Reply::Started { pid: number()? },
            3 => Reply::Locked,
            6 => Reply::Forked { pid: number()? },
            _ => Reply::Ended { status: number()?.cast_signed() },
        };
        self.bytes.drain(..FRAME + length as usize);
        Ok(Some((evaluation, reply)))
    }

    /// The body of a result without a second copy of it: that of thousands of symbols has tens of megabytes.
    fn take_body(&mut self, head: usize, length: usize) -> Vec<u8> {
        let rest = self.bytes.split_off(head + length);
        let mut body = std::mem::replace(&mut self.bytes, rest);
        body.drain(..head);
        body
    }
}

/// What an evaluation wrote: all of it untrusted.
#[derive(Debug, PartialEq)]
pub enum Written {
    /// Target positions, row-major dates × symbols: every row finite, or NaN alone to hold.
    Positions(Vec<f64>),
    /// It says that something went wrong.
    Error(StrategyError),
    /// Nothing, or only a part of a frame.
    Incomplete,
    /// A complete frame that is no result, and why.
    Refused(&'static str),
}

/// What an evaluation says of its own failure.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StrategyError {
    /// Whether the strategy raised, or returned what is no positions.
    pub kind: ErrorKind,
    /// The exception's class.
    pub r#type: String,
    /// Its text.
    pub message: String,
    /// Line of the strategy.
    pub line: Option<u32>,
    /// The strategy's own frames.
    pub traceback: String,
}

/// Which half of an evaluation failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorKind {
    /// The strategy raised.
    #[default]
    Strategy,
    /// What it returned is no positions.
    Result,
}

/// Whether an evaluation wrote all that it announced, and no more. Its exit code then changes nothing about how that is read.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    announced(bytes).is_some_and(|(_, length, body)| body.len() == length)
}

/// Of what an evaluation wrote: its kind, the length that it announced, and what came after that.
fn announced(bytes: &[u8]) -> Option<(u8, usize, &[u8])> {
    let (&[kind, l0, l1, l2, l3], body) = bytes.split_first_chunk::<5>()?;
    Some((kind, u32::from_le_bytes([l0, l1, l2, l3]) as usize, body))
}

/// Reads what an evaluation on `dates` × `symbols` wrote.
#[must_use]
pub fn read_written(bytes: &[u8], dates: usize, symbols: usize) -> Written {
    let Some((kind, length, body)) = announced(bytes) else {
        return Written::Incomplete;
    };
    if body.len() < length {
        return Written::Incomplete;
    }
    if body.len() > length {
        return Written::Refused("wrote more than one result");
    }
    match kind {
        1 if length == dates * symbols * 8 => {
            let positions: Vec<f64> = body
                .chunks_exact(8)
                .filter_map(|cell| cell.try_into().ok().map(f64::from_le_bytes))
                .collect();
            let sound = positions
                .chunks_exact(symbols.max(1))
                .all(|row| row.iter().all(|cell| cell.is_finite()) || row.iter().all(|cell| cell.is_nan()));
            if sound {
                Written::Positions(positions)
            } else {
                Written::Refused("has positions that are not finite")
            }
        }
        1 => Written::Refused("has another shape than dates × symbols"),
        2 if length as u64 <= MAX_ERROR => {
            serde_json::from_slice(body).map_or(Written::Refused("is malformed"), Written::Error)
        }
        _ => Written::Refused("is of an unknown kind"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn positions(cells: &[f64]) -> Vec<u8> {
        let mut bytes = vec![1];
        bytes.extend(u32::try_from(cells.len() * 8).unwrap().to_le_bytes());
        cells.iter().for_each(|cell| bytes.extend(cell.to_le_bytes()));
        bytes
    }

    #[test]
    fn positions_of_the_right_shape_are_taken() {
        let cells = [0.5, 0.5, f64::NAN, f64::NAN];
        assert!(matches!(read_written(&positions(&cells), 2, 2), Written::Positions(read) if read[1] == 0.5));
    }

    #[test]
    fn everything_else_is_refused() {
        let good = positions(&[0.5, 0.5, 0.0, 1.0]);
        assert!(is_whole(&good));
        for bytes in [&[][..], &good[..good.len() - 1], &[&good[..], &[0]].concat()] {
            assert!(!is_whole(bytes));
        }
        assert_eq!(read_written(&good[..good.len() - 1], 2, 2), Written::Incomplete);
        assert_eq!(read_written(&[], 2, 2), Written::Incomplete);
        for bytes in [
            positions(&[0.5, f64::NAN, 0.0, 0.0]),
            positions(&[0.5, f64::INFINITY, 0.0, 0.0]),
            positions(&[0.5]),
            [good.clone(), vec![0]].concat(),
            [vec![9], good[1..].to_vec()].concat(),
            [vec![2, 2, 0, 0, 0], b"{}".to_vec()].concat(),
        ] {
            assert!(matches!(read_written(&bytes, 2, 2), Written::Refused(_)), "{bytes:?}");
        }
    }

    #[test]
    fn a_claim_of_four_gigabytes_is_incomplete_and_costs_nothing() {
        assert_eq!(read_written(&[1, 0xff, 0xff, 0xff, 0xff, 0], 2, 2), Written::Incomplete);
    }

    #[test]
    fn replies_are_cut_out_of_a_stream() {
        let mut replies = Replies { limit: 3, ..Replies::default() };
        let stream = [
            &[1, 0, 0, 0, 0, 0, 0, 0, 0][..],
            &[4, 1, 0, 0, 0, 3, 0, 0, 0],
            b"abc",
            &[5, 1, 0, 0, 0, 4, 0, 0, 0, 9, 0, 0],
        ];
        replies.push(&stream.concat());
        assert_eq!(replies.take(), Ok(Some((0, Reply::Ready))));
        assert_eq!(replies.take(), Ok(Some((1, Reply::Result(b"abc".to_vec())))));
        assert_eq!(replies.take(), Ok(None));
        replies.push(&[0]);
        assert_eq!(replies.take(), Ok(Some((1, Reply::Ended { status: 9 }))));
        replies.push(&[4, 1, 0, 0, 0, 4, 0, 0, 0]);
        assert!(replies.take().is_err(), "over the limit");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), dates in 0_usize..4, symbols in 0_usize..4) {
            let _ = read_written(&bytes, dates, symbols);
            let mut replies = Replies { limit: 50, ..Replies::default() };
            replies.push(&bytes);
            while let Ok(Some(_)) = replies.take() {}
        }
    }
}
