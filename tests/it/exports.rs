//! Tables as CSV.

use actix_web::http::header;
use actix_web::test;
use countersign::domain::actor::Scope;
use countersign::domain::contacts::{self, ContactInput};
use countersign::domain::keys::{self, NewKey};
use countersign::domain::mailboxes::Mode;
use serde_json::json;

use crate::support::{Desk, OPERATOR};

/// Status, media type and the rows of an export, the names of the columns first.
async fn export(desk: &Desk, key: &str, path: &str) -> (u16, String, Vec<Vec<String>>) {
    let request = test::TestRequest::get().uri(path).insert_header((header::AUTHORIZATION, format!("Bearer {key}"))).to_request();
    let response = test::call_service(&desk.app().await, request).await;
    let status = response.status().as_u16();
    let media = response.headers().get(header::CONTENT_TYPE).unwrap().to_str().unwrap().to_owned();
    let body = test::read_body(response).await;
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(&body[..]);
    let rows = if status == 200 { reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect() } else { vec![] };
    (status, media, rows)
}

#[actix_web::test]
async fn an_export_of_many_pages_is_whole() {
    let desk = Desk::new().await;
    desk.write(|conn| {
        for n in 0..1203 {
            let input = ContactInput { email: format!("c{n}@example.com"), name: Some("Ann, \"the\" customer".into()), ..ContactInput::default() };
            contacts::upsert(conn, &OPERATOR, &input, desk.now())?;
        }
        Ok(())
    })
    .unwrap();
    let (status, media, rows) = export(&desk, &desk.agent, "/v1/exports/contacts.csv").await;
    assert_eq!((status, media.as_str(), rows.len()), (200, "text/csv; charset=utf-8", 1204));
    assert_eq!((rows[0][1].as_str(), rows[5][2].as_str()), ("email", "Ann, \"the\" customer"));
    let mut all: Vec<&str> = rows[1..].iter().map(|row| row[1].as_str()).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 1203, "each once");
}

#[actix_web::test]
async fn what_a_spreadsheet_would_run_gets_an_apostrophe_unless_a_program_asks() {
    let desk = Desk::new().await;
    let event = json!({"customer_email": "a@example.com", "customer_name": "=HYPERLINK(\"https://evil.example\")", "cancel_reason_text": "＝1+1",
        "plan_name": "-12.50", "provider": "other"});
    assert_eq!(desk.call(&desk.agent, "POST", "/api/v1/churn-events", event).await.0, 201);
    let (_, _, rows) = export(&desk, &desk.agent, "/v1/exports/churn-events.csv").await;
    assert_eq!((rows[1][2].as_str(), rows[1][11].as_str()), ("'=HYPERLINK(\"https://evil.example\")", "'＝1+1"));
    assert_eq!(rows[1][5], "-12.50", "a number stays one");
    let (_, _, raw) = export(&desk, &desk.agent, "/v1/exports/churn-events.csv?raw=1").await;
    assert_eq!((raw[1][2].as_str(), raw[1][11].as_str()), ("=HYPERLINK(\"https://evil.example\")", "＝1+1"));
    assert_eq!(export(&desk, &desk.agent, "/v1/exports/churn-events.csv?raw=yes").await.0, 422);
}

#[actix_web::test]
async fn messages_are_exported_to_whoever_watches_and_within_reach() {
    let desk = Desk::new().await;
    let held = desk.pending("a@example.com", json!({})).await;
    desk.send(Mode::Monitored, "b@example.com", json!({})).await;
    assert_eq!(export(&desk, &desk.agent, "/v1/exports/messages.csv").await.0, 403);
    let (_, _, rows) = export(&desk, &desk.oversight, "/v1/exports/messages.csv").await;
    assert_eq!((rows.len(), rows[1][0].as_str(), rows[1][5].as_str()), (3, held.row.id.as_str(), "pending"));
    let narrow = NewKey { mailboxes: vec![desk.mailbox(Mode::Monitored).id], ..NewKey::named("n", &[Scope::OversightRead]) };
    let narrow = desk.write(|conn| keys::add(conn, &OPERATOR, &narrow, desk.now())).unwrap().1;
    let (_, _, mine) = export(&desk, &narrow, "/v1/exports/messages.csv").await;
    assert_eq!((mine.len(), mine[1][3].as_str()), (2, "b@example.com"));
    desk.call(&desk.agent, "POST", "/v1/suppression", json!({"email": "gone@example.com"})).await;
    let (_, _, suppressed) = export(&desk, &desk.agent, "/v1/exports/suppression.csv").await;
    assert_eq!((suppressed.len(), suppressed[1][0].as_str(), suppressed[1][1].as_str()), (2, "gone@example.com", "by_hand"));
}
