//! What the doctor finds, as a command and on its page.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use countersign::app::State;
use countersign::clock;
use countersign::doctor::{self, Check, Setup, Standing};
use countersign::domain::installation;
use countersign::domain::settings;
use countersign::email::Transport;
use serde_json::Value;

use crate::backups::countersign;
use crate::support::{Browser, Desk, app_of, sql};

fn of<'c>(checks: &'c [Check], part: &str) -> &'c Check {
    checks.iter().find(|check| check.part == part).unwrap_or_else(|| panic!("nothing about {part}: {checks:?}"))
}

fn told(desk: &Desk) -> Setup {
    Setup { relays: vec![(None, desk.transport())], ..Setup::default() }
}

#[actix_web::test]
async fn each_part_is_found_out_when_it_is_wrong() {
    let desk = Desk::new().await;
    let checks = doctor::look(&desk.state, &told(&desk), false).await.unwrap();
    for (part, standing) in [
        ("version", Standing::Ok),
        ("database", Standing::Ok),
        ("durability", Standing::Ok),
        ("migrations", Standing::Ok),
        ("clock", Standing::Ok),
        ("smtp", Standing::Ok),
        ("sending", Standing::Ok),
        ("base url", Standing::Ok),
        ("worker", Standing::Wrong),
        ("secret", Standing::Warning),
    ] {
        assert_eq!(of(&checks, part).standing, standing, "{:?}", of(&checks, part));
    }
    desk.drain().await;
    desk.write(|conn| settings::set(conn, settings::COOKIE_KEY, "c2hvcnQ=")).unwrap();
    desk.write(|conn| settings::set(conn, settings::SENDING_STOPPED, "x")).unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = Transport::parse(&format!("smtp://{free}")).unwrap();
    let secrets = vec![("stripe.webhook_secret", "whsec_test".to_owned().into()), ("llm.api_key", "k-1234567890123456789".to_owned().into())];
    let setup = Setup { relays: vec![(Some("win@example.com".into()), nobody)], secrets, ..Setup::default() };
    let state = State { base_url: "http://desk.example.com".into(), ..desk.state.clone() };
    let checks = doctor::look(&state, &setup, false).await.unwrap();
    assert_eq!(of(&checks, "worker").standing, Standing::Ok, "it was heard of");
    assert_eq!((of(&checks, "smtp").standing, of(&checks, "smtp").of.as_deref()), (Standing::Wrong, Some("win@example.com")));
    assert_eq!((of(&checks, "base url").standing, of(&checks, "sending").standing), (Standing::Wrong, Standing::Warning));
    let secrets: Vec<(&str, Standing)> = checks.iter().filter(|c| c.part == "secret").map(|c| (c.of.as_deref().unwrap(), c.standing)).collect();
    assert_eq!(
        secrets,
        [("sealing", Standing::Warning), ("cookies", Standing::Wrong), ("stripe.webhook_secret", Standing::Wrong), ("llm.api_key", Standing::Ok)]
    );
    let written = format!("{checks:?}");
    assert!(!written.contains("k-12345") && !written.contains("c2hvcnQ"), "no secret stands in it: {written}");
    desk.write(|conn| installation::beat(conn, clock::now().plus_seconds(-600))).unwrap();
    sql(&desk, "DELETE FROM __diesel_schema_migrations WHERE version = (SELECT max(version) FROM __diesel_schema_migrations)");
    let checks = doctor::look(&desk.state, &Setup::default(), false).await.unwrap();
    assert_eq!(of(&checks, "migrations").standing, Standing::Warning);
    assert!(checks.iter().all(|check| check.part != "worker"), "tables that may not be there are left alone");
    assert_eq!(of(&checks, "smtp").standing, Standing::Wrong, "none is set");
    sql(&desk, "INSERT INTO __diesel_schema_migrations (version, run_on) VALUES ('29991231000001', CURRENT_TIMESTAMP)");
    assert_eq!(of(&doctor::look(&desk.state, &Setup::default(), false).await.unwrap(), "migrations").standing, Standing::Wrong);
}

#[actix_web::test]
async fn a_clock_that_went_back_and_a_worker_that_fell_silent_are_found_out() {
    let desk = Desk::new().await;
    desk.write(|conn| installation::beat(conn, clock::now().plus_seconds(-600))).unwrap();
    let checks = doctor::look(&desk.state, &told(&desk), false).await.unwrap();
    assert_eq!(of(&checks, "worker").standing, Standing::Wrong);
    if desk.state.db.is_a_file() {
        use countersign::domain::mailboxes::stops;
        desk.write(|conn| stops::stop(conn, &crate::support::OPERATOR, None, "x", clock::now().plus_days(1))).unwrap();
        let checks = doctor::look(&desk.state, &told(&desk), false).await.unwrap();
        assert_eq!(of(&checks, "clock").standing, Standing::Wrong, "{checks:?}");
    }
}

#[actix_web::test]
async fn what_others_on_the_machine_can_read_and_what_they_can_guess_is_found_out() {
    let desk = Desk::new().await;
    let mode = |path: &Path, mode| std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    let keys = tempfile::tempdir().unwrap();
    let pem = keys.path().join("example.com.pem");
    std::fs::write(&pem, "a key").unwrap();
    let setup = || Setup {
        keys: Some(keys.path().to_owned()),
        secrets: vec![("llm.api_key", "k-1234567".to_owned().into()), ("oidc.client_secret", "changeme-please-now".to_owned().into())],
        directory: Some(keys.path().to_owned()),
        ..Setup::default()
    };
    let file = desk.state.db.is_a_file().then(|| Path::new(desk.state.db.url().trim_start_matches("sqlite://")));
    if let Some(file) = file {
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600, "a new database is for its owner alone");
        mode(file.parent().unwrap(), 0o700);
    }
    mode(&pem, 0o640);
    let checks = doctor::look(&desk.state, &setup(), false).await.unwrap();
    let found: Vec<_> = checks.iter().filter(|check| check.part == "permissions").collect();
    assert!(found.len() == 1 && found[0].standing == Standing::Wrong && found[0].words.contains("chmod 600"), "{found:?}");
    let secret = |name: &str| checks.iter().find(|check| check.of.as_deref() == Some(name)).unwrap().standing;
    assert_eq!((secret("llm.api_key"), secret("oidc.client_secret")), (Standing::Warning, Standing::Wrong));
    assert!(checks.iter().any(|check| check.part == "disk"), "{checks:?}");
    mode(&pem, 0o600);
    let checks = doctor::look(&desk.state, &setup(), false).await.unwrap();
    assert!(checks.iter().all(|check| check.part != "permissions"), "{checks:?}");
    if let Some(file) = file {
        mode(file, 0o644);
        mode(file.parent().unwrap(), 0o755);
        let checks = doctor::look(&desk.state, &setup(), false).await.unwrap();
        assert_eq!(of(&checks, "permissions").standing, Standing::Warning);
    }
}

#[actix_web::test]
async fn the_command_tells_it_in_lines_and_as_json_and_changes_nothing() {
    let desk = Desk::new().await;
    let folder = tempfile::tempdir().unwrap();
    sql(&desk, "DELETE FROM __diesel_schema_migrations WHERE version = (SELECT max(version) FROM __diesel_schema_migrations)");
    let (code, said) = countersign(desk.state.db.url(), folder.path(), &["doctor"]);
    assert!(code == 1 && said.contains("wrong smtp: No mail server is set"), "{said}");
    assert!(said.contains("warning migrations: 1 migrations are pending"), "{said}");
    let (code, said) = countersign(desk.state.db.url(), folder.path(), &["doctor", "--json"]);
    let json: Value = serde_json::from_str(said.trim()).unwrap();
    assert_eq!((code, &json["ok"]), (1, &Value::Bool(false)));
    assert!(
        json["checks"].as_array().unwrap().iter().any(|check| check["part"] == "migrations" && check["standing"] == "warning"),
        "nothing was run"
    );
    let none = format!("sqlite://{}", folder.path().join("no/such/folder.db").display());
    let (code, said) = countersign(&none, folder.path(), &["doctor"]);
    assert!(code == 1 && said.starts_with("wrong database"), "{said}");
}

#[actix_web::test]
async fn administrators_read_it_on_a_page() {
    let desk = Desk::new().await;
    let state = State { setup: std::sync::Arc::new(told(&desk)), ..desk.state.clone() };
    let mut ada = Browser::new(app_of(&state).await);
    ada.sign_in("ada").await;
    let page = ada.get("/doctor").await.body;
    assert!(page.contains("No worker has run yet") && page.contains("to mend"), "{page}");
    assert!(page.find("No worker has run yet").unwrap() < page.find("What is committed is on the disk").unwrap(), "what is wrong comes first");
    let mut max = Browser::new(app_of(&state).await);
    max.sign_in("max").await;
    assert_eq!(max.get("/doctor").await.status, 403);
}

#[actix_web::test]
async fn it_is_not_ready_when_the_database_is_gone() {
    let desk = Desk::new().await;
    let mut visitor = Browser::new(desk.app().await);
    assert_eq!((visitor.get("/readyz").await.status, visitor.get("/healthz").await.status), (200, 200));
    sql(&desk, "ALTER TABLE settings RENAME TO settings_gone");
    assert_eq!((visitor.get("/readyz").await.status, visitor.get("/healthz").await.status), (503, 200));
}
