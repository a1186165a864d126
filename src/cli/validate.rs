//! `stratbox validate`, `rules` and `rule`: reads files, prints what the gate says, and chooses the exit code.

use crate::strategy::{Policy, Severity};
use crate::validate::{self, Program};
use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Largest file that is read, bytes: far beyond any program, far below what would hurt.
const MAX_FILE: u64 = 16 << 20;
/// What stdin is called in findings.
const STDIN: &str = "<stdin>";

/// Which files, and how the findings are written.
#[derive(Debug, Args)]
pub(super) struct Validate {
    /// Python files, YAML files with `StrategyRun`s, folders of both, or - for stdin.
    #[arg(required = true, value_name = "FILE|DIR|-")]
    paths: Vec<PathBuf>,
    /// How findings are written to stdout.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// A YAML file with `allowedImports` and `severityOverrides`, as in the policy of a `SandboxClass`.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// An array of findings.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
}

/// Judges all programs. 0: no errors; 1: errors were found; 2, by way of an error: not everything could be judged.
#[expect(clippy::print_stderr, reason = "the command line's own output")]
pub(super) fn run(asked: &Validate) -> anyhow::Result<ExitCode> {
    let policy = match &asked.policy {
        Some(path) => {
            let text =
                String::from_utf8(read(path)?).with_context(|| format!("{}: not UTF-8", path.display()))?;
            validate::parse_policy(&text).with_context(|| path.display().to_string())?
        }
        None => Policy::default(),
    };
    let (mut programs, mut failures) = (Vec::new(), 0);
    for path in &asked.paths {
        failures += match gather(path, &mut programs) {
            Ok(failures) => failures,
            Err(error) => told(&error),
        };
    }
    let verdicts: Vec<_> = programs.iter().map(|program| validate::judge(program, &policy)).collect();
    match asked.format {
        Format::Text => put(&validate::to_text(&verdicts))?,
        Format::Json => put(&validate::to_json(&verdicts)?)?,
        Format::Sarif => put(&validate::to_sarif(&verdicts)?)?,
    }
    if failures > 0 {
        eprintln!("stratbox: {failures} of the inputs could not be judged");
        return Ok(ExitCode::from(2));
    }
    let refused = verdicts.iter().any(|verdict| verdict.count(Severity::Error) > 0);
    Ok(ExitCode::from(u8::from(refused)))
}

/// Every rule in a line, or all about one.
pub(super) fn explain(id: Option<&str>) -> anyhow::Result<ExitCode> {
    match id {
        None => put(&validate::list())?,
        Some(id) => match validate::explain(id) {
            Some(text) => put(&text)?,
            None => bail!("there is no rule {id:?}; `stratbox rules` lists them"),
        },
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes to stdout. A reader that has seen enough (`| head`) changes nothing about the verdict.
fn put(text: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("failed to write to stdout")
        }
        _ => Ok(()),
    }
}

/// Tells of an input that could not be judged; counts as one.
#[expect(clippy::print_stderr, reason = "the command line's own output")]
fn told(error: &anyhow::Error) -> usize {
    eprintln!("stratbox: {error:#}");
    1
}

/// Adds the programs at a path. Returns how many files of a folder could not be read.
fn gather(path: &Path, programs: &mut Vec<Program>) -> anyhow::Result<usize> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().lock().take(MAX_FILE + 1).read_to_end(&mut bytes).context("failed to read stdin")?;
        within_limit(bytes.len() as u64, STDIN)?;
        if validate::is_manifest(&bytes) {
            return manifest(STDIN, &bytes, programs).map(|()| 0);
        }
        programs.push(validate::of_python(STDIN, bytes));
        return Ok(0);
    }
    if !path.is_dir() {
        let shown = shown(path);
        let bytes = read(path)?;
        if is_yaml(path) {
            let before = programs.len();
            manifest(&shown, &bytes, programs)?;
            if programs.len() == before {
                bail!("{shown}: no StrategyRun with spec.code in it");
            }
        } else {
            programs.push(validate::of_python(&shown, bytes));
        }
        return Ok(0);
    }
    let before = programs.len();
    let mut failures = 0;
    for file in files_below(path)? {
        if let Err(error) = gather_one(&file, programs) {
            failures += told(&error);
        }
    }
    if programs.len() == before && failures == 0 {
        bail!("{}: no Python file and no StrategyRun with spec.code in it", path.display());
    }
    Ok(failures)
}

/// A file of a folder: other YAML files, templates among them, are none of our business.
fn gather_one(file: &Path, programs: &mut Vec<Program>) -> anyhow::Result<()> {
    let bytes = read(file)?;
    if !is_yaml(file) {
        programs.push(validate::of_python(&shown(file), bytes));
    } else if bytes.windows(STRATEGY_RUN.len()).any(|part| part == STRATEGY_RUN) {
        manifest(&shown(file), &bytes, programs)?;
    }
    Ok(())
}

const STRATEGY_RUN: &[u8] = b"StrategyRun";

#[expect(clippy::print_stderr, reason = "the command line's own output")]
fn manifest(shown: &str, bytes: &[u8], programs: &mut Vec<Program>) -> anyhow::Result<()> {
    let found = validate::of_manifest(shown, bytes).with_context(|| shown.to_owned())?;
    for name in found.elsewhere {
        eprintln!("stratbox: {shown}: StrategyRun {name} has no spec.code here: not checked");
    }
    programs.extend(found.programs);
    Ok(())
}

/// The `.py`, `.yaml` and `.yml` files below a folder, sorted; links and hidden folders are not followed.
fn files_below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        let failed = || format!("failed to list {}", folder.display());
        for entry in std::fs::read_dir(&folder).with_context(failed)? {
            let entry = entry.with_context(failed)?;
            let (path, kind) = (entry.path(), entry.file_type().with_context(failed)?);
            let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            if kind.is_dir() && !hidden {
                folders.push(path);
            } else if kind.is_file() && (is_yaml(&path) || has_extension(&path, &["py"])) {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn is_yaml(path: &Path) -> bool {
    has_extension(path, &["yaml", "yml"])
}

fn has_extension(path: &Path, wanted: &[&str]) -> bool {
    path.extension().is_some_and(|extension| wanted.iter().any(|one| extension.eq_ignore_ascii_case(one)))
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let failed = || format!("failed to read {}", path.display());
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).with_context(failed)?;
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).with_context(failed)?;
    within_limit(bytes.len() as u64, &path.display().to_string())?;
    Ok(bytes)
}

fn within_limit(size: u64, shown: &str) -> anyhow::Result<()> {
    if size > MAX_FILE {
        bail!("{shown}: larger than {MAX_FILE} bytes");
    }
    Ok(())
}

/// A path relative to the working folder where it is below it: what code scanning can find in a repository.
fn shown(path: &Path) -> String {
    let path = path.strip_prefix(".").unwrap_or(path);
    let here = std::env::current_dir().ok();
    let path = here.and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path);
    path.display().to_string()
}
