//! Parses the command line, calls the library, turns the result into an exit code.

use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    match stratbox::cli::run(stratbox::cli::Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the command line's own output")]
            {
                eprintln!("stratbox: {error:#}");
            }
            ExitCode::from(2)
        }
    }
}
