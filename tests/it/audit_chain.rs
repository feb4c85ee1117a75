//! The chain over the log: what was altered, dropped, put in or moved shows at its position.

use countersign::db::Conn;
use countersign::domain::audit::chain::{self, Walk};
use countersign::domain::contacts::erase;
use countersign::domain::messages::DecisionKind;
use diesel::RunQueryDsl;
use serde_json::json;

use crate::support::{Desk, OPERATOR, count, sql};

fn chained(desk: &Desk) -> Walk {
    while desk.write(chain::extend).unwrap() {}
    desk.read(chain::walk)
}

/// Whoever owns the database can take the triggers away.
fn disarm(desk: &Desk) {
    for (name, table) in [
        ("audit_log_refuse_update", "audit_log"),
        ("audit_log_refuse_delete", "audit_log"),
        ("audit_log_refuse_change", "audit_log"),
        ("audit_chain_refuse_update", "audit_chain"),
        ("audit_chain_refuse_delete", "audit_chain"),
        ("audit_chain_refuse_change", "audit_chain"),
    ] {
        desk.write(|conn| {
            match conn {
                Conn::Sqlite(inner) => diesel::sql_query(format!("DROP TRIGGER IF EXISTS {name}")).execute(inner)?,
                Conn::Postgres(inner) => diesel::sql_query(format!("DROP TRIGGER IF EXISTS {name} ON {table}")).execute(inner)?,
            };
            Ok(())
        })
        .unwrap();
    }
}

async fn busy() -> Desk {
    let desk = Desk::new().await;
    for n in 0..4 {
        let message = desk.pending(&format!("m{n}@example.com"), json!({})).await;
        desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    }
    desk.drain().await;
    let walk = chained(&desk);
    assert_eq!((walk.breaks, walk.open), (vec![], 0));
    assert_eq!(walk.chained, count(&desk, "SELECT CAST(count(*) AS BIGINT) AS n FROM audit_log"));
    disarm(&desk);
    desk
}

/// The number of the entry at this position.
fn seq(desk: &Desk, position: i64) -> i64 {
    count(desk, &format!("SELECT seq AS n FROM audit_chain WHERE position = {position}"))
}

fn found(desk: &Desk) -> Vec<(Option<i64>, String)> {
    desk.read(chain::walk).breaks.into_iter().map(|found| (found.position, found.problem)).collect()
}

#[actix_web::test]
async fn an_entry_that_was_altered_is_named_whatever_was_altered() {
    let desk = busy().await;
    let (third, fifth) = (seq(&desk, 3), seq(&desk, 5));
    for change in ["actor_name = 'Somebody'", "at = at + 1", "action = 'message.reject'", "target_id = 'x'", "mailbox_id = 'y'", "request_id = 'z'"] {
        let column = change.split(' ').next().unwrap();
        sql(&desk, &format!("CREATE TABLE kept AS SELECT {column} AS old FROM audit_log WHERE seq = {third}"));
        sql(&desk, &format!("UPDATE audit_log SET {change} WHERE seq = {third}"));
        assert_eq!(found(&desk), [(Some(3), "The entry at position 3 was altered, or moved from another place.".to_owned())], "{change}");
        sql(&desk, &format!("UPDATE audit_log SET {column} = (SELECT old FROM kept) WHERE seq = {third}"));
        sql(&desk, "DROP TABLE kept");
        assert_eq!(found(&desk), [], "{change} was put back");
    }
    sql(&desk, &format!("UPDATE audit_log SET detail = '{{\"erased\":true}}' WHERE seq = {fifth}"));
    assert_eq!(found(&desk), [(Some(5), "The detail of the entry at position 5 was altered.".to_owned())], "nobody was erased");
}

#[actix_web::test]
async fn an_entry_that_was_dropped_put_in_or_moved_is_named() {
    let desk = busy().await;
    let last = desk.read(chain::head).position;
    let (second, fourth, sixth) = (seq(&desk, 2), seq(&desk, 4), seq(&desk, 6));
    // Two change places.
    for (from, to) in [(second, -1), (fourth, second), (-1, fourth)] {
        sql(&desk, &format!("UPDATE audit_log SET seq = {to} WHERE seq = {from}"));
    }
    let moved = |position: i64| (Some(position), format!("The entry at position {position} was altered, or moved from another place."));
    assert_eq!(found(&desk), [moved(2), moved(4)]);
    for (from, to) in [(second, -1), (fourth, second), (-1, fourth)] {
        sql(&desk, &format!("UPDATE audit_log SET seq = {to} WHERE seq = {from}"));
    }
    assert_eq!(found(&desk), []);
    sql(&desk, &format!("DELETE FROM audit_log WHERE seq = {sixth}"));
    assert_eq!(found(&desk), [(Some(6), "The entry at position 6 was dropped.".to_owned())]);
    // With its place in the chain as well.
    sql(&desk, "DELETE FROM audit_chain WHERE position = 6");
    assert_eq!(found(&desk), [(Some(6), "Position 6 was dropped from the chain, so the entry at position 7 cannot be checked.".to_owned())]);
    // Written under an old number; on PostgreSQL such numbers may be late for a while.
    if matches!(desk.write(|conn| Ok(matches!(conn, Conn::Sqlite(_)))), Ok(true)) {
        let columns = "at, actor_kind, actor_id, actor_name, action, target_kind, target_id, mailbox_id, detail";
        sql(&desk, &format!("INSERT INTO audit_log (seq, {columns}) SELECT {sixth}, {columns} FROM audit_log WHERE seq = {second}"));
        assert!(
            found(&desk)
                .iter()
                .any(|(position, problem)| position.is_none() && *problem == format!("Entry {sixth} was put in later: the chain goes past it."))
        );
    }
    assert_eq!(desk.read(chain::head).position, last);
}

#[actix_web::test]
async fn entries_that_were_dropped_from_the_end_with_their_chain_are_missed() {
    let desk = busy().await;
    if !desk.state.db.is_a_file() {
        return;
    }
    let last = count(&desk, "SELECT max(seq) AS n FROM audit_log");
    for (drop, said) in
        [(1, format!("Entry {last}, the last one, was dropped.")), (2, format!("The last entries, {} to {last}, were dropped.", last - 1))]
    {
        let from = last - drop + 1;
        sql(&desk, &format!("DELETE FROM audit_chain WHERE seq >= {from}"));
        sql(&desk, &format!("DELETE FROM audit_log WHERE seq >= {from}"));
        assert_eq!(found(&desk), [(None, said)]);
    }
}

#[actix_web::test]
async fn a_chain_that_was_written_anew_does_not_hold_the_hash_that_was_noted() {
    let desk = busy().await;
    let noted = desk.read(chain::head);
    assert!(desk.read(|conn| chain::holds(conn, &noted.hash)));
    let third = seq(&desk, 3);
    sql(&desk, &format!("UPDATE audit_log SET actor_name = 'Somebody' WHERE seq = {third}"));
    sql(&desk, "DELETE FROM audit_chain");
    let walk = chained(&desk);
    assert_eq!((walk.breaks, walk.chained), (vec![], noted.position), "alone it looks whole");
    assert!(!desk.read(|conn| chain::holds(conn, &noted.hash)) && walk.head != noted.hash);
}

#[actix_web::test]
async fn an_erasure_breaks_no_chain() {
    let desk = Desk::new().await;
    let message = desk.pending("gone@example.com", json!({})).await;
    desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    assert_eq!(chained(&desk).breaks, []);
    desk.write(|conn| erase::erase(conn, &OPERATOR, &message.row.contact_id, desk.now()).map(drop)).unwrap();
    assert!(count(&desk, "SELECT CAST(count(*) AS BIGINT) AS n FROM audit_log WHERE detail = '{\"erased\":true}'") > 0);
    let walk = chained(&desk);
    assert_eq!((walk.breaks, walk.open), (vec![], 0));
}

#[actix_web::test]
async fn the_chain_itself_cannot_be_changed() {
    let desk = Desk::new().await;
    desk.pending("a@example.com", json!({})).await;
    chained(&desk);
    for change in ["UPDATE audit_chain SET hash = 'x'", "DELETE FROM audit_chain"] {
        let refused = desk.write(|conn| Ok(countersign::on_either!(conn, inner => diesel::sql_query(change).execute(inner))?));
        assert!(refused.is_err(), "{change}");
    }
}

#[actix_web::test]
async fn an_entry_that_somebody_else_appended_is_named_before_and_after_it_is_chained() {
    let mut desk = Desk::new().await;
    let key = countersign::db::seal::SealingKey::of("0123456789abcdef0123456789abcdef").unwrap();
    desk.pending("before@example.com", json!({})).await;
    desk.state.db = desk.state.db.clone().with_key(key);
    let message = desk.pending("a@example.com", json!({})).await;
    desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    let walk = chained(&desk);
    assert_eq!(walk.breaks, [], "entries from before marks bear none");
    let columns = "actor_kind, actor_id, actor_name, action, target_kind, target_id, mailbox_id, detail, mark";
    for mark in ["NULL", "mark"] {
        let values = columns.replace("detail, mark", &format!("detail, {mark}"));
        sql(
            &desk,
            &format!(
                "INSERT INTO audit_log (at, {columns}) SELECT at + 1, {values} FROM audit_log WHERE action = 'message.approve' ORDER BY seq LIMIT 1"
            ),
        );
    }
    let said = found(&desk);
    assert!(
        said.len() == 2 && said.iter().all(|(_, problem)| problem.contains(&format!("behind position {} of the chain", walk.chained))),
        "{said:?}"
    );
    let later = chained(&desk).breaks;
    let positions: Vec<Option<i64>> = later.iter().map(|found| found.position).collect();
    assert_eq!(positions, [Some(walk.chained + 1), Some(walk.chained + 2)], "{later:?}");
}
