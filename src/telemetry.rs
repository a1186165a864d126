//! Logs.

use tracing_subscriber::EnvFilter;

/// JSON lines on stderr; `RUST_LOG` or the given directives choose what is said.
pub fn init(directives: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(directives));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).init();
}
