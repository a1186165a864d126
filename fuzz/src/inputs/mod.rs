//! What is fuzzed, what has to hold of it, and how inputs are made from others. Used by the cargo-fuzz targets, by
//! `examples/frames.rs`, and by `tests/fuzz.rs`, so that a kept input means the same to all three.

mod json;
mod mutate;
mod python;
mod targets;

pub use mutate::Rng;
pub use targets::{TARGETS, Target, target};

/// The files of a folder, ordered by name; none if there is no such folder.
#[must_use]
pub fn corpus(folder: &std::path::Path) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    files.retain(|file| file.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b".")));
    files.iter().filter_map(|file| std::fs::read(file).ok()).collect()
}
