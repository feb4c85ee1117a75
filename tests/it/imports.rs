//! `countersign import` of contacts and updates, with the binary as it runs.

use std::panic::{AssertUnwindSafe, catch_unwind};

use countersign::clock;
use countersign::domain::actor::Actor;
use countersign::domain::contacts::{self, Search, erase};
use countersign::domain::facts::{self, Kind};
use countersign::domain::imports::{self, Import, Of};
use countersign::domain::privacy::provenance;
use serde_json::json;

use crate::backups::countersign;
use crate::support::{Browser, Desk, OPERATOR, count};

fn run(desk: &Desk, kind: &str, text: &str) -> (i32, String, Option<String>) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file.csv"), text).unwrap();
    let (code, said) = countersign(desk.state.db.url(), folder.path(), &["import", kind, "file.csv"]);
    (code, said, std::fs::read_to_string(folder.path().join("file.refused.csv")).ok())
}

fn found(desk: &Desk, email: &str) -> Option<contacts::Contact> {
    let search = Search { email_key: Some(email.to_owned()), limit: 2, ..Search::default() };
    desk.read(|conn| contacts::search(conn, &OPERATOR, &search)).0.into_iter().next()
}

#[actix_web::test]
async fn contacts_are_imported_row_by_row_and_bad_rows_are_reported() {
    let desk = Desk::new().await;
    let (code, said, refused) = run(
        &desk,
        "contacts",
        "Email,Name,Tags,time_zone,Country\nann@example.com,Ann,a; b,Europe/Berlin,DE\nno address,=1+1,,,\nBEN@example.com,Ben,,,\n,,,,\nann@example.com,Ann B.,c,,\n",
    );
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("2 imported, 1 known already, 2 refused") && said.contains("5 of 5 rows"), "{said}");
    let refused = refused.unwrap();
    assert!(refused.starts_with("line,problem,email,name,tags,time_zone,country\n3,") && refused.contains("'=1+1"), "{refused}");
    assert_eq!(refused.lines().count(), 3, "{refused}");
    let ann = found(&desk, "ann@example.com").unwrap();
    assert_eq!((ann.row.name.as_deref(), ann.row.time_zone.as_deref()), (Some("Ann B."), Some("Europe/Berlin")));
    assert_eq!((ann.tags.clone(), ann.row.metadata.get("country").cloned()), (vec!["a".to_owned(), "b".into(), "c".into()], Some(json!("DE"))));
    assert!(ann.consents.is_empty(), "an import is no ground");
    let source = desk.read(|conn| provenance::of(conn, &ann.row.id)).unwrap();
    assert_eq!(source.file_name.as_deref(), Some("file.csv"));
    assert!(found(&desk, "ben@example.com").is_some());
    let (code, said, refused) = run(&desk, "contacts", "email\nann@example.com\n");
    assert!(code == 0 && refused.is_none() && said.contains("0 imported, 1 known already, 0 refused"), "{said}");
}

#[actix_web::test]
async fn a_file_that_is_broken_anywhere_imports_no_contact() {
    let desk = Desk::new().await;
    for (text, words) in [
        ("name\nAnn\n", "there is no column email"),
        ("email,email\na@example.com,b@example.com\n", "there are two columns email"),
        ("email,\na@example.com,x\n", "Line 1, column 2: this column has no name"),
        ("email,name\na@example.com,Ann\nb@example.com\n", "Line 3"),
        ("email,name\na@example.com,\"Ann\n", "never closed"),
    ] {
        let (code, said, _) = run(&desk, "contacts", text);
        assert!(code == 1 && said.contains(words) && said.contains("No row was imported"), "{words}: {code} {said}");
    }
    assert_eq!(count(&desk, "SELECT CAST(count(*) AS BIGINT) AS n FROM contacts"), 0);
    assert_eq!(run(&desk, "people", "email\n").0, 2, "usage");
}

#[actix_web::test]
async fn updates_are_imported_as_facts_and_bad_rows_are_reported() {
    let desk = Desk::new().await;
    let file = "title,shipped_on,summary,keywords\nBulk export,2026-04-30,All rows at once.,export; csv\nNo day,soon,It comes.,\n";
    let (code, said, refused) = run(&desk, "updates", file);
    assert!(code == 1 && said.contains("1 imported, 0 known already, 1 refused"), "{said}");
    let refused = refused.unwrap();
    assert!(refused.starts_with("line,problem,title,shipped_on,summary,keywords\n3,") && refused.contains("No day,soon"), "{refused}");
    let filter = facts::Filter { kind: Some(Kind::ProductUpdate), limit: 10, ..facts::Filter::default() };
    let all = desk.read(|conn| facts::list(conn, &OPERATOR, &filter)).0;
    assert_eq!(all.iter().map(|fact| fact.label.as_str()).collect::<Vec<_>>(), ["Bulk export, shipped 2026-04-30"]);
    let (code, said, _) = run(&desk, "updates", "title,shipped_on,summary,keywords\nBulk export,2026-04-30,All rows at once.,export; csv\n");
    assert!(code == 0 && said.contains("0 imported, 1 known already, 0 refused"), "{said}");
}

/// A file of churn with so many rows, of which each hundredth has no address that can be read.
fn many(rows: usize) -> String {
    let row = |n: usize| if n % 100 == 99 { format!("nobody {n},too_expensive\n") } else { format!("c{n}@example.com,too_expensive\n") };
    format!("customer_email,cancel_reason\n{}", (0..rows).map(row).collect::<String>())
}

/// Begins an import as the page does and cuts it off after the first rows were kept.
fn cut_off(desk: &Desk, file: &str) -> Import {
    cut_off_as(desk, &desk.person("Max"), Of::Churn, file)
}

fn cut_off_as(desk: &Desk, who: &Actor, of: Of, file: &str) -> Import {
    let parsed = imports::read(of, file.as_bytes().to_vec()).unwrap();
    let started = desk.write(|conn| imports::start(conn, who, "many.csv", &parsed, desk.now())).unwrap();
    let id = started.id.clone();
    let db = desk.state.db.clone();
    let cut = catch_unwind(AssertUnwindSafe(|| imports::run(&db, who, started, &parsed, clock::now, |_| panic!("the process ends here"))));
    assert!(cut.is_err());
    desk.read(|conn| imports::get(conn, &OPERATOR, &id))
}

fn left(desk: &Desk) -> i64 {
    count(desk, "SELECT (SELECT count(*) FROM import_files) + (SELECT count(*) FROM import_refused) AS n")
}

#[actix_web::test]
async fn an_import_that_was_cut_off_goes_on_where_it_was_and_keeps_its_file_no_longer() {
    let desk = Desk::new().await;
    let cut = cut_off(&desk, &many(450));
    assert_eq!((cut.state.as_str(), cut.done(), cut.refused_rows), ("running", 200, 2));
    let take_over = |seconds| desk.write(|conn| imports::take_over(conn, desk.now().plus_seconds(seconds))).unwrap();
    assert!(take_over(0).is_none(), "whoever ran it may still be at it");
    let (import, actor, parsed) = take_over(61).unwrap();
    assert!(take_over(61).is_none(), "one goes on with it, not two");
    assert_eq!(actor.name(), "Max");
    let done = imports::run(&desk.state.db, &actor, import, &parsed, clock::now, |_| {}).unwrap();
    assert_eq!((done.state.as_str(), done.imported_rows, done.duplicate_rows, done.refused_rows), ("finished", 446, 0, 4));
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM churn_events"), 446);
    let lines: Vec<&str> = done.refused_csv.lines().collect();
    assert_eq!((lines.len(), lines[0]), (5, "line,problem,customer_email,cancel_reason"), "{}", done.refused_csv);
    assert!(lines[1].starts_with("101,") && lines[4].starts_with("401,"), "{}", done.refused_csv);
    assert_eq!(left(&desk), 0);
    assert!(take_over(600).is_none());
}

#[actix_web::test]
async fn a_process_that_was_replaced_takes_no_further_row() {
    let desk = Desk::new().await;
    let file = many(650);
    let slow = cut_off(&desk, &file);
    let (import, actor, parsed) = desk.write(|conn| imports::take_over(conn, desk.now().plus_seconds(61))).unwrap().unwrap();
    // It stood still for over a minute and wakes up now, before and after the other one's first rows.
    let woken = |slow: &Import| imports::run(&desk.state.db, &actor, slow.clone(), &parsed, clock::now, |_| panic!("rows were taken twice")).unwrap();
    assert_eq!((woken(&slow).state.as_str(), woken(&slow).done()), ("running", 200));
    let ended = imports::run(&desk.state.db, &actor, import, &parsed, clock::now, |_| drop(woken(&slow))).unwrap();
    assert_eq!((ended.state.as_str(), ended.done(), ended.duplicate_rows), ("finished", 650, 0));
    assert_eq!(woken(&slow).state, "finished");
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM churn_events"), 644);
}

#[actix_web::test]
async fn the_same_command_goes_on_where_it_was_cut_off_and_so_does_the_worker() {
    let desk = Desk::new().await;
    let file: String = std::iter::once("email,name\n".to_owned()).chain((0..450).map(|n| format!("p{n}@example.com,P{n}\n"))).collect();
    let cut = cut_off_as(&desk, &Actor::OPERATOR, Of::Contacts, &file);
    assert_eq!(cut.done(), 200);
    let (code, said, _) = run(&desk, "contacts", &file);
    assert!(code == 0 && said.contains("cut off after 200 of 450 rows") && said.contains("450 imported, 0 known already, 0 refused"), "{said}");
    let again = cut_off_as(&desk, &Actor::OPERATOR, Of::Contacts, &file.replace("@example.com", "@example.org"));
    let (code, said, _) = run(&desk, "contacts", &file);
    assert!(code == 0 && said.contains("0 imported, 450 known already"), "another file is another import: {said}");
    let (import, actor, parsed) = desk.write(|conn| imports::take_over(conn, desk.now().plus_seconds(600))).unwrap().unwrap();
    assert_eq!((&import.id, actor.name()), (&again.id, Actor::OPERATOR.name()));
    let done = imports::run(&desk.state.db, &actor, import, &parsed, clock::now, |_| {}).unwrap();
    assert_eq!((done.state.as_str(), done.imported_rows, left(&desk)), ("finished", 450, 0));
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM contacts"), 900);
}

#[actix_web::test]
async fn an_import_is_cancelled_between_its_rows_and_says_how_far_it_came() {
    let desk = Desk::new().await;
    let cut = cut_off(&desk, &many(450));
    let (import, actor, parsed) = desk.write(|conn| imports::take_over(conn, desk.now().plus_seconds(61))).unwrap().unwrap();
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let page = format!("/imports/{}", cut.id);
    assert!(max.get(&page).await.body.contains("Cancel the import"));
    let cancelled = max.post(&page, &format!("{page}/cancellation"), &[]).await;
    assert_eq!(cancelled.status, 303, "{}", cancelled.body);
    let done = imports::run(&desk.state.db, &actor, import, &parsed, clock::now, |_| {}).unwrap();
    assert_eq!((done.state.as_str(), done.done(), count(&desk, "SELECT count(*) AS n FROM churn_events")), ("cancelled", 200, 198));
    let shown = max.get(&page).await.body;
    assert!(shown.contains("<h1>Cancelled</h1>") && shown.contains("200 of 450 rows") && !shown.contains("Cancel the import"), "{shown}");
    assert_eq!((left(&desk), done.refused_csv.lines().count()), (0, 3));
    assert_eq!(max.post(&page, &format!("{page}/cancellation"), &[]).await.status, 409);
}

#[actix_web::test]
async fn whoever_is_erased_while_an_import_waits_is_in_none_of_its_rows() {
    let desk = Desk::new().await;
    let file = format!("{}C7@Example.com,too_expensive\nc7@example.com and more,\n", many(250));
    let cut = cut_off(&desk, &file);
    let ada = desk.person("Ada");
    let contact = found(&desk, "c7@example.com").unwrap().row.id;
    desk.write(|conn| erase::erase(conn, &ada, &contact, desk.now())).unwrap();
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM import_files WHERE lower(content) LIKE '%c7@example.com%'"), 0);
    let (import, actor, parsed) = desk.write(|conn| imports::take_over(conn, desk.now().plus_seconds(61))).unwrap().unwrap();
    let done = imports::run(&desk.state.db, &actor, import, &parsed, clock::now, |_| {}).unwrap();
    assert_eq!((&done.id, done.done(), done.state.as_str()), (&cut.id, 252, "finished"));
    assert!(!done.refused_csv.to_lowercase().contains("c7@"), "{}", done.refused_csv);
    assert!(found(&desk, "c7@example.com").is_none());
}

#[actix_web::test]
async fn facts_that_were_cut_off_go_on_and_their_page_leads_back_to_them() {
    let desk = Desk::new().await;
    let file = format!("title,shipped_on,summary\n{}", (0..450).map(|n| format!("Update {n},2026-04-30,It is there.\n")).collect::<String>());
    let cut = cut_off_as(&desk, &desk.person("Max"), Of::Facts(Kind::ProductUpdate), &file);
    assert_eq!((cut.state.as_str(), cut.imported_rows, cut.total_rows), ("running", 200, 450));
    let (import, actor, parsed) = desk.write(|conn| imports::take_over(conn, desk.now().plus_seconds(600))).unwrap().unwrap();
    let done = imports::run(&desk.state.db, &actor, import, &parsed, clock::now, |_| {}).unwrap();
    assert_eq!((done.state.as_str(), done.imported_rows, done.duplicate_rows), ("finished", 450, 0));
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM facts WHERE kind = 'product_update'"), 450);
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let page = max.get(&format!("/imports/{}", cut.id)).await.body;
    assert!(page.contains("450 of 450 rows") && page.contains("href=\"/facts?kind=product_update\">See the facts"), "{page}");
}
