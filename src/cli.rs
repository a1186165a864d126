//! The command line: only what the user typed, and what to call for it.

mod validate;

use crate::config::Config;
use crate::{crd, node, operator, sandbox, telemetry};
use anyhow::Context as _;
use clap::{Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::runtime::Builder;

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
        #[command(flatten)]
        webhook: WebhookArguments,
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

/// Where the validating webhook is served, and by which certificate.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_field_names, reason = "they are the names of the flags")]
struct WebhookArguments {
    /// Where the validating webhook is served; without it, there is none.
    #[arg(long)]
    webhook_listen: Option<SocketAddr>,
    /// A folder with tls.crt and tls.key, read again when they change; without it, the operator makes a certificate.
    #[arg(long, requires = "webhook_listen", conflicts_with_all = ["webhook_name", "webhook_configuration"])]
    webhook_certificates: Option<PathBuf>,
    /// The DNS name that the operator's own certificate is for.
    #[arg(long, requires = "webhook_configuration")]
    webhook_name: Option<String>,
    /// The ValidatingWebhookConfiguration that is told who vouches for that certificate.
    #[arg(long, requires = "webhook_name")]
    webhook_configuration: Option<String>,
    /// How long that certificate is valid; it is replaced when two thirds of that are over.
    #[arg(long, default_value_t = 604_800, value_parser = clap::value_parser!(u64).range(30..=31_536_000))]
    webhook_certificate_seconds: u64,
}

impl WebhookArguments {
    fn webhook(self) -> anyhow::Result<Option<operator::Webhook>> {
        let Some(listen) = self.webhook_listen else {
            return Ok(None);
        };
        let certificate = match (self.webhook_certificates, self.webhook_name, self.webhook_configuration) {
            (Some(folder), _, _) => operator::CertificateSource::Folder(folder),
            (None, Some(name), Some(configuration)) => operator::CertificateSource::Own {
                name,
                configuration,
                lifetime: Duration::from_secs(self.webhook_certificate_seconds),
            },
            (None, _, _) => anyhow::bail!(
                "--webhook-listen needs --webhook-certificates, or --webhook-name and --webhook-configuration"
            ),
        };
        Ok(Some(operator::Webhook { listen, certificate }))
    }
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
        Command::Operator { config, listen, webhook } => {
            let webhook = webhook.webhook()?;
            telemetry::init("info");
            let text = match &config {
                Some(path) => std::fs::read_to_string(path)
                    .with_context(|| format!("failed to read {}", path.display()))?,
                None => String::new(),
            };
            let config = Config::from_yaml(&text, std::env::var("SANDBOX_ENABLED").ok().as_deref())?;
            let runtime = client_runtime(webhook.is_some())?;
            tracing::info!(
                version = env!("CARGO_PKG_VERSION"),
                profile = sandbox::profile_hash(),
                "operator starts"
            );
            runtime.block_on(operator::run(config, listen, webhook, asked_to_stop()))?;
        }
        Command::Crd => print!("{}", crd::to_yaml()?),
        Command::Validate(asked) => return validate::run(&asked),
        Command::Rules => return validate::explain(None),
        Command::Rule { id } => return validate::explain(Some(&id)),
        Command::Uninstall { namespaces } => {
            let removed = client_runtime(false)?.block_on(operator::uninstall(&namespaces))?;
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
///
/// One thread does all but the gate's work, which has threads of its own: a run is a chain of short steps, and what is handed
/// from thread to thread costs more than it does (warm runs, in turns with as many threads as processors, 180 each: mean
/// 86 and 81 ms). Not where the webhook is served: strangers' TLS handshakes must not hold up runs, nor the probes.
fn client_runtime(serves_strangers: bool) -> std::io::Result<tokio::runtime::Runtime> {
    // One provider in the tree; whoever asks first must not find none.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder =
        if serves_strangers { Builder::new_multi_thread() } else { Builder::new_current_thread() };
    builder.enable_all().build()
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
