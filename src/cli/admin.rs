//! Commands that administer: users, mailboxes, keys, import, verify.

use std::io::{BufRead, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use super::Failed;
use crate::clock;
use crate::config::Config;
use crate::db::Db;
use crate::domain::accounts::second_factor;
use crate::domain::accounts::second_factor::required::{self, Required};
use crate::domain::accounts::users::{self, NewUser};
use crate::domain::actor::{Actor, Role, Scope};
use crate::domain::audit::{chain, heads};
use crate::domain::error::Error;
use crate::domain::facts;
use crate::domain::imports;
use crate::domain::keys::{self, NewKey};
use crate::domain::mailboxes::{self, Mode, NewMailbox};
use crate::domain::outbox::verify as walk;

pub(super) const OPERATOR: Actor = Actor::OPERATOR;

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Add a user.
    Add(AddUser),
    /// Take off the second factor of somebody who lost their phone and their recovery codes.
    ResetSecondFactor {
        /// Their address.
        #[arg(long)]
        email: String,
    },
    /// Set who must have a second factor.
    RequireSecondFactor {
        /// nobody, or deciders: administrators and those who approve.
        required: Required,
    },
}

#[derive(Debug, Args)]
pub(super) struct AddUser {
    /// Their address.
    #[arg(long)]
    email: String,
    /// Their name.
    #[arg(long, default_value = "")]
    name: String,
    /// admin, manager or reviewer.
    #[arg(long)]
    role: Role,
    /// Read the password from standard input.
    #[arg(long, conflicts_with = "invite")]
    password_stdin: bool,
    /// Print a link with which they set their password.
    #[arg(long)]
    invite: bool,
}

pub(super) fn user(db: &Db, config: &Config, command: UserCommand) -> Result<(), Failed> {
    match command {
        UserCommand::Add(add) => add_user(db, config, add),
        UserCommand::ResetSecondFactor { email } => {
            db.write(|conn| second_factor::reset(conn, &OPERATOR, &email, clock::now()))?;
            println!("The second factor of {email} is off, and they are signed out. They set up a new one in their account.");
            Ok(())
        }
        UserCommand::RequireSecondFactor { required } => {
            db.write(|conn| required::set_required(conn, &OPERATOR, required, clock::now()))?;
            println!("Who must have a second factor: {}.", required.label().to_lowercase());
            Ok(())
        }
    }
}

fn add_user(db: &Db, config: &Config, add: AddUser) -> Result<(), Failed> {
    let password = if add.password_stdin {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        Some(line.trim_end_matches(['\n', '\r']).to_owned())
    } else {
        None
    };
    let new = NewUser { email: add.email, name: add.name, role: add.role, password, mailboxes: vec![] };
    let added = db.write(|conn| users::add(conn, &OPERATOR, &new, clock::now()))?;
    match added.invitation {
        Some(token) => println!("{}/invite/{token}", config.base_url()),
        None => println!("{}", added.id),
    }
    Ok(())
}

#[derive(Debug, Subcommand)]
pub(super) enum MailboxCommand {
    /// Add a mailbox.
    Add(AddMailbox),
}

#[derive(Debug, Args)]
pub(super) struct AddMailbox {
    /// The address mail leaves from.
    #[arg(long)]
    address: String,
    /// The name recipients see.
    #[arg(long)]
    name: String,
    /// read_only, gated_all, gated_send, monitored or autonomous.
    #[arg(long, default_value = "gated_send")]
    mode: Mode,
    /// The sender's postal address.
    #[arg(long)]
    postal_address: String,
    /// The undo window in seconds.
    #[arg(long, default_value_t = 15)]
    undo_seconds: i32,
}

pub(super) fn mailbox(db: &Db, command: MailboxCommand) -> Result<(), Failed> {
    let MailboxCommand::Add(add) = command;
    let new = NewMailbox { address: add.address, name: add.name, mode: add.mode, postal_address: add.postal_address, undo_seconds: add.undo_seconds };
    let id = db.write(|conn| mailboxes::add(conn, &OPERATOR, &new, clock::now()))?;
    println!("{id}");
    Ok(())
}

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Make a key and print it alone on standard output.
    Add(AddKey),
}

#[derive(Debug, Args)]
pub(super) struct AddKey {
    /// Its name.
    #[arg(long)]
    name: String,
    /// read, draft, contacts, oversight_read, oversight, admin; separated by commas.
    #[arg(long, value_delimiter = ',')]
    scopes: Vec<Scope>,
    /// A mailbox it is limited to; may be repeated.
    #[arg(long)]
    mailbox: Vec<String>,
    /// Its mail is recorded and never sent.
    #[arg(long)]
    test: bool,
    /// It is refused after so many days; without this it has no end.
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..=36_500))]
    expires_in_days: Option<i64>,
    /// Calls it may make in a minute.
    #[arg(long, default_value_t = keys::CALLS_PER_MINUTE, value_parser = clap::value_parser!(i32).range(1..=i64::from(keys::MOST_CALLS_PER_MINUTE)))]
    calls_per_minute: i32,
}

pub(super) fn key(db: &Db, command: KeyCommand) -> Result<(), Failed> {
    let KeyCommand::Add(add) = command;
    let (_, secret) = db.write(|conn| {
        let boxes = add.mailbox.iter().map(|named| mailboxes::resolve(conn, &OPERATOR, Some(named)).map(|mailbox| mailbox.id));
        let mailboxes = boxes.collect::<crate::domain::error::Result<Vec<_>>>()?;
        let now = clock::now();
        let new = NewKey {
            mailboxes,
            is_test: add.test,
            expires_at: add.expires_in_days.map(|days| now.plus_days(days)),
            calls_per_minute: add.calls_per_minute,
            ..NewKey::named(&add.name, &add.scopes)
        };
        keys::add(conn, &OPERATOR, &new, now)
    })?;
    println!("{secret}");
    Ok(())
}

/// What a file holds.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum ImportKind {
    /// Customers who left.
    Churn,
    /// People who may be mailed.
    Contacts,
    /// Entries of the changelog.
    Updates,
}

pub(super) fn import(db: &Db, kind: ImportKind, file: &Path) -> Result<ExitCode, Failed> {
    let bytes = std::fs::read(file)?;
    let name = file.file_name().map_or_else(|| "file".to_owned(), |name| name.to_string_lossy().into_owned());
    match kind {
        ImportKind::Churn => import_rows(db, imports::Of::Churn, bytes, file, &name),
        ImportKind::Contacts => import_rows(db, imports::Of::Contacts, bytes, file, &name),
        ImportKind::Updates => import_rows(db, imports::Of::Facts(facts::Kind::ProductUpdate), bytes, file, &name),
    }
}

/// Keeps the refused rows beside the file.
fn put_aside(file: &Path, refused: &[u8]) -> Result<ExitCode, Failed> {
    let place = file.with_extension("refused.csv");
    std::fs::File::create(&place)?.write_all(refused)?;
    println!("The refused rows, with the reason for each, are in {}.", place.display());
    Ok(ExitCode::FAILURE)
}

/// Imports some rows at a time, after those that an earlier run of the same command took before it was cut off.
fn import_rows(db: &Db, of: imports::Of, bytes: Vec<u8>, file: &Path, name: &str) -> Result<ExitCode, Failed> {
    let parsed = imports::read(of, bytes)?;
    let begun = db.write(|conn| imports::begun(conn, &OPERATOR, &parsed, clock::now()))?;
    let import = match begun {
        Some(import) => {
            println!("An earlier run was cut off after {} of {} rows; this one goes on from there.", import.done(), import.total_rows);
            import
        }
        None => db.write(|conn| imports::start(conn, &OPERATOR, name, &parsed, clock::now()))?,
    };
    let ended = imports::run(db, &OPERATOR, import, &parsed, clock::now, |import| eprint!("\r{} of {} rows", import.done(), import.total_rows))?;
    eprintln!();
    println!("{} imported, {} known already, {} refused", ended.imported_rows, ended.duplicate_rows, ended.refused_rows);
    match ended.state.as_str() {
        "running" => println!("Another process took this import over and goes on with it."),
        "cancelled" => println!("Somebody cancelled this import. What was imported stays."),
        _ => {}
    }
    if ended.refused_rows > 0 && ended.state != "running" {
        return put_aside(file, ended.refused_csv.as_bytes());
    }
    Ok(if ended.state == "finished" { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(super) fn verify(db: &Db, audit_head: Option<&str>, kept_head: Option<&Path>) -> Result<ExitCode, Failed> {
    let report = db.read(walk::verify)?;
    println!("sent {}, warranted {}, exceptions {}", report.sent, report.warranted, report.exceptions.len());
    for (id, problem) in &report.exceptions {
        println!("{id}: {problem}");
    }
    for wrong in &report.miscounts {
        println!("campaign {}: {} too many are counted as {} in mailbox {}", wrong.campaign, wrong.too_many, wrong.state, wrong.mailbox_id);
    }
    for wrong in &report.sends {
        println!("{}: {}", wrong.of, wrong.problem);
    }
    for wrong in &report.reports {
        println!("{}: {}", wrong.of, wrong.problem);
    }
    println!("audit log: {} entries chained, {} not yet, last hash {}", report.audit.chained, report.audit.open, report.audit.head);
    for wrong in &report.audit.breaks {
        println!("audit log: {}", wrong.problem);
    }
    let mut right = report.exceptions.is_empty() && report.miscounts.is_empty() && report.sends.is_empty() && report.reports.is_empty();
    right &= report.audit.breaks.is_empty();
    if let Some(hash) = audit_head
        && !db.read(|conn| chain::holds(conn, hash))?
    {
        println!("audit log: the chain does not hold the hash {hash}: it was written anew since then, or is of another database.");
        right = false;
    }
    let kept = kept_head.map(std::fs::read_to_string).transpose()?;
    let wrong = db.read(|conn| {
        let mut wrong = heads::check_all(conn)?;
        if let Some(kept) = &kept {
            wrong.extend(heads::check_kept(conn, kept)?);
        }
        Ok::<_, Error>(wrong)
    })?;
    for one in &wrong {
        println!("audit log: {}", one.problem);
    }
    right &= wrong.is_empty();
    Ok(if right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
