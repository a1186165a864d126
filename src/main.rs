//! Parses the command line, calls the library, turns the result into an exit code.

use clap::Parser as _;
use std::process::ExitCode;

/// The gate's threads hand tokens and trees to each other; the C library's allocator takes a lock for each of them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
