//! Lines: how a frame becomes one line of text and back.

use super::{Accepted, ArtifactPiece, Report, Run, RunError};
use serde::{Deserialize, Serialize};

/// The longest line that the runner reads, in bytes: 128 KiB of code, every byte of it escaped as `\u00XX` at worst a
/// little less than four times that, and 2,000 symbols.
pub const MAX_INBOUND_LINE: usize = 512 * 1024;

/// The longest line that the operator reads, in bytes; longer ones are dropped up to their end.
pub const MAX_OUTBOUND_LINE: usize = 16 * 1024;

/// A line from the operator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Inbound {
    /// Asks for the runner's state; may be sent any number of times.
    Hello(Hello),
    /// The one run of this sandbox. Latched: the first valid one counts, every later one is answered with the state.
    Run(Box<Run>),
}

/// Asks for the runner's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Hello {
    /// Comes back in [`State`], so that a reader that has just attached knows where its own stream begins.
    pub nonce: String,
}

/// A line from the runner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outbound {
    /// The answer to `hello` and to every line that could not be used.
    State(State),
    /// The run was latched.
    Accepted(Accepted),
    /// The run has reached another stage.
    Stage(Stage),
    /// The result, sent once; a later `hello` repeats it inside the state.
    Report(Box<Report>),
    /// A piece of what the report has announced.
    Artifact(ArtifactPiece),
}

/// Where the runner is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct State {
    /// The nonce of the `hello` that this answers; empty when it answers something else.
    pub nonce: String,
    /// How far it has come.
    pub progress: Progress,
}

/// How far a runner has come; never goes back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Progress {
    /// The interpreter is still importing. A run may be sent already: it is latched and starts when all is up.
    Warming,
    /// Interpreter up, waiting for a run.
    Ready,
    /// A run was latched and has not ended.
    Accepted(Accepted),
    /// The run has ended.
    Reported(Box<Report>),
}

/// A stage of the run as the runner sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    /// The strategy has been called.
    Running,
    /// Its positions are in and are being scored.
    Scoring,
    /// The checks are tried.
    Checking,
}

/// Why a line is no frame.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// Longer than the reader allows.
    #[error("line of {length} bytes is over the limit of {limit}")]
    TooLong {
        /// Bytes in the line.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not UTF-8, not JSON, an unknown or duplicate key, a value out of its type.
    #[error("line is no frame: {0}")]
    Malformed(#[from] serde_json::Error),
    /// A `run` that contradicts itself.
    #[error("run frame refused: {0}")]
    Run(#[from] RunError),
}

impl Inbound {
    /// One line with a newline before and after it.
    #[must_use]
    pub fn to_line(&self) -> String {
        format!("\n{}\n", json(self))
    }

    /// Reads one line (without its newline) and checks what can be checked without the pod's own facts.
    ///
    /// # Errors
    /// Too long, malformed, or a run whose hash or numbers are off.
    pub fn from_line(line: &[u8]) -> Result<Self, FrameError> {
        let frame: Self = parse(line, MAX_INBOUND_LINE)?;
        if let Self::Run(run) = &frame {
            run.check()?;
        }
        Ok(frame)
    }
}

impl Outbound {
    /// One line with its newline.
    #[must_use]
    pub fn to_line(&self) -> String {
        format!("{}\n", json(self))
    }

    /// Reads one line (without its newline). A report inside is *not* believed yet: see [`Report::check`].
    ///
    /// # Errors
    /// Too long or malformed.
    pub fn from_line(line: &[u8]) -> Result<Self, FrameError> {
        parse(line, MAX_OUTBOUND_LINE)
    }
}

fn parse<'a, T: Deserialize<'a>>(line: &'a [u8], limit: usize) -> Result<T, FrameError> {
    if line.len() > limit {
        return Err(FrameError::TooLong { length: line.len(), limit });
    }
    Ok(serde_json::from_slice(line)?)
}

/// Frames hold only strings, numbers and structs of them: serialising cannot fail; an empty line, which every reader
/// passes over, stands for the impossible.
fn json<T: Serialize>(frame: &T) -> String {
    serde_json::to_string(frame).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_sent_line_does_not_spoil_the_next_frame() {
        let hello = Inbound::Hello(Hello { nonce: "n1".into() });
        let stream = format!("{{\"run\":{{\"schema\":1,\"co{}", hello.to_line());
        let frames: Vec<_> =
            stream.split('\n').filter_map(|line| Inbound::from_line(line.as_bytes()).ok()).collect();
        assert_eq!(frames, [hello]);
    }

    #[test]
    fn unknown_and_duplicate_keys_are_refused() {
        assert!(Inbound::from_line(br#"{"hello":{"nonce":"a","x":1}}"#).is_err());
        assert!(Inbound::from_line(br#"{"hello":{"nonce":"a","nonce":"b"}}"#).is_err());
        assert!(
            Outbound::from_line(br#"{"state":{"nonce":"a","progress":"ready","progress":"warming"}}"#)
                .is_err()
        );
    }

    #[test]
    fn a_line_over_the_limit_is_refused_before_it_is_parsed() {
        let line = vec![b'['; MAX_OUTBOUND_LINE + 1];
        assert!(matches!(Outbound::from_line(&line), Err(FrameError::TooLong { .. })));
    }

    #[test]
    fn deep_nesting_is_an_error_and_not_a_crash() {
        let line = vec![b'['; MAX_OUTBOUND_LINE];
        assert!(matches!(Outbound::from_line(&line), Err(FrameError::Malformed(_))));
    }
}
