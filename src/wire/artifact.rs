//! Artifacts: what a run leaves beside its metrics, in pieces that fit a line.

use serde::{Deserialize, Serialize};

/// All artifacts of a run together, compressed, in bytes: what fits one ConfigMap with room to spare, and the log.
pub const MAX_ARTIFACTS: usize = 256 * 1024;

/// Bytes of one piece before base64: its line stays below [`super::MAX_OUTBOUND_LINE`].
pub const MAX_PIECE: usize = 9 * 1024;

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "operator", derive(schemars::JsonSchema))]
pub enum ArtifactKind {
    /// `date,return,equity` for every date: net simple return and equity in the dataset's currency.
    EquityCurve,
    /// `symbol,opened,closed,holdingDays,pnl` for every closed round trip: ISO dates, dates held, sum of daily
    /// contributions net of costs.
    Trades,
}

/// An artifact as the report announces it: gzip of CSV with a header line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArtifactHead {
    /// Which one.
    pub kind: ArtifactKind,
    /// Its size in bytes; 0 when it was too large to be sent.
    pub bytes: u32,
    /// SHA-256 of those bytes, lower-case hex.
    pub sha256: String,
}

/// One piece of an artifact; sent in order, after the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArtifactPiece {
    /// Of which one.
    pub kind: ArtifactKind,
    /// Where it begins, in bytes.
    pub offset: u32,
    /// Its bytes in base64.
    pub data: String,
}
