//! `countersign import` of contacts and updates, with the binary as it runs.

use countersign::domain::contacts::{self, Search};
use countersign::domain::facts::{self, Kind};
use countersign::domain::privacy::provenance;
use serde_json::json;

use crate::backups::countersign;
use crate::support::{Desk, OPERATOR, count};

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
    assert!(code == 1 && said.contains("1 imported, 0 changed, 0 known already, 1 refused"), "{said}");
    let refused = refused.unwrap();
    assert!(refused.starts_with("line,problem,title,shipped_on,summary,keywords\n3,") && refused.contains("No day,soon"), "{refused}");
    let filter = facts::Filter { kind: Some(Kind::ProductUpdate), limit: 10, ..facts::Filter::default() };
    let all = desk.read(|conn| facts::list(conn, &OPERATOR, &filter)).0;
    assert_eq!(all.iter().map(|fact| fact.label.as_str()).collect::<Vec<_>>(), ["Bulk export, shipped 2026-04-30"]);
    let (code, said, _) = run(&desk, "updates", "title,shipped_on,summary,keywords\nBulk export,2026-04-30,All rows at once.,export; csv\n");
    assert!(code == 0 && said.contains("0 imported, 0 changed, 1 known already"), "{said}");
}
