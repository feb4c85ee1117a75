//! The command line.

mod admin;
pub mod demo;
mod demo_past;
mod demo_programs;
mod inbound;
mod mcp;
mod metrics;
mod sending;
mod serve;
mod storage;
mod verify_eml;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::backup::BackupError;
use crate::beside::{self, BesideError};
use crate::clock;
use crate::config::{self, Config, ConfigError};
use crate::db::{self, Db};
use crate::domain::error::Error;
use crate::domain::inbound::sounding::Sounding;
use crate::failpoints;
use crate::telemetry;

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
    /// What to do about the key that secrets in the database are sealed with.
    #[command(subcommand)]
    Secrets(storage::SecretsCommand),
    /// Manage users.
    #[command(subcommand)]
    User(admin::UserCommand),
    /// Manage mailboxes.
    #[command(subcommand)]
    Mailbox(admin::MailboxCommand),
    /// Manage API keys.
    #[command(subcommand)]
    Key(admin::KeyCommand),
    /// See whether mail leaves, stop it, let it go on.
    #[command(subcommand)]
    Sending(sending::SendingCommand),
    /// Import a CSV file.
    Import {
        /// What the file holds.
        kind: admin::ImportKind,
        /// The file.
        file: PathBuf,
    },
    /// Take in a mail from standard input, or try out what mails in files would be taken for. Exit codes for mail
    /// servers: 0 taken, 67 no such mailbox, 69 too large, 75 try again later.
    Inbound {
        /// Only say what each file would be taken for.
        #[arg(long, requires = "files")]
        dry_run: bool,
        /// One line of JSON for each file.
        #[arg(long, requires = "dry_run")]
        json: bool,
        /// The mailbox that the mail on standard input came to, by address.
        #[arg(long, conflicts_with = "dry_run", required_unless_present = "dry_run")]
        mailbox: Option<String>,
        /// The address it was delivered to, where that is not the mailbox's.
        #[arg(long, requires = "mailbox")]
        recipient: Option<String>,
        /// The files.
        #[arg(requires = "dry_run")]
        files: Vec<PathBuf>,
    },
    /// Walk the database: what was sent and with what warrant, whether its numbers are right, and whether the audit log is whole.
    Verify {
        /// A last hash of the audit log that was printed here before: the log must still hold it.
        #[arg(long)]
        audit_head: Option<String>,
        /// A signed head that was downloaded: log and chain must still fit it.
        #[arg(long)]
        kept_head: Option<PathBuf>,
    },
    /// Say who wrote a mail and who let it go, by its header Countersign-Provenance. Ends with 1 unless it is word for word what was signed.
    VerifyEml {
        /// The mail as it came.
        file: PathBuf,
        /// The keys of the desk that sent it, downloaded from /.well-known/countersign-keys.json; those of this database without it.
        #[arg(long)]
        keys: Option<PathBuf>,
    },
    /// Write the database, as it is now, to a new file, and the journal of suppressions beside it. It may be in use.
    Backup {
        /// The new file; nothing is written over.
        file: PathBuf,
    },
    /// Put a backup in the place of the database, stopped until an administrator confirms. Nobody may work on it meanwhile.
    Restore {
        /// The backup.
        file: PathBuf,
        /// Also where there is a database; that one is kept beside it.
        #[arg(long)]
        replace: bool,
    },
    /// Look at everything an installation stands on, and say what to mend. Ends with 1 where something has to be.
    Doctor {
        /// One line of JSON.
        #[arg(long)]
        json: bool,
    },
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
    #[error("{0} Nothing was started.")]
    Beside(#[from] BesideError),
    #[error("{0}")]
    Domain(#[from] Error),
    #[error("{0}")]
    Backup(#[from] BackupError),
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Other(String),
}

impl Failed {
    /// Exit codes as documented: 70 a database of another version, 78 configuration, 1 the rest.
    fn code(&self) -> u8 {
        match self {
            Failed::Config(_) | Failed::Open(_) | Failed::Beside(_) => 78,
            Failed::Migrate(_) | Failed::Backup(BackupError::Migrate(_)) => 70,
            _ => 1,
        }
    }
}

/// What is never logged in more detail, whatever RUST_LOG asks for.
const SECRETIVE: [&str; 1] = ["async_imap=info"];

/// Runs the command line.
pub fn main() -> ExitCode {
    let _armed = failpoints::arm();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info,actix_server=warn,rmcp=warn".into());
    // It would log each command to a mail server, and the first of them holds the password.
    let filter = SECRETIVE.iter().filter_map(|quiet| quiet.parse().ok()).fold(filter, tracing_subscriber::EnvFilter::add_directive);
    tracing_subscriber::fmt().json().with_writer(telemetry::masked_stderr).with_env_filter(filter).init();
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(failed) => {
            eprintln!("countersign: {failed}");
            ExitCode::from(failed.code())
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode, Failed> {
    let settings = || config::load(&cli.config).map_err(Failed::from);
    match cli.command {
        Command::Serve { listen, no_worker } => {
            let mut config = settings()?;
            if let Some(listen) = listen {
                config.server.listen = listen;
            }
            serve::serve(&config, !no_worker)?;
        }
        Command::Worker { drain } => serve::worker(&settings()?, drain)?,
        Command::Demo { listen, json } => demo::run(&listen, json, &cli.config)?,
        Command::Mcp { url } => mcp::run(url)?,
        Command::Secrets(storage::SecretsCommand::GiveUp) => storage::give_up(&open(&settings()?)?)?,
        Command::User(command) => admin::user(&open(&settings()?)?, &settings()?, command)?,
        Command::Mailbox(command) => admin::mailbox(&open(&settings()?)?, command)?,
        Command::Key(command) => admin::key(&open(&settings()?)?, command)?,
        Command::Sending(command) => sending::run(&open(&settings()?)?, command)?,
        Command::Import { kind, file } => return admin::import(&open(&settings()?)?, kind, &file),
        Command::Backup { file } => storage::backup(&settings()?, &file)?,
        Command::Restore { file, replace } => storage::restore(&settings()?, &file, replace)?,
        Command::Doctor { json } => return serve::doctor(&settings()?, json),
        Command::Inbound { mailbox: Some(mailbox), recipient, .. } => {
            let opened = settings().and_then(|settings| Ok((open(&settings)?, config::endpoint(&settings)?.map(Sounding::new))));
            return Ok(inbound::take(opened, &mailbox, recipient));
        }
        Command::Inbound { json, files, .. } => inbound::try_out(&files, json)?,
        Command::Verify { audit_head, kept_head } => return admin::verify(&open(&settings()?)?, audit_head.as_deref(), kept_head.as_deref()),
        Command::VerifyEml { file, keys: Some(keys) } => return verify_eml::run(&file, &verify_eml::of_file(&keys)?),
        Command::VerifyEml { file, keys: None } => return verify_eml::run(&file, &verify_eml::of_database(&open(&settings()?)?)?),
    }
    Ok(ExitCode::SUCCESS)
}

/// Where the files beside the database lie.
fn directory(config: &Config) -> PathBuf {
    config.data.directory.clone().unwrap_or_else(|| beside::default_directory(&config.database.url))
}

/// With the key of what lies in it sealed.
fn unlock(db: Db, config: &Config) -> Result<Db, Failed> {
    Ok(beside::unlock(db, &directory(config), config.security.key())?)
}

/// With the files beside it. Where mail leaves from here, a database that was put back or copied is stopped.
fn open_with_files(db: Db, config: &Config, sends: bool) -> Result<Db, Failed> {
    let (db, start) = beside::attach(unlock(db, config)?, &directory(config), sends, clock::now())?;
    if start.restored {
        tracing::warn!("this database was put back or copied; sending is stopped until an administrator confirms it on the page Sending");
    }
    if start.learned > 0 {
        tracing::warn!(learned = start.learned, "suppressions were taken from the journal beside the database");
    }
    Ok(db)
}

/// Opens the database of the settings and brings it to this version.
fn open(config: &Config) -> Result<Db, Failed> {
    let db = Db::open(&config.database.url, 8)?;
    db::migrate::run(&db)?;
    Ok(db)
}
