//! The command line: only what the user typed, and what to call for it.

mod validate;

use crate::config::Config;
use crate::{crd, node, operator, sandbox, telemetry};
use anyhow::Context as _;
use clap::{Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Runs trading strategies that nobody has read, in sandboxes that can do nothing but compute.
#[derive(Debug, Parser)]
#[command(name = "stratbox", version)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the operator.
    Operator {
        /// The configuration; without it, compiled defaults.
        #[arg(long, env = "STRATBOX_CONFIG")]
        config: Option<PathBuf>,
        /// Where /health, /ready and /metrics are served.
        #[arg(long, default_value = "0.0.0.0:8080")]
        listen: SocketAddr,
    },
    /// Print the CustomResourceDefinitions.
    Crd,
    /// Judge programs as the operator would, without a cluster. Exit code 0: accepted, 1: refused, 2: not judged.
    Validate(validate::Validate),
    /// List the gate's rules.
    Rules,
    /// Explain a rule.
    Rule {
        /// Its id, such as IMP001.
        id: String,
    },
    /// Remove what the operator leaves behind: deny-all NetworkPolicies and the nodes' profile label.
    Uninstall {
        /// Only in these namespaces; without any, in all.
        #[arg(long = "namespace")]
        namespaces: Vec<String>,
    },
    /// The node agent's steps.
    Node {
        #[command(subcommand)]
        step: NodeStep,
    },
}

#[derive(Debug, Subcommand)]
enum NodeStep {
    /// Write the seccomp profile below the kubelet's seccomp folder.
    Install {
        /// The kubelet's seccomp folder.
        #[arg(long, default_value = "/var/lib/kubelet/seccomp")]
        folder: PathBuf,
    },
    /// Prove that this container runs under the profile.
    Check,
    /// Wait until killed.
    Hold,
    /// Print the profile's path below the kubelet's seccomp folder, and the node label that proves it.
    Profile,
}

/// Carries the command out.
///
/// # Errors
/// Whatever the command could not do.
#[expect(clippy::print_stdout, reason = "the command line's own output")]
pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        Command::Operator { config, listen } => {
            telemetry::init("info");
            let text = match &config {
                Some(path) => std::fs::read_to_string(path)
                    .with_context(|| format!("failed to read {}", path.display()))?,
                None => String::new(),
            };
            let config = Config::from_yaml(&text, std::env::var("SANDBOX_ENABLED").ok().as_deref())?;
            let runtime = client_runtime()?;
            tracing::info!(
                version = env!("CARGO_PKG_VERSION"),
                profile = sandbox::profile_hash(),
                "operator starts"
            );
            runtime.block_on(operator::run(config, listen, asked_to_stop()))?;
        }
        Command::Crd => print!("{}", crd::to_yaml()?),
        Command::Validate(asked) => return validate::run(&asked),
        Command::Rules => return validate::explain(None),
        Command::Rule { id } => return validate::explain(Some(&id)),
        Command::Uninstall { namespaces } => {
            let removed = client_runtime()?.block_on(operator::uninstall(&namespaces))?;
            println!("removed {} NetworkPolicies and {} node labels", removed.policies, removed.nodes);
        }
        Command::Node { step: NodeStep::Install { folder } } => {
            println!("{}", node::install(&folder)?.display());
        }
        Command::Node { step: NodeStep::Check } => node::check()?,
        Command::Node { step: NodeStep::Hold } => node::hold(),
        Command::Node { step: NodeStep::Profile } => {
            println!("{} {}", sandbox::profile_path(), sandbox::profile_label());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What every command that talks to the API server needs first.
fn client_runtime() -> std::io::Result<tokio::runtime::Runtime> {
    // One provider in the tree; whoever asks first must not find none.
    let _ = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

/// Resolves on SIGTERM or SIGINT.
async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        // Without handlers the signals end the process by themselves.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = interrupt.recv() => {}
    }
}
