//! The programs in a file: a Python file is one, a YAML stream has one in every `StrategyRun` with `spec.code`.

use std::sync::Arc;

use serde::Deserialize;
use serde_saphyr::{Location, Spanned};

use super::lenient::Lenient;

/// Where a program's text begins in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The file is the program.
    Whole,
    /// The program's lines stand in the file as they are, moved down and in by so much.
    Block { lines: u32, indent: u32 },
    /// Quoted, folded or escaped: positions inside have no place in the file but that of the value.
    Line { line: u32, column: u32 },
}

/// A program and its place in a file.
#[derive(Debug)]
pub struct Program {
    path: String,
    run: Option<String>,
    text: Arc<str>,
    code: Vec<u8>,
    place: Place,
}

impl Program {
    /// The file as it is shown.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Name of the `StrategyRun`.
    pub(super) fn run(&self) -> Option<&str> {
        self.run.as_deref()
    }

    /// The text of the file.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// What the gate judges.
    pub(super) fn code(&self) -> &[u8] {
        &self.code
    }

    pub(super) const fn place(&self) -> Place {
        self.place
    }
}

/// Why a manifest's programs are not known.
#[derive(Debug, thiserror::Error)]
pub enum ProgramsError {
    /// Not UTF-8.
    #[error("the file is not UTF-8")]
    NotUtf8,
    /// Not YAML, or a `StrategyRun` of another shape.
    #[error(transparent)]
    Yaml(Box<serde_saphyr::Error>),
}

/// What a manifest has for the gate.
#[derive(Debug, Default)]
pub struct Manifest {
    /// In the order of the file.
    pub programs: Vec<Program>,
    /// Names of `StrategyRun`s whose program is elsewhere (`spec.codeFrom`), so that nobody takes them for checked.
    pub elsewhere: Vec<String>,
}

#[derive(Deserialize)]
struct Document {
    kind: Option<String>,
    #[serde(default)]
    metadata: Lenient<Metadata>,
    #[serde(default)]
    spec: Lenient<Spec>,
}

#[derive(Deserialize)]
struct Metadata {
    name: Option<String>,
}

#[derive(Deserialize)]
struct Spec {
    code: Option<Spanned<String>>,
}

/// Whether a text is a YAML stream with a `StrategyRun` in it rather than Python.
#[must_use]
pub fn is_manifest(bytes: &[u8]) -> bool {
    let word = b"StrategyRun";
    bytes
        .split(|byte| *byte == b'\n')
        .any(|line| line.starts_with(b"kind:") && line.windows(word.len()).any(|part| part == word))
}

/// The program that a Python file is.
#[must_use]
pub fn of_python(path: &str, bytes: Vec<u8>) -> Program {
    let shown = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
    let text = String::from_utf8_lossy(shown).into();
    Program { path: path.to_owned(), run: None, text, code: bytes, place: Place::Whole }
}

/// The programs of the `StrategyRun`s in a YAML stream; other resources in it are passed over.
///
/// # Errors
/// The text is not UTF-8 or not YAML, or a `StrategyRun`'s code is no text.
pub fn of_manifest(path: &str, bytes: &[u8]) -> Result<Manifest, ProgramsError> {
    let text = std::str::from_utf8(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes))
        .map_err(|_| ProgramsError::NotUtf8)?;
    let options = serde_saphyr::options! { with_snippet: false };
    let documents: Vec<Lenient<Document>> = serde_saphyr::from_multiple_with_options(text, options)
        .map_err(|error| ProgramsError::Yaml(Box::new(error)))?;
    let shared: Arc<str> = text.into();
    let lines: Vec<&str> = text.split('\n').map(|line| line.trim_end_matches('\r')).collect();
    let mut manifest = Manifest::default();
    for document in documents.into_iter().filter_map(|document| document.0) {
        if document.kind.as_deref() != Some("StrategyRun") {
            continue;
        }
        let name = document.metadata.0.and_then(|metadata| metadata.name);
        match document.spec.0.and_then(|spec| spec.code) {
            Some(code) => manifest.programs.push(Program {
                path: path.to_owned(),
                run: name,
                text: Arc::clone(&shared),
                place: place(&lines, &code.value, code.defined),
                code: code.value.into_bytes(),
            }),
            None => manifest.elsewhere.push(name.unwrap_or_else(|| "without a name".to_owned())),
        }
    }
    Ok(manifest)
}

/// Where a scalar's text stands. Taken for a literal block only if every line of it is found again, so that no
/// detail of YAML (indentation indicators, chomping, folding) can make a finding point at the wrong line.
fn place(lines: &[&str], code: &str, location: Location) -> Place {
    let line = usize::try_from(location.line()).unwrap_or(usize::MAX).max(1);
    // The parser says where the text begins, and may or may not count the blank lines that it begins with.
    let blank = code.split('\n').take_while(|line| line.trim().is_empty()).count();
    let block = [line - 1, line, (line - 1).saturating_sub(blank)].into_iter().find_map(|above| {
        let indent = indent(lines.get(above..)?, code)?;
        Some(Place::Block { lines: u32::try_from(above).ok()?, indent })
    });
    block.unwrap_or_else(|| {
        let (line, column) = key(lines, line, usize::try_from(location.column()).unwrap_or(1).max(1));
        Place::Line {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
        }
    })
}

/// Where to point for a value: to itself if it begins behind its key, to the key if it begins on a line below.
fn key(lines: &[&str], line: usize, column: usize) -> (usize, usize) {
    let blanks = |line: &str| line.chars().take_while(|c| c.is_whitespace()).count();
    let alone = lines.get(line - 1).is_some_and(|text| blanks(text) + 1 >= column);
    let above = lines.iter().take(line - 1).rposition(|line| !line.trim().is_empty());
    match above.and_then(|above| Some((above, lines.get(above)?))) {
        Some((above, text)) if alone => (above + 1, blanks(text) + 1),
        _ => (line, column),
    }
}

/// By how much the lines of `code` are indented in `stand`, if all of them stand there.
fn indent(stand: &[&str], code: &str) -> Option<u32> {
    let first = code.split('\n').position(|line| !line.trim().is_empty())?;
    let indent = stand.get(first)?.len().checked_sub(code.split('\n').nth(first)?.len())?;
    let mut stand = stand.iter();
    let same = code.trim_end_matches('\n').split('\n').all(|line| {
        stand.next().is_some_and(|there| match there.get(indent..) {
            Some(rest) => rest == line && there.bytes().take(indent).all(|byte| byte == b' '),
            None => line.is_empty() && there.trim().is_empty(),
        })
    });
    if same { u32::try_from(indent).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(text: &str) -> Program {
        of_manifest("a.yaml", text.as_bytes()).unwrap().programs.pop().unwrap()
    }

    #[test]
    fn literal_blocks_are_found_whatever_their_header_says() {
        for (header, indent) in
            [("|", 4), ("|-", 4), ("|+", 4), ("|2", 4), ("| # why", 4), ("&a |", 4), ("!!str |", 4)]
        {
            let program =
                only(&format!("kind: StrategyRun\nspec:\n  code: {header}\n\n    a = 1\n\n    b = 2\n"));
            assert_eq!(program.code().trim_ascii(), b"a = 1\n\nb = 2", "{header}: {program:?}");
            assert_eq!(program.place(), Place::Block { lines: 3, indent }, "{header}");
        }
        let windows = only("kind: StrategyRun\r\nspec:\r\n  code: |\r\n    a = 1\r\n    b = 2\r\n");
        assert_eq!(windows.place(), Place::Block { lines: 3, indent: 4 });
    }

    #[test]
    fn other_scalars_point_to_their_line() {
        let quoted = ["\"a = 1\\nb = 2\\n\"", "'a = 1;\n\n    b = 2'"].map(|value| (value, 9));
        let below = [">\n    a = 1\n\n    b = 2\n", ">-\n\n    a = 1\n\n    b = 2\n"].map(|value| (value, 3));
        for (value, column) in quoted.into_iter().chain(below) {
            let program = only(&format!("kind: StrategyRun\nspec:\n  code: {value}\n"));
            assert_eq!(program.place(), Place::Line { line: 3, column }, "{value}: {program:?}");
        }
    }

    #[test]
    fn other_resources_are_passed_over() {
        let manifest = of_manifest(
            "a.yaml",
            b"kind: ConfigMap\nspec: text\n---\n- 1\n- 2\n---\nword\n---\nkind: StrategyRun\nmetadata: {name: x}\n\
              spec: {codeFrom: {configMapKeyRef: {name: a, key: b}}}\n",
        )
        .unwrap();
        assert!(manifest.programs.is_empty());
        assert_eq!(manifest.elsewhere, ["x"]);
        assert!(of_manifest("a.yaml", b"a: [").is_err());
        assert!(of_manifest("a.yaml", b"\xff").is_err());
    }
}
