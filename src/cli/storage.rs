//! `countersign backup`, `countersign restore` and `countersign secrets`.

use std::path::Path;

use clap::Subcommand;

use super::admin::OPERATOR;
use super::{Failed, directory, unlock};
use crate::backup;
use crate::beside::{self, BesideError};
use crate::clock;
use crate::config::Config;
use crate::db::Db;
use crate::domain::sealing::{self, GivenUp};

pub(super) fn backup(config: &Config, file: &Path) -> Result<(), Failed> {
    backup::make(&config.database.url, &directory(config), file)?;
    println!("{} holds the database as it is now, and was found whole.", file.display());
    println!("Keep it as private as the database. The keys that sign mail (dkim.directory) are not in it: keep a copy of them with your secrets.");
    println!(
        "Nor is the key that secrets in it are sealed with ({}, or security.secret): keep a copy of it apart from the backup. Without it the restored desk does not start.",
        beside::key_of(&config.database.url, &directory(config)).display()
    );
    Ok(())
}

pub(super) fn restore(config: &Config, file: &Path, replace: bool) -> Result<(), Failed> {
    let done = backup::restore(&config.database.url, &directory(config), file, replace, clock::now())?;
    if let Some(kept) = done.kept {
        println!("The database that was there is now {}. Delete it when it is no longer needed: it holds personal data.", kept.display());
    }
    if done.journal_taken {
        println!("The journal of suppressions came from the backup: who left after it was made is not known here.");
    }
    println!(
        "{} is in place, and sending is stopped. Start Countersign, look at what would leave (countersign sending status or the page Sending), and resume it there.",
        file.display()
    );
    // Said here already and not only at the next start, while whoever restores has their secrets at hand.
    let db = Db::open(&config.database.url, 1)?;
    let Err(refused) = unlock(db.clone(), config) else { return Ok(()) };
    let lost = matches!(refused, Failed::Beside(BesideError::KeyMissing(_) | BesideError::OtherKey(_)));
    if !lost || db.read(sealing::is_needed_by_others)? {
        println!("{refused}");
        return Ok(());
    }
    give_up_in(&db)?;
    println!(
        "The key that secrets were sealed with is not here; no second factor, webhook or source needed it. Provenance is signed with a new key from now on."
    );
    Ok(())
}

#[derive(Debug, Subcommand)]
pub(super) enum SecretsCommand {
    /// The key is lost for good: take off everybody's authenticator app, end the key that signs provenance, switch webhooks off and take the secrets
    /// of sources and mail providers away.
    GiveUp,
}

pub(super) fn give_up(db: &Db) -> Result<(), Failed> {
    let GivenUp { second_factors, webhooks, sources, providers } = give_up_in(db)?;
    println!("{second_factors} second factors are off: those people set up a new one in their account.");
    println!("{webhooks} webhooks are off: make a new secret for each, give it to the receiver, and switch it on.");
    println!("{sources} sources and {providers} mail providers are refused: make a new secret for each, or enter the provider's again.");
    println!("The next start seals with the key that is there, or makes one.");
    Ok(())
}

fn give_up_in(db: &Db) -> Result<GivenUp, Failed> {
    Ok(db.write(|conn| sealing::give_up(conn, &OPERATOR, clock::now()))?)
}
