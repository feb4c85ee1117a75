//! `countersign sending`: the stop switches from a shell.

use clap::Subcommand;

use super::Failed;
use crate::clock;
use crate::db::Db;
use crate::domain::actor::Actor;
use crate::domain::mailboxes::stops::{self, Held};
use crate::domain::{mailboxes, outbox};

/// Messages that are listed.
const LISTED: i64 = 1000;

#[derive(Debug, Subcommand)]
pub(super) enum SendingCommand {
    /// What is stopped, and what would leave without it.
    Status,
    /// Stop one mailbox, or all.
    Stop {
        /// Why; it stands on every page.
        #[arg(long)]
        reason: String,
        /// Only this mailbox, by address.
        #[arg(long)]
        mailbox: Option<String>,
    },
    /// Let one mailbox, or all, go on. After a database was put back: look at the status first.
    Resume {
        /// Only this mailbox, by address.
        #[arg(long)]
        mailbox: Option<String>,
    },
}

pub(super) fn run(db: &Db, command: SendingCommand) -> Result<(), Failed> {
    let actor = Actor::System("command line");
    match command {
        SendingCommand::Status => status(db, &actor),
        SendingCommand::Stop { reason, mailbox } => Ok(db.write(|conn| {
            let mailbox = mailbox.map(|named| mailboxes::resolve(conn, &actor, Some(&named))).transpose()?;
            stops::stop(conn, &actor, mailbox.as_ref().map(|mailbox| &mailbox.id), &reason, clock::now())
        })?),
        SendingCommand::Resume { mailbox } => Ok(db.write(|conn| {
            let mailbox = mailbox.map(|named| mailboxes::resolve(conn, &actor, Some(&named))).transpose()?;
            stops::resume(conn, &actor, mailbox.as_ref().map(|mailbox| &mailbox.id), clock::now())
        })?),
    }
}

fn status(db: &Db, actor: &Actor) -> Result<(), Failed> {
    let (stops, (count, rows)) = db.read(|conn| {
        let stops = stops::in_force(conn, actor)?;
        Ok::<_, crate::domain::error::Error>((stops, outbox::would_go(conn, actor, LISTED)?))
    })?;
    if stops.is_empty() {
        println!("Nothing is stopped.");
    }
    for stop in stops {
        let held = match stop.held {
            Held::All => "All mailboxes".to_owned(),
            Held::Restored => "All mailboxes (the database was put back or copied)".to_owned(),
            Held::Mailbox(_, address) => address,
        };
        println!("{held}: stopped by {} since {}: {}", stop.by, stop.at, stop.reason);
    }
    println!("{count} messages would leave:");
    for row in rows {
        println!("{}\t{}\t{}\t{}\t{}", row.not_before, row.id, row.mailbox, row.to_address, row.subject);
    }
    Ok(())
}
