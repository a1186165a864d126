//! `manifest.json`: what a dataset's builder says of its file.

use serde::Deserialize;

/// What is needed of a manifest; its other keys are for people.
#[derive(Debug, Deserialize)]
pub(super) struct Manifest {
    /// Version of this form.
    schema: u32,
    /// Name of the data file beside the manifest.
    pub(super) file: String,
    /// `csv` or `parquet`.
    pub(super) format: String,
    /// SHA-256 of the file, hex.
    pub(super) sha256: String,
    /// Rows without the header.
    pub(super) rows: u64,
    /// Columns after date and symbol, in order.
    pub(super) fields: Vec<String>,
}

impl Manifest {
    /// The manifest itself if its version is known.
    pub(super) fn checked(self) -> Result<Self, String> {
        if self.schema == 1 { Ok(self) } else { Err(format!("schema is {}", self.schema)) }
    }
}
