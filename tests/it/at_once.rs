//! Two who change one thing at the same time: neither undoes what the other did.

use std::sync::mpsc;
use std::time::Duration;

use countersign::clock;
use countersign::db::{Conn, transaction};
use countersign::domain::campaigns::{self, Kind, NewCampaign};
use countersign::domain::contacts::{self, ContactInput, erase};
use countersign::domain::error::Result;
use countersign::domain::facts::{self, Body, ProductUpdate};

use crate::support::{Desk, OPERATOR, texts};

/// Has `second` begin while `first` is done and not committed, which it waits for.
fn at_once(desk: &Desk, first: impl FnOnce(&mut Conn) -> Result<()>, second: impl FnOnce(&mut Conn) -> Result<()> + Send) -> Result<()> {
    let db = desk.state.db.clone();
    std::thread::scope(|scope| {
        let (done, ended) = mpsc::channel();
        let waits = desk.write(|conn| {
            transaction(conn, |conn| {
                first(conn)?;
                scope.spawn(move || done.send(db.write(second)));
                Ok(ended.recv_timeout(Duration::from_millis(300)).is_err())
            })
        });
        assert!(waits.unwrap(), "the second did not wait for the first");
        ended.recv().unwrap()
    })
}

#[actix_web::test]
async fn a_change_of_a_campaign_does_not_undo_a_stop() {
    let desk = Desk::new().await;
    let new = NewCampaign { name: "spring".into(), kind: Kind::Announcement, goal: None, segment_id: None, mailbox: None, topic: None };
    let id = desk.write(|conn| campaigns::create(conn, &OPERATOR, &new, desk.now())).unwrap().id;
    let change = campaigns::Change { goal: Some("More people".into()), ..campaigns::Change::default() };
    at_once(
        &desk,
        |conn| campaigns::stop(conn, &OPERATOR, &id, desk.now()).map(drop),
        |conn| campaigns::change(conn, &OPERATOR, &id, &change, clock::now()).map(drop),
    )
    .unwrap();
    let row = desk.read(|conn| campaigns::overview::overview(conn, &OPERATOR, &id, desk.now())).campaign;
    assert!(row.stopped_at.is_some());
    assert_eq!(row.goal.as_deref(), Some("More people"));
}

#[actix_web::test]
async fn two_changes_of_a_fact_are_two_versions() {
    let desk = Desk::new().await;
    let update = |title: &str| {
        Body::ProductUpdate(ProductUpdate {
            title: title.into(),
            summary: "Exports are here.".into(),
            features: vec!["exports".into()],
            shipped_on: desk.now().date(),
            ..ProductUpdate::default()
        })
    };
    let id = desk.write(|conn| facts::add(conn, &OPERATOR, update("Exports"), None, desk.now())).unwrap().id;
    let (one, other) = (update("Exports for all"), update("Exports for everybody"));
    at_once(
        &desk,
        |conn| facts::change(conn, &OPERATOR, &id, one, None, desk.now()).map(drop),
        |conn| facts::change(conn, &OPERATOR, &id, other, None, clock::now()).map(drop),
    )
    .unwrap();
    let fact = desk.read(|conn| facts::get(conn, &OPERATOR, &id));
    assert_eq!(fact.version, 3);
    assert!(fact.label.starts_with("Exports for everybody"), "{}", fact.label);
}

#[actix_web::test]
async fn what_an_agent_knows_of_somebody_does_not_outlive_their_erasure() {
    let desk = Desk::new().await;
    let known = |name: &str| ContactInput { email: "ana@example.com".into(), name: Some(name.into()), ..ContactInput::default() };
    let (before, later) = (known("Ana"), known("Ana Smith"));
    let id = desk.write(|conn| contacts::upsert(conn, &OPERATOR, &before, desk.now())).unwrap().row.id;
    let refused = at_once(
        &desk,
        |conn| erase::erase(conn, &OPERATOR, &id, desk.now()).map(drop),
        |conn| contacts::upsert(conn, &OPERATOR, &later, clock::now()).map(drop),
    );
    assert!(refused.is_err());
    assert_eq!(texts(&desk, "SELECT coalesce(name, '') || metadata AS body FROM contacts"), ["{}"]);
}

#[actix_web::test]
async fn what_two_agents_note_of_somebody_is_all_there() {
    let desk = Desk::new().await;
    let noted = |name: &str| ContactInput {
        email: "ana@example.com".into(),
        metadata: serde_json::Map::from_iter([(name.to_owned(), true.into())]),
        ..ContactInput::default()
    };
    desk.write(|conn| contacts::upsert(conn, &OPERATOR, &noted("met"), desk.now())).unwrap();
    let (one, other) = (noted("called"), noted("written"));
    at_once(
        &desk,
        |conn| contacts::upsert(conn, &OPERATOR, &one, desk.now()).map(drop),
        |conn| contacts::upsert(conn, &OPERATOR, &other, clock::now()).map(drop),
    )
    .unwrap();
    assert_eq!(texts(&desk, "SELECT metadata AS body FROM contacts"), [r#"{"met":true,"called":true,"written":true}"#]);
}
