//! What the database itself refuses, whatever the code does.

use countersign::domain::mailboxes::Mode;
use countersign::on_either;
use diesel::RunQueryDsl;
use serde_json::json;

use crate::support::Desk;

fn sql(desk: &Desk, text: &str) -> Result<usize, String> {
    desk.state
        .db
        .read(|conn| on_either!(conn, inner => diesel::sql_query(text).execute(inner)))
        .map_err(|error: diesel::result::Error| error.to_string())
}

#[actix_web::test]
async fn an_outbox_row_of_a_gated_mailbox_needs_an_approval_of_these_words() {
    let desk = Desk::new().await;
    let (_, answer) = desk.send(Mode::GatedSend, "a@example.com", json!({})).await;
    let id = answer["id"].as_str().unwrap();
    let insert = format!(
        "INSERT INTO outbox (message_id, warrant_id, mailbox_id, state, not_before, attempts, updated_at) \
         SELECT id, 'w1', mailbox_id, 'queued', 0, 0, 0 FROM messages WHERE id = '{id}'"
    );
    let refused = sql(&desk, &insert).unwrap_err();
    assert!(refused.contains("outbox row without a valid warrant"), "{refused}");
    // A warrant that claims the mode cleared it does not help either.
    sql(
        &desk,
        &format!(
            "INSERT INTO warrants (id, message_id, version, content_hash, decision_id, cleared_by, policy_version, issued_at, expires_at) \
             SELECT 'w1', id, version, content_hash, NULL, 'autonomous', 1, 0, 9223372036854775807 FROM messages WHERE id = '{id}'"
        ),
    )
    .unwrap();
    let refused = sql(&desk, &insert).unwrap_err();
    assert!(refused.contains("outbox row without a valid warrant"), "{refused}");
    // Nor does an approval of other words.
    sql(
        &desk,
        &format!(
            "INSERT INTO decisions (id, message_id, version, content_hash, kind, actor_kind, actor_id, actor_name, created_at) \
             SELECT 'd1', id, version, 'other', 'approve', 'user', 'u', 'U', 0 FROM messages WHERE id = '{id}'"
        ),
    )
    .unwrap();
    assert!(sql(&desk, &insert).is_err());
}

#[actix_web::test]
async fn no_outbox_row_while_a_claim_is_open_and_no_change_of_what_was_recorded() {
    let desk = Desk::new().await;
    let (_, sent) = desk.send(Mode::Autonomous, "a@example.com", json!({"consent_basis": "consent"})).await;
    let id = sent["id"].as_str().unwrap();
    // As if a claim were found after clearing: the row that exists keeps its warrant, and none replaces it.
    sql(&desk, &format!("UPDATE messages SET claims_open = 1 WHERE id = '{id}'")).unwrap();
    let refused = sql(&desk, &format!("UPDATE outbox SET warrant_id = warrant_id WHERE message_id = '{id}'")).unwrap_err();
    assert!(refused.contains("outbox row with an open claim"), "{refused}");
    let columns = "message_id, warrant_id, mailbox_id, state, not_before, attempts, updated_at";
    let copy = format!(
        "INSERT INTO outbox ({columns}) SELECT message_id, warrant_id, mailbox_id, state, not_before, attempts, updated_at FROM outbox WHERE message_id = '{id}'"
    );
    let refused = sql(&desk, &copy).unwrap_err();
    assert!(refused.contains("outbox row with an open claim"), "{refused}");

    let (_, held) = desk.send(Mode::GatedSend, "b@example.com", json!({"text_body": "It is free."})).await;
    let (_, pending) = desk.call(&desk.oversight, "GET", "/v1/oversight/pending", json!(null)).await;
    let key = pending["messages"][0]["claims"][0]["key"].as_str().unwrap();
    let path = format!("/v1/emails/{}/claims/{key}/waiver", held["id"].as_str().unwrap());
    assert_eq!(desk.call(&desk.oversight, "POST", &path, json!({"reason": "agreed"})).await.0, 200);
    sql(
        &desk,
        &format!("INSERT INTO promises (message_id, position, contact_id, words, sentence, made_at) SELECT id, 0, contact_id, 'free', 'free', 0 FROM messages WHERE id = '{id}'"),
    )
    .unwrap();
    for (table, column) in [("fact_versions", "label"), ("claim_waivers", "reason"), ("promises", "words")] {
        for change in [format!("UPDATE {table} SET {column} = {column}"), format!("DELETE FROM {table}")] {
            let refused = sql(&desk, &change).unwrap_err();
            assert!(refused.contains("cannot be changed"), "{change}: {refused}");
        }
    }
}

#[actix_web::test]
async fn decisions_warrants_versions_and_the_audit_log_cannot_be_changed() {
    let desk = Desk::new().await;
    let (_, answer) = desk.send(Mode::Autonomous, "a@example.com", json!({"consent_basis": "consent"})).await;
    assert_eq!(answer["status"], "queued");
    let (_, held) = desk.send(Mode::GatedSend, "b@example.com", json!({})).await;
    let hash = {
        let (_, list) = desk.call(&desk.oversight, "GET", "/v1/oversight/pending", json!(null)).await;
        list["messages"][0]["content_hash"].as_str().unwrap().to_owned()
    };
    let body = json!({"message_id": held["id"], "decision": "approve", "content_hash": hash});
    desk.call(&desk.oversight, "POST", "/v1/oversight/decide", body).await;
    for (table, column) in [("decisions", "actor_name"), ("warrants", "cleared_by"), ("message_versions", "subject"), ("audit_log", "action")] {
        let refused = sql(&desk, &format!("UPDATE {table} SET {column} = {column}")).unwrap_err();
        assert!(refused.contains("cannot be changed") || refused.contains("append-only"), "{table}: {refused}");
        let refused = sql(&desk, &format!("DELETE FROM {table}")).unwrap_err();
        assert!(refused.contains("cannot be changed") || refused.contains("append-only"), "{table}: {refused}");
    }
}

#[test]
fn a_full_disk_and_a_locked_database_are_told_apart_from_faults() {
    use countersign::db::{self, Db};
    use countersign::domain::error::{Error, Kind};
    use countersign::domain::settings;
    use diesel::connection::SimpleConnection;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("small.db").display());
    let db = Db::open(&url, 1).unwrap();
    db::migrate::run(&db).unwrap();
    let pragma = |text: &str| db.write(|conn| conn.batch_execute(text).map_err(Error::from)).unwrap();
    pragma("PRAGMA max_page_count = 1; PRAGMA busy_timeout = 50");
    let big = "x".repeat(1024 * 1024);
    let refused = db.write(|conn| settings::set(conn, "big", &big)).unwrap_err();
    assert_eq!((refused.kind, refused.code), (Kind::StorageFull, "storage_full"));
    assert_eq!(db.read(|conn| settings::get(conn, "big")).unwrap(), None, "nothing half done");
    let other = Db::open(&url, 1).unwrap();
    let refused = other.write(|_| db.write(|conn| settings::set(conn, "small", "x"))).unwrap_err();
    assert_eq!((refused.kind, refused.code), (Kind::Busy, "database_busy"));
    db.write(|conn| settings::set(conn, "small", "x")).unwrap();
}
