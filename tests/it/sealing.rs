//! Secrets that lie in the database sealed, and the key beside it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use countersign::beside::{self, BesideError};
use countersign::db::Db;
use countersign::db::seal::is_sealed;
use countersign::domain::accounts::second_factor;
use countersign::domain::messages::DecisionKind;
use countersign::domain::provenance;
use countersign::domain::sealing;
use serde_json::json;

use crate::backups::countersign;
use crate::second_factor::{code, enrolled};
use crate::support::{Desk, OPERATOR, text};

const FACTOR: &str = "SELECT secret AS body FROM second_factors";
const SIGNING: &str = "SELECT private_key AS body FROM provenance_keys WHERE state = 'current'";

/// A desk whose secrets lay open, started anew by this version.
async fn unlocked(files: &Path) -> (Desk, String) {
    let mut desk = Desk::new().await;
    let (secret, _) = enrolled(&desk, &desk.person("Ada"), desk.now().plus_days(-1));
    desk.write(|conn| provenance::keys::ensure(conn, desk.now())).unwrap();
    assert_eq!(text(&desk, FACTOR), secret, "an older version left it open");
    desk.state.db = beside::unlock(desk.state.db.clone(), files, None).unwrap();
    (desk, secret)
}

fn key_file(desk: &Desk, files: &Path) -> PathBuf {
    beside::key_of(desk.state.db.url(), files)
}

/// The same database without a key, as another process opens it.
fn opened(desk: &Desk) -> Db {
    Db::open(desk.state.db.url(), 2).unwrap()
}

#[actix_web::test]
async fn secrets_that_lay_open_are_sealed_at_the_start_and_go_on_working() {
    let files = tempfile::tempdir().unwrap();
    let (desk, secret) = unlocked(files.path()).await;
    let kept = text(&desk, FACTOR);
    assert!(is_sealed(&kept) && !kept.contains(&secret), "{kept}");
    assert!(is_sealed(&text(&desk, SIGNING)));
    let now = desk.now();
    let ada = desk.person("Ada");
    assert!(desk.write(|conn| second_factor::check(conn, &ada, &code(&secret, now), now)).unwrap().is_ok());
    let (other, _) = enrolled(&desk, &desk.person("Rita"), now);
    let kept = text(&desk, "SELECT secret AS body FROM second_factors ORDER BY started_at DESC LIMIT 1");
    assert!(is_sealed(&kept) && !kept.contains(&other), "{kept}");
    let held = desk.pending("a@example.com", json!({})).await;
    desk.decide("Rita", &held, DecisionKind::Approve).unwrap();
    desk.drain().await;
    let mail = String::from_utf8_lossy(&desk.catcher.messages()[0].raw).into_owned();
    assert!(mail.contains("Countersign-Provenance:"), "mail is signed with the key that is sealed: {mail}");
    let mode = fs::metadata(key_file(&desk, files.path())).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "nobody else reads the key");
}

#[actix_web::test]
async fn without_its_key_or_with_another_nothing_starts_and_it_is_said_what_to_do() {
    let files = tempfile::tempdir().unwrap();
    let (desk, secret) = unlocked(files.path()).await;
    let path = key_file(&desk, files.path());
    let kept = fs::read_to_string(&path).unwrap();
    assert!(beside::unlock(opened(&desk), files.path(), None).is_ok(), "the next start finds it");
    assert!(beside::unlock(opened(&desk), Path::new("/nowhere"), Some(&kept)).is_ok(), "in the settings, on another machine");
    fs::remove_file(&path).unwrap();
    let missing = beside::unlock(opened(&desk), files.path(), None).err().unwrap();
    assert!(matches!(missing, BesideError::KeyMissing(_)) && missing.to_string().contains("COUNTERSIGN_SECURITY__SECRET"), "{missing}");
    assert!(!path.exists(), "a new one would hide the loss");
    let other = beside::unlock(opened(&desk), files.path(), Some("another secret of more than 32 characters")).err().unwrap();
    assert!(matches!(other, BesideError::OtherKey(_)) && other.to_string().contains("secrets give-up"), "{other}");
    let short = beside::unlock(opened(&desk), files.path(), Some("short")).err().unwrap();
    assert!(matches!(short, BesideError::ShortKey(_)), "{short}");
    let (ada, now) = (desk.person("Ada"), desk.now());
    let refused = opened(&desk).write(|conn| second_factor::check(conn, &ada, &code(&secret, now), now));
    assert_eq!(refused.unwrap_err().code, "internal", "a sealed secret is no secret");

    desk.write(|conn| sealing::give_up(conn, &OPERATOR, desk.now())).unwrap();
    let db = beside::unlock(opened(&desk), files.path(), None).unwrap();
    assert_eq!(db.read(|conn| second_factor::own(conn, &desk.person("Ada"), desk.now())).unwrap(), second_factor::Factor::Missing);
    db.write(|conn| provenance::keys::ensure(conn, desk.now())).unwrap();
    assert!(is_sealed(&text(&desk, SIGNING)) && path.exists());
}

#[actix_web::test]
async fn a_backup_holds_no_key_and_says_so_and_what_is_put_back_asks_for_it() {
    let files = tempfile::tempdir().unwrap();
    let (desk, secret) = unlocked(files.path()).await;
    if !desk.state.db.is_a_file() {
        return;
    }
    let url = desk.state.db.url().to_owned();
    let file = files.path().join("backup.db");
    let (code, said) = countersign(&url, files.path(), &["backup", file.to_str().unwrap()]);
    assert!(code == 0 && said.contains("security.secret"), "{said}");
    let key = fs::read(key_file(&desk, files.path())).unwrap();
    let beside_it: Vec<u8> = fs::read(files.path().join("backup.db.suppressions")).unwrap_or_default();
    for octets in [fs::read(&file).unwrap(), beside_it] {
        for words in [key.trim_ascii(), secret.as_bytes()] {
            assert!(!octets.windows(words.len()).any(|window| window == words), "in the backup");
        }
    }
    let (elsewhere, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let url = format!("sqlite://{}", elsewhere.path().join("new.db").display());
    let (code, said) = countersign(&url, there.path(), &["restore", file.to_str().unwrap()]);
    assert!(code == 0 && said.contains("sealed with a key that is not here"), "{code} {said}");
    let doctor = countersign(&url, there.path(), &["doctor"]).1;
    assert!(doctor.contains("wrong secret sealing"), "{doctor}");
    let (code, said) = countersign(&url, there.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert!(code == 78 && said.contains("Nothing was started"), "{code} {said}");
    fs::write(beside::key_of(&url, there.path()), key).unwrap();
    let doctor = countersign(&url, there.path(), &["doctor"]).1;
    assert!(doctor.contains("ok secret sealing"), "{doctor}");
}

#[actix_web::test]
async fn a_backup_that_is_put_back_without_the_key_starts_where_nobody_has_a_second_factor() {
    let files = tempfile::tempdir().unwrap();
    let desk = Desk::new().await;
    desk.write(|conn| provenance::keys::ensure(conn, desk.now())).unwrap();
    if !desk.state.db.is_a_file() {
        return;
    }
    beside::unlock(desk.state.db.clone(), files.path(), None).unwrap();
    let file = files.path().join("backup.db");
    let (code, said) = countersign(desk.state.db.url(), files.path(), &["backup", file.to_str().unwrap()]);
    assert_eq!(code, 0, "{said}");
    let (elsewhere, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let url = format!("sqlite://{}", elsewhere.path().join("new.db").display());
    let (code, said) = countersign(&url, there.path(), &["restore", file.to_str().unwrap()]);
    assert!(code == 0 && said.contains("signed with a new key"), "{code} {said}");
    let db = beside::unlock(Db::open(&url, 1).unwrap(), there.path(), None).unwrap();
    db.write(|conn| provenance::keys::ensure(conn, desk.now())).unwrap();
    assert!(beside::key_of(&url, there.path()).exists());
}
