//! Datasets: a folder with `manifest.json` and one file of daily prices, read once, verified, kept by symbol.
//!
//! Only the runner reads them: the interpreter cannot (Landlock), and an evaluation gets the slice of its run and nothing
//! before or after it.

mod columns;
mod csv;
mod manifest;
mod parquet;
mod rows;
mod slice;

pub(super) use columns::Dataset;
pub(super) use rows::{Rows, Shock, View};
pub(super) use slice::Slice;

use std::fs::{self, File};
use std::io::{self, BufReader, Read as _};
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use sha2::{Digest as _, Sha256};

use crate::wire::{DatasetFormat, hex};
use manifest::Manifest;

/// How much of a file is read at once.
const CHUNK: usize = 256 * 1024;

/// Which dataset: a folder below the datasets' folder, a path inside it, and the format that the class promises.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    /// Name in the class.
    pub(super) name: String,
    /// Folder of the manifest inside the dataset.
    #[serde(default)]
    pub(super) path: String,
    /// Format of the file.
    pub(super) format: DatasetFormat,
}

/// Why there is no dataset. The message ends up in the run's status, so it names the file and says what is wrong.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    /// A name or path that leaves the dataset's folder.
    #[error("dataset name or path {0:?} is not a plain relative path")]
    Path(String),
    /// A file that is not there or cannot be read.
    #[error("failed to read {file}: {source}")]
    Read {
        /// The file, as a person knows it.
        file: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A manifest that is not one.
    #[error("{file} is no manifest of schema 1: {reason}")]
    Manifest {
        /// The file.
        file: String,
        /// Why.
        reason: String,
    },
    /// There is no manifest.
    #[error(
        "{0} is not there: in the class's spec.datasets, name the dataset's own image (image) and the folder in it \
         (path), or build the dataset into the class's image at that place"
    )]
    Missing(String),
    /// The manifest says another format than the class.
    #[error("the class says the dataset is {expected}, its manifest says {found}")]
    Format {
        /// By the class.
        expected: &'static str,
        /// By the manifest.
        found: String,
    },
    /// The file is not the one that the manifest was made for.
    #[error("{file} has SHA-256 {found}, its manifest says {expected}: build dataset and manifest again")]
    Hash {
        /// The file.
        file: String,
        /// By the manifest.
        expected: String,
        /// As read.
        found: String,
    },
    /// The file cannot be understood.
    #[error("{file}: {reason}")]
    Content {
        /// The file.
        file: String,
        /// What is wrong and where.
        reason: String,
    },
}

/// Reads and verifies a dataset.
///
/// # Errors
/// Anything missing, malformed or different from its manifest.
pub(super) fn load(root: &Path, source: &Source) -> Result<Dataset, LoadError> {
    let folder = root.join(plain(&source.name)?).join(plain(&source.path)?);
    // Whole paths: where the class names no image for the dataset, they say where it ought to be in the class's own.
    let manifest_path = folder.join("manifest.json");
    let text = read(&manifest_path).map_err(|error| match error {
        LoadError::Read { file, source } if source.kind() == io::ErrorKind::NotFound => {
            LoadError::Missing(file)
        }
        other => other,
    })?;
    let manifest: Manifest = serde_json::from_slice(&text)
        .map_err(|error| error.to_string())
        .and_then(Manifest::checked)
        .map_err(|reason| LoadError::Manifest { file: manifest_path.display().to_string(), reason })?;
    let expected = format_name(source.format);
    if manifest.format != expected {
        return Err(LoadError::Format { expected, found: manifest.format });
    }
    let path = folder.join(plain(&manifest.file)?);
    let shown = path.display().to_string();
    let unread = |source| LoadError::Read { file: shown.clone(), source };
    // Twice through the file instead of once with all of it in memory beside its values.
    let found = File::open(&path).and_then(hash).map_err(unread)?;
    if !found.eq_ignore_ascii_case(&manifest.sha256) {
        return Err(LoadError::Hash { file: shown, expected: manifest.sha256, found });
    }
    let file = File::open(&path).map_err(unread)?;
    let columns = match source.format {
        DatasetFormat::Csv => csv::read(BufReader::with_capacity(CHUNK, file), manifest.rows),
        DatasetFormat::Parquet => parquet::read(file, manifest.rows),
    };
    columns
        .and_then(|columns| columns.finished(&source.name, found, &manifest))
        .map_err(|reason| LoadError::Content { file: shown, reason })
}

/// Lower-case hex of the SHA-256 of a file.
fn hash(mut file: File) -> io::Result<String> {
    let mut digest = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = file.read(&mut chunk)?;
        if count == 0 {
            return Ok(hex(&digest.finalize()));
        }
        digest.update(&chunk[..count]);
    }
}

fn format_name(format: DatasetFormat) -> &'static str {
    match format {
        DatasetFormat::Csv => "csv",
        DatasetFormat::Parquet => "parquet",
    }
}

/// A path that stays below where it is joined.
fn plain(path: &str) -> Result<PathBuf, LoadError> {
    let inside =
        Path::new(path).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if inside { Ok(PathBuf::from(path)) } else { Err(LoadError::Path(path.to_owned())) }
}

fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    fs::read(path).map_err(|source| LoadError::Read { file: path.display().to_string(), source })
}

#[cfg(test)]
impl Dataset {
    /// One for tests: AAPL on so many days from 2024-01-01 on, with a sector and a ratio beside its prices.
    pub(super) fn example(dates: i64) -> Self {
        let first = jiff::civil::date(2024, 1, 1);
        let rows = (0..dates).map(|day| {
            let date = first.checked_add(jiff::Span::new().days(day)).expect("a date");
            format!(
                "{date},AAPL,{},{},7,{}\n",
                10 + day,
                100 + day,
                f64::from(i32::try_from(day).unwrap_or_default()) / 2.0
            )
        });
        let csv = format!("date,symbol,open,close,sector,ratio\n{}", rows.collect::<String>());
        let manifest: Manifest = serde_json::from_value(serde_json::json!({
            "schema": 1, "file": "x", "format": "csv", "sha256": "", "rows": dates,
            "fields": ["open", "close", "sector", "ratio"],
        }))
        .expect("a manifest");
        csv::read(csv.as_bytes(), 0)
            .and_then(|columns| columns.finished("us-stocks", String::new(), &manifest))
            .expect("a dataset")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::sha256_hex;

    const CSV: &str = "date,symbol,open,close\n2024-01-02,AAPL,1,2\n2024-01-02,FB,1,\n2024-01-03,AAPL,3,4\n";

    fn written(name: &str, csv: &str, change: impl FnOnce(String) -> String) -> PathBuf {
        let root = std::env::temp_dir().join(format!("stratbox-data-{}-{name}", std::process::id()));
        let folder = root.join("us");
        fs::create_dir_all(&folder).unwrap();
        let sha = sha256_hex(csv.as_bytes());
        let manifest = format!(
            r#"{{"schema":1,"name":"us","file":"data.csv","format":"csv","sha256":"{sha}","rows":3,"fields":["open","close"],"symbols":["AAPL","FB"],"firstDate":"2024-01-02","lastDate":"2024-01-03"}}"#
        );
        fs::write(folder.join("manifest.json"), change(manifest)).unwrap();
        fs::write(folder.join("data.csv"), csv).unwrap();
        root
    }

    fn source() -> Source {
        Source { name: "us".into(), path: String::new(), format: DatasetFormat::Csv }
    }

    fn refused(name: &str, csv: &str, change: impl FnOnce(String) -> String) -> String {
        let root = written(name, csv, change);
        let error = load(&root, &source()).unwrap_err().to_string();
        fs::remove_dir_all(root).unwrap();
        error
    }

    #[test]
    fn a_dataset_is_read_and_hashed() {
        let root = written("good", CSV, |manifest| manifest);
        let dataset = load(&root, &source()).unwrap();
        fs::remove_dir_all(root).unwrap();
        assert_eq!(dataset.symbols().collect::<Vec<_>>(), ["AAPL", "FB"]);
        assert_eq!(dataset.sha256, sha256_hex(CSV.as_bytes()));
    }

    #[test]
    fn what_does_not_fit_its_manifest_is_refused() {
        let error = refused("hash", CSV, |manifest| manifest.replace("\"sha256\":\"", "\"sha256\":\"0"));
        assert!(error.contains("SHA-256"), "{error}");
        let error = refused("rows", CSV, |manifest| manifest.replace("\"rows\":3", "\"rows\":4"));
        assert!(error.contains("3 rows"), "{error}");
        let error = refused("format", CSV, |manifest| manifest.replace("\"csv\"", "\"parquet\""));
        assert!(error.contains("parquet"), "{error}");
        let error = refused("file", CSV, |manifest| manifest.replace("data.csv", "../us/data.csv"));
        assert!(error.contains("plain"), "{error}");
        let error = refused("schema", CSV, |manifest| manifest.replace("\"schema\":1", "\"schema\":2"));
        assert!(error.contains("schema"), "{error}");
    }

    #[test]
    fn a_name_cannot_leave_the_folder() {
        for name in ["..", "/etc", "a/../b"] {
            let source = Source { name: name.into(), ..source() };
            assert!(matches!(load(Path::new("/nowhere"), &source), Err(LoadError::Path(_))), "{name}");
        }
    }

    #[test]
    fn a_dataset_that_is_not_there_is_named() {
        let error = load(Path::new("/nowhere"), &source()).unwrap_err().to_string();
        assert!(error.contains("us/manifest.json"), "{error}");
    }
}
