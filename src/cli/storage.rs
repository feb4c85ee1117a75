//! `countersign backup` and `countersign restore`.

use std::path::Path;

use super::{Failed, directory};
use crate::backup;
use crate::clock;
use crate::config::Config;

pub(super) fn backup(config: &Config, file: &Path) -> Result<(), Failed> {
    backup::make(&config.database.url, &directory(config), file)?;
    println!("{} holds the database as it is now, and was found whole.", file.display());
    println!("Keep it as private as the database. The keys that sign mail (dkim.directory) are not in it: keep a copy of them with your secrets.");
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
    Ok(())
}
