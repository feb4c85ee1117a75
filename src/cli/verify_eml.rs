//! `countersign verify-eml`: who wrote a mail, and who let it go.

use std::path::Path;
use std::process::ExitCode;

use super::Failed;
use crate::db::Db;
use crate::domain::provenance::keys::{self, KeySet, PublicKey};
use crate::provenance;

/// The keys of a file as it is published.
pub(super) fn of_file(file: &Path) -> Result<Vec<PublicKey>, Failed> {
    let text = std::fs::read_to_string(file)?;
    let wrong =
        |_| Failed::Other(format!("{} holds no keys. Download /.well-known/countersign-keys.json of the desk that sent the mail.", file.display()));
    Ok(serde_json::from_str::<KeySet>(&text).map_err(wrong)?.keys)
}

/// The keys of this installation.
pub(super) fn of_database(db: &Db) -> Result<Vec<PublicKey>, Failed> {
    Ok(db.read(keys::published)?.keys)
}

/// Says it; ends with 1 unless the whole mail is what was signed.
pub(super) fn run(file: &Path, keys: &[PublicKey]) -> Result<ExitCode, Failed> {
    let verdict = provenance::judge(&std::fs::read(file)?, keys);
    for sentence in provenance::in_words(&verdict) {
        println!("{sentence}");
    }
    if let Ok(verified) = &verdict.says {
        println!("let go {} by the desk at {}, signed with the key {}", verified.at, verified.base_url, verified.key);
    }
    Ok(if verdict.is_whole() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
