//! The command line.

mod admin;
pub mod demo;
mod mcp;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{self, Config, ConfigError};
use crate::db::{self, Db};
use crate::domain::error::Error;

/// The desk where people sign off the email that AI agents write.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    /// The settings file.
    #[arg(long, global = true, default_value = config::FILE)]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the pages and the API, and send mail.
    Serve {
        /// Address and port; overrides the settings.
        #[arg(long)]
        listen: Option<String>,
        /// Do not send mail here; `countersign worker` does it elsewhere.
        #[arg(long)]
        no_worker: bool,
    },
    /// Send mail only.
    Worker {
        /// Stop when nothing is left to send.
        #[arg(long)]
        drain: bool,
    },
    /// Try it out: sample data, a database in a temporary folder, a built-in mail catcher.
    Demo {
        /// Address and port.
        #[arg(long, default_value = "127.0.0.1:8080")]
        listen: String,
        /// Print one line of JSON for scripts.
        #[arg(long)]
        json: bool,
    },
    /// Offer MCP on standard input and output, as a bridge to a running Countersign. The key is in COUNTERSIGN_KEY.
    Mcp {
        /// Where it runs; COUNTERSIGN_URL, or http://127.0.0.1:8080, without it.
        #[arg(long)]
        url: Option<String>,
    },
    /// Manage users.
    #[command(subcommand)]
    User(admin::UserCommand),
    /// Manage mailboxes.
    #[command(subcommand)]
    Mailbox(admin::MailboxCommand),
    /// Manage API keys.
    #[command(subcommand)]
    Key(admin::KeyCommand),
    /// Import a CSV file.
    Import {
        /// What the file holds.
        #[arg(value_parser = ["churn"])]
        kind: String,
        /// The file.
        file: PathBuf,
    },
    /// Walk the database: what was sent, and with what warrant.
    Verify,
}

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("{0}")]
    Config(#[from] ConfigError),
    #[error("{0} Nothing was started.")]
    Open(#[from] db::OpenError),
    #[error("{0}")]
    Migrate(#[from] db::migrate::MigrateError),
    #[error("{0}")]
    Domain(#[from] Error),
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Other(String),
}

impl Failed {
    /// Exit codes as documented: 70 a database of another version, 78 configuration, 1 the rest.
    fn code(&self) -> u8 {
        match self {
            Failed::Config(_) | Failed::Open(_) => 78,
            Failed::Migrate(_) => 70,
            _ => 1,
        }
    }
}

/// Runs the command line.
pub fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .json()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info,actix_server=warn,rmcp=warn".into()))
        .init();
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(failed) => {
            eprintln!("countersign: {failed}");
            ExitCode::from(failed.code())
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode, Failed> {
    let settings = || config::load(&cli.config);
    match cli.command {
        Command::Serve { listen, no_worker } => {
            let mut config = settings()?;
            if let Some(listen) = listen {
                config.server.listen = listen;
            }
            serve::serve(&config, !no_worker)?;
        }
        Command::Worker { drain } => serve::worker(&settings()?, drain)?,
        Command::Demo { listen, json } => demo::run(&listen, json, config::allowed(&config::webhooks(&cli.config)?)?)?,
        Command::Mcp { url } => mcp::run(url)?,
        Command::User(command) => admin::user(&open(&settings()?)?, &settings()?, command)?,
        Command::Mailbox(command) => admin::mailbox(&open(&settings()?)?, command)?,
        Command::Key(command) => admin::key(&open(&settings()?)?, command)?,
        Command::Import { file, .. } => return admin::import(&open(&settings()?)?, &file),
        Command::Verify => return admin::verify(&open(&settings()?)?),
    }
    Ok(ExitCode::SUCCESS)
}

/// Opens the database of the settings and brings it to this version.
fn open(config: &Config) -> Result<Db, Failed> {
    let db = Db::open(&config.database.url, 8)?;
    db::migrate::run(&db)?;
    Ok(db)
}
