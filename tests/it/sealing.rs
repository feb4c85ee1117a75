//! Secrets that lie in the database sealed, and the key beside it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use countersign::beside::{self, BesideError};
use countersign::db::Db;
use countersign::db::seal::is_sealed;
use countersign::domain::accounts::second_factor;
use countersign::domain::ids::EndpointId;
use countersign::domain::inbound::providers::{self, Reporter};
use countersign::domain::messages::DecisionKind;
use countersign::domain::provenance;
use countersign::domain::sealing::{self, GivenUp};
use countersign::domain::sources::signatures::Headers;
use countersign::domain::sources::{self, Change, NewSource, Provider, receive};
use countersign::domain::webhooks::{deliveries, endpoints};
use serde_json::json;

use crate::backups::countersign;
use crate::second_factor::{code, enrolled};
use crate::sources::hmac;
use crate::support::{Desk, OPERATOR, text, texts};
use crate::webhooks::{self, Receiver};

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

/// Everything that stands in a column of text, of any table.
fn everything(desk: &Desk) -> String {
    let columns = match desk.state.db.is_a_file() {
        true => {
            "SELECT m.name || '.' || p.name AS body FROM sqlite_master m JOIN pragma_table_info(m.name) p \
             WHERE m.type = 'table' AND p.type = 'TEXT' AND m.sql NOT LIKE 'CREATE VIRTUAL%'"
        }
        false => {
            "SELECT table_name || '.' || column_name AS body FROM information_schema.columns \
             WHERE table_schema = current_schema() AND data_type IN ('text', 'character varying', 'json', 'jsonb')"
        }
    };
    let columns = texts(desk, columns);
    assert!(columns.len() > 400 && columns.contains(&"settings.value".to_owned()), "{}", columns.len());
    let of = |name: &String| {
        let (table, column) = name.split_once('.').unwrap();
        texts(desk, &format!("SELECT CAST(\"{column}\" AS TEXT) AS body FROM \"{table}\" WHERE \"{column}\" IS NOT NULL")).join("\n")
    };
    columns.iter().map(of).collect::<Vec<_>>().join("\n")
}

/// A database as the version before would have left it: a webhook that was rotated, a source and a mail provider, with the secrets open.
async fn with_all_secrets() -> (Desk, Receiver, EndpointId, [String; 6]) {
    let receiver = Receiver::start().await;
    let (desk, admin) = webhooks::desk_with(&receiver).await;
    let (id, old) = webhooks::add(&desk, &admin, &receiver, json!({})).await;
    let (_, new) = desk.write(|conn| endpoints::rotate(conn, &OPERATOR, &id, desk.now())).unwrap();
    let source = |provider, secret: &str| NewSource { provider, name: "Shop".into(), secret: secret.into(), origins: vec![] };
    let (_, ours) = desk.write(|conn| sources::add(conn, &OPERATOR, &source(Provider::Generic, ""), desk.now())).unwrap();
    let (_, theirs) = desk.write(|conn| sources::add(conn, &OPERATOR, &source(Provider::Paddle, "pdl_entered_0123456789"), desk.now())).unwrap();
    let told = "key-0123456789abcdef0123";
    desk.write(|conn| providers::set_secret(conn, &desk.person("Ada"), Reporter::Mailgun, told, desk.now())).unwrap();
    let (app, _) = enrolled(&desk, &desk.person("Ada"), desk.now().plus_days(-1));
    let all = [old, new, ours, theirs, told.to_owned(), app];
    let before = everything(&desk);
    assert!(all.iter().all(|secret| before.contains(secret)), "an older version left them open");
    (desk, receiver, id, all)
}

#[actix_web::test]
async fn no_secret_of_webhooks_sources_or_providers_lies_open_after_the_start() {
    let files = tempfile::tempdir().unwrap();
    let (mut desk, receiver, id, mut all) = with_all_secrets().await;
    desk.state.db = beside::unlock(desk.state.db.clone(), files.path(), None).unwrap();
    let kept = everything(&desk);
    for (at, secret) in all.iter().enumerate() {
        assert!(!kept.contains(secret), "secret {at} lies open");
    }
    desk.pending("a@example.com", json!({})).await;
    desk.drain().await;
    let got = receiver.got().remove(0);
    assert!(got.is_signed_with(&all[0]) && got.is_signed_with(&all[1]), "both go on signing");

    let (_, third) = desk.write(|conn| endpoints::rotate(conn, &OPERATOR, &id, desk.now())).unwrap();
    desk.pending("b@example.com", json!({})).await;
    desk.drain().await;
    let got = receiver.got().pop().unwrap();
    assert!(got.is_signed_with(&all[1]) && got.is_signed_with(&third) && !got.is_signed_with(&all[0]));
    assert_eq!(desk.read(|conn| providers::secret(conn, Reporter::Mailgun)), Some(all[4].clone()));
    let paddle = desk.read(|conn| receive::sources(conn, Provider::Paddle));
    let (now, body) = (desk.now(), "{}");
    let signed = |secret: &str| format!("ts={};h1={}", now.seconds(), hmac(secret, &format!("{}:{body}", now.seconds())));
    let headers = |signature| Headers { signature, ..Headers::default() };
    assert!(receive::recognise(Provider::Paddle, &paddle, None, &headers(signed(&all[3])), body.as_bytes(), now).is_ok());

    all[0] = third;
    let new = NewSource { provider: Provider::Chargebee, name: "B".into(), secret: String::new(), origins: vec![] };
    let (source, secret) = desk.write(|conn| sources::add(conn, &OPERATOR, &new, now)).unwrap();
    let (_, rotated) = desk.write(|conn| sources::rotate(conn, &OPERATOR, &source.id, now)).unwrap();
    let kept = everything(&desk);
    assert!(all.iter().chain([&secret, &rotated]).all(|secret| !kept.contains(secret)), "what was made since is sealed as well");
}

#[actix_web::test]
async fn a_webhook_whose_key_is_not_here_says_so_and_sends_nothing_unsigned() {
    let files = tempfile::tempdir().unwrap();
    let (mut desk, receiver, id, all) = with_all_secrets().await;
    let without = desk.state.db.clone();
    let with = beside::unlock(without.clone(), files.path(), None).unwrap();
    desk.state.db = without;
    desk.pending("a@example.com", json!({})).await;
    desk.drain().await;
    assert_eq!(receiver.calls(), 0);
    let line = webhooks::log(&desk, &id).remove(0);
    assert_eq!((line.state, line.attempts, line.last_status), (deliveries::State::Waiting, 1, None));
    assert!(line.last_answer.as_ref().is_some_and(|why| why.contains("sealed with a key that is not here")), "{line:?}");
    assert!(desk.write(|conn| receive::sources(conn, Provider::Paddle)).is_err(), "a report is neither taken nor called forged");

    desk.state.db = with;
    let later = desk.now().plus_days(1);
    let again = desk.write(|conn| deliveries::claim(conn, 1, later)).unwrap();
    assert_eq!(again.len(), 1, "it is tried again once the key is back");
    assert!(again[0].headers(later)[2].1.len() > 20 && !format!("{again:?}").contains(&all[1]), "signed, and the secret reaches no log");
}

#[actix_web::test]
async fn where_the_key_is_lost_webhooks_and_sources_get_new_secrets() {
    let files = tempfile::tempdir().unwrap();
    let (mut desk, receiver, id, _) = with_all_secrets().await;
    let without = desk.state.db.clone();
    beside::unlock(without.clone(), files.path(), None).unwrap();
    fs::remove_file(key_file(&desk, files.path())).unwrap();
    let missing = beside::unlock(without.clone(), files.path(), None).err().unwrap();
    assert!(missing.to_string().contains("webhooks, sources and mail providers need new secrets"), "{missing}");
    desk.state.db = without;
    let given_up = desk.write(|conn| sealing::give_up(conn, &OPERATOR, desk.now())).unwrap();
    assert_eq!(given_up, GivenUp { second_factors: 1, webhooks: 1, sources: 2, providers: 1 });
    desk.state.db = beside::unlock(desk.state.db.clone(), files.path(), None).unwrap();

    let endpoint = desk.read(|conn| endpoints::get(conn, &OPERATOR, &id));
    assert!(endpoint.disabled_because.is_some_and(|why| why.contains("Make a new secret")));
    assert_eq!(desk.write(|conn| endpoints::enable(conn, &OPERATOR, &id, desk.now())).unwrap_err().code, "webhook_secret_missing");
    let (_, secret) = desk.write(|conn| endpoints::rotate(conn, &OPERATOR, &id, desk.now())).unwrap();
    desk.write(|conn| endpoints::enable(conn, &OPERATOR, &id, desk.now())).unwrap();
    desk.pending("a@example.com", json!({})).await;
    desk.drain().await;
    assert!(receiver.got()[0].is_signed_with(&secret));

    let (now, body) = (desk.now(), "{}");
    for provider in [Provider::Paddle, Provider::Generic] {
        let source = desk.read(|conn| sources::list(conn, &OPERATOR)).into_iter().find(|source| source.provider == provider).unwrap();
        assert!(source.enabled && source.last_error.is_some_and(|why| why.contains("is lost")));
        let trusted = desk.read(|conn| receive::sources(conn, provider));
        let signed =
            Headers { signature: format!("ts={0};h1={1}", now.seconds(), hmac("", &format!("{}:{body}", now.seconds()))), ..Headers::default() };
        assert!(receive::recognise(provider, &trusted, None, &signed, body.as_bytes(), now).is_err(), "no secret is no empty secret");
        let entered = Change { secret: Some("pdl_entered_9876543210".into()), ..Change::default() };
        let after = match provider.secret_is_ours() {
            true => desk.write(|conn| sources::rotate(conn, &OPERATOR, &source.id, now)).unwrap().0,
            false => desk.write(|conn| sources::change(conn, &OPERATOR, &source.id, &entered, now)).unwrap(),
        };
        assert_eq!(after.last_error, None);
    }
    assert_eq!(desk.read(|conn| providers::secret(conn, Reporter::Mailgun)), None);
}

#[actix_web::test]
async fn a_backup_with_a_webhook_asks_for_its_key_although_nobody_has_a_second_factor() {
    let files = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let (desk, admin) = webhooks::desk_with(&receiver).await;
    if !desk.state.db.is_a_file() {
        return;
    }
    webhooks::add(&desk, &admin, &receiver, json!({})).await;
    beside::unlock(desk.state.db.clone(), files.path(), None).unwrap();
    let file = files.path().join("backup.db");
    let (code, said) = countersign(desk.state.db.url(), files.path(), &["backup", file.to_str().unwrap()]);
    assert_eq!(code, 0, "{said}");
    let (elsewhere, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let url = format!("sqlite://{}", elsewhere.path().join("new.db").display());
    let (code, said) = countersign(&url, there.path(), &["restore", file.to_str().unwrap()]);
    assert!(code == 0 && said.contains("webhooks, sources and mail providers need new"), "{code} {said}");
    let (code, said) = countersign(&url, there.path(), &["secrets", "give-up"]);
    assert!(code == 0 && said.contains("1 webhooks are off: make a new secret"), "{code} {said}");
    assert!(beside::unlock(Db::open(&url, 1).unwrap(), there.path(), None).is_ok());
}
