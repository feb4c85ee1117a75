//! `countersign inbound`: mail on standard input, and files to be tried.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::Failed;
use crate::clock;
use crate::db::Db;
use crate::domain::actor::Actor;
use crate::domain::error::Kind as Wrong;
use crate::domain::inbound::sounding::Sounding;
use crate::domain::inbound::{Arrived, take as take_in, to_sound};
use crate::domain::mailboxes;
use crate::inbound::{self, Kind};

/// Prints what each file would be taken for, one JSON line a file, in order. Nothing is stored.
pub(super) fn try_out(files: &[PathBuf], as_json: bool) -> Result<(), Failed> {
    let mut out = std::io::stdout().lock();
    for file in files {
        let told = told(file)?;
        if as_json {
            writeln!(out, "{told}")?;
        } else {
            writeln!(out, "{}: {}", file.display(), told["kind"].as_str().unwrap_or_default())?;
            for one in told["recipients"].as_array().into_iter().flatten() {
                let word = |field: &str| one[field].as_str().unwrap_or_default().to_owned();
                writeln!(out, "  {} {} {}", word("address"), word("status"), word("reason"))?;
            }
        }
    }
    Ok(())
}

fn told(file: &Path) -> Result<Value, Failed> {
    let raw = std::fs::read(file)?;
    let mail = match inbound::read(&raw) {
        Ok(mail) => mail,
        Err(why) => {
            return Ok(json!({"kind": Kind::Other.as_str(), "recipients": [], "unreadable": format!("This message could not be read. {why}")}));
        }
    };
    let sorted = inbound::sort(&mail, clock::now().date());
    let recipients: Vec<Value> =
        sorted.recipients.iter().map(|one| json!({"address": one.address, "status": one.status, "hard": one.hard, "reason": one.reason()})).collect();
    Ok(json!({
        "kind": sorted.kind.as_str(),
        "recipients": recipients,
        "feedback_type": sorted.feedback.map(|feedback| feedback.kind),
        "absent_until": sorted.auto.and_then(|auto| auto.back).map(|day| day.to_string()),
        "about": sorted.about,
    }))
}

/// No such mailbox (sysexits.h).
const NO_USER: u8 = 67;
/// It will never be taken.
const UNAVAILABLE: u8 = 69;
/// The mail server keeps it and tries again.
const TRY_AGAIN: u8 = 75;

/// Takes in the mail on standard input. Whatever goes wrong here and may pass makes the mail server try again.
pub(super) fn take(opened: Result<(Db, Option<Sounding>), Failed>, mailbox: &str, recipient: Option<String>) -> ExitCode {
    let mut raw = vec![];
    let longest = u64::try_from(inbound::mail::LONGEST).unwrap_or(u64::MAX);
    if let Err(error) = std::io::stdin().lock().take(longest + 1).read_to_end(&mut raw) {
        return failed(TRY_AGAIN, &error);
    }
    if raw.len() > inbound::mail::LONGEST {
        return failed(UNAVAILABLE, &"The message is larger than 25 MiB.");
    }
    let (db, model) = match opened {
        Ok(opened) => opened,
        Err(error) => return failed(TRY_AGAIN, &error),
    };
    let now = clock::now();
    let arrived = Arrived::new(raw, recipient, now);
    let taken = db.read(|conn| mailboxes::resolve(conn, &Actor::System("command line"), Some(mailbox))).and_then(|mailbox| {
        let written = if model.is_some() { db.read(|conn| to_sound(conn, &mailbox, &arrived))? } else { None };
        let sounds = match (&model, written) {
            (Some(model), Some(written)) => actix_web::rt::System::new().block_on(model.of(&written)),
            _ => None,
        };
        db.write(|conn| take_in(conn, &mailbox, &arrived.sounding(sounds), now))
    });
    match taken {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) if error.kind == Wrong::NotFound => failed(NO_USER, &error),
        Err(error) => failed(TRY_AGAIN, &error),
    }
}

fn failed(code: u8, why: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("countersign: {why}");
    ExitCode::from(code)
}
