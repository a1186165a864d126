//! `stratbox-runner`: PID 1 of a sandbox. Reads its flags, calls the library, returns its exit code.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::prelude::{Long, Short};
use stratbox::runner::{FAULT, Options, run};

const HELP: &str = "\
stratbox-runner: serves one strategy run over stdin and stdout

Usage: stratbox-runner [--datasets DIR] [--python FILE] [--loop FILE] [--termination-log FILE]

  --datasets DIR          one folder a dataset [/datasets]
  --python FILE           the interpreter [/usr/bin/python3]
  --loop FILE             its script [/usr/lib/stratbox/loop.py]
  --termination-log FILE  where the report is written first [/dev/termination-log]

Environment: POD_UID (required), STRATBOX_PRELOAD ({\"name\", \"path\", \"format\"} of a dataset to read ahead),
STRATBOX_AHEAD (how many evaluations to fork ahead while no run comes; at most 8)
";

#[expect(clippy::print_stderr, reason = "stdout is the conversation with the operator")]
fn main() -> ExitCode {
    match options() {
        Ok(Some(options)) => run(&options).into(),
        Ok(None) => {
            eprint!("{HELP}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("stratbox-runner: {error}");
            FAULT.into()
        }
    }
}

/// The options, or none when help is asked for.
fn options() -> Result<Option<Options>, lexopt::Error> {
    let path = |value: OsString| PathBuf::from(value);
    let mut options = Options {
        datasets: "/datasets".into(),
        python: "/usr/bin/python3".into(),
        script: "/usr/lib/stratbox/loop.py".into(),
        termination_log: "/dev/termination-log".into(),
        pod_uid: std::env::var("POD_UID").unwrap_or_default(),
        preload: std::env::var("STRATBOX_PRELOAD").ok().filter(|text| !text.is_empty()),
        ahead: std::env::var("STRATBOX_AHEAD").ok(),
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("datasets") => options.datasets = path(parser.value()?),
            Long("python") => options.python = path(parser.value()?),
            Long("loop") => options.script = path(parser.value()?),
            Long("termination-log") => options.termination_log = path(parser.value()?),
            Long("help") | Short('h') => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(options))
}
