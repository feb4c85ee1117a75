//! What keeps the API fast however much there is: how contacts are found, how many statements a call takes, and by which path.

use std::slice;
use std::sync::{Arc, Mutex};

use countersign::db::Conn;
use countersign::domain::actor::{Actor, Scope};
use countersign::domain::contacts::conditions::Conditions;
use countersign::domain::contacts::{self, Search};
use countersign::domain::ids::{ContactId, MessageId};
use countersign::domain::imports::{self, Of};
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::content::Words;
use countersign::domain::messages::list::{Filter, Sort, list};
use countersign::domain::messages::submit::{NewMessage, submit};
use countersign::domain::messages::{self, Origin, State, ledger};
use countersign::domain::reason::Reason;
use countersign::domain::segments::{self, Input};
use countersign::on_either;
use diesel::connection::{Connection, InstrumentationEvent};
use diesel::prelude::*;
use serde_json::{Value, json};

use crate::support::{Desk, OPERATOR, address, sql};

/// Every statement of `work`.
fn statements(desk: &Desk, work: impl FnOnce(&mut Conn)) -> Vec<String> {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&seen);
    desk.write(|conn| {
        let note = move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::StartQuery { query, .. } = event {
                log.lock().unwrap().push(query.to_string());
            }
        };
        on_either!(&mut *conn, inner => inner.set_instrumentation(note));
        work(conn);
        on_either!(&mut *conn, inner => inner.set_instrumentation(|_: InstrumentationEvent<'_>| {}));
        Ok(())
    })
    .unwrap();
    let seen = seen.lock().unwrap();
    seen.iter().filter(|text| !text.contains("SAVEPOINT")).cloned().collect()
}

/// How SQLite walks for each of these.
fn plans(desk: &Desk, statements: &[String]) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Step {
        #[diesel(sql_type = diesel::sql_types::Text)]
        detail: String,
    }
    desk.read(|conn| {
        let Conn::Sqlite(inner) = conn else { return Ok(vec![]) };
        let explain = |text: &String| {
            let bare = text.split(" -- binds").next().unwrap();
            let steps = diesel::sql_query(format!("EXPLAIN QUERY PLAN {bare}")).load::<Step>(inner).unwrap();
            format!("{bare}: {}", steps.into_iter().map(|step| step.detail).collect::<Vec<_>>().join("; "))
        };
        Ok(statements.iter().map(explain).collect())
    })
}

async fn add(desk: &Desk, email: &str, name: &str, tags: &[&str]) -> String {
    let (status, contact) = desk.call(&desk.agent, "POST", "/v1/contacts", json!({"email": email, "name": name, "tags": tags})).await;
    assert_eq!(status, 200, "{contact}");
    contact["id"].as_str().unwrap().to_owned()
}

/// The addresses found, and the cursor.
async fn found(desk: &Desk, query: &str) -> (Vec<String>, Option<String>) {
    let (status, answer) = desk.call(&desk.agent, "GET", &format!("/v1/contacts/search?{query}"), Value::Null).await;
    assert_eq!(status, 200, "{answer}");
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let all = answer["contacts"].as_array().unwrap().iter().filter_map(|contact| text(&contact["email"])).collect();
    (all, text(&answer["next_cursor"]))
}

#[actix_web::test]
async fn contacts_are_found_by_the_beginnings_of_words_in_name_address_and_tags() {
    let desk = Desk::new().await;
    let ana = add(&desk, "Ana.Fischer@shop1.example", "Ana Jörg-Fischer", &["vip", "drip_step_1"]).await;
    add(&desk, "ben@shop2.example", "Ben O'Neill 3rd2x", &["it's \\ \"odd\" = *"]).await;
    add(&desk, "carla@shop12.example", "Ana Carla", &[]).await;
    let (ana_at, ben, carla) = ("Ana.Fischer@shop1.example", "ben@shop2.example", "carla@shop12.example");
    for (query, wanted) in [
        ("query=fisch", vec![ana_at]),
        ("query=ana", vec![carla, ana_at]),
        ("query=ANA+SHOP1", vec![carla, ana_at]),
        ("query=ana+fischer@shop1", vec![ana_at]),
        ("query=j%C3%B6", vec![ana_at]),
        ("query=vip", vec![ana_at]),
        ("query=drip+step", vec![ana_at]),
        ("query=odd", vec![ben]),
        ("query=o'neill", vec![ben]),
        // Letters before digits are found by either, digits before letters from their beginning alone.
        ("query=shop1", vec![carla, ana_at]),
        ("query=shop12", vec![carla]),
        ("query=2", vec![]),
        ("query=3r+shop2", vec![ben]),
        ("query=3rd2x", vec![ben]),
        ("query=rd2", vec![]),
        ("query=%23shop1", vec![carla, ana_at]),
        ("query=ischer", vec![]),
        ("query=%22%20*%20-", vec![]),
        ("query=%3D", vec![]),
        ("query=%3D766970", vec![]),
        ("query=ana+ben", vec![]),
        ("query=", vec![carla, ben, ana_at]),
        ("tags=vip", vec![ana_at]),
        ("tags=VIP", vec![]),
        ("tags=vi", vec![]),
        ("tags=-vip", vec![carla, ben]),
        ("tags=vip,drip_step_1", vec![ana_at]),
        ("tags=vip,-drip_step_1", vec![]),
        ("tags=-vip,-drip_step_1", vec![carla, ben]),
        ("tags=it%27s%20%5C%20%22odd%22%20%3D%20*", vec![ben]),
        ("tags=-it%27s%20%5C%20%22odd%22%20%3D%20*&query=shop", vec![carla, ana_at]),
        ("query=ana&tags=-vip", vec![carla]),
        ("email=ana.fischer@shop1.example&tags=vip&query=ana", vec![ana_at]),
        ("email=ana.fischer@shop1.example&tags=-vip", vec![]),
        ("email=ana.fischer@shop1.example&query=carla", vec![]),
    ] {
        assert_eq!(found(&desk, query).await.0, wanted, "{query}");
    }
    // What changes is found as it is now.
    let path = format!("/v1/contacts/{ana}/tags/vip");
    assert_eq!(desk.call(&desk.agent, "DELETE", &path, Value::Null).await.0, 200);
    add(&desk, "ana.fischer@shop1.example", "Anabel Weber", &[]).await;
    for (query, wanted) in [
        ("query=vip", vec![]),
        ("tags=vip", vec![]),
        ("query=anabel", vec![ana_at]),
        ("query=j%C3%B6rg", vec![]),
        ("tags=-vip", vec![carla, ben, ana_at]),
    ] {
        assert_eq!(found(&desk, query).await.0, wanted, "{query}");
    }
}

#[actix_web::test]
async fn the_index_of_contacts_holds_what_is_in_their_rows_and_nobody_who_was_erased() {
    let desk = Desk::new().await;
    let ana = add(&desk, "ana@shop1.example", "Ana Fischer", &["vip", "odd"]).await;
    let ben = add(&desk, "ben@shop2.example", "Ben Weber", &["vip"]).await;
    for tag in ["late", "=", "=766970"] {
        assert_eq!(desk.call(&desk.agent, "POST", &format!("/v1/contacts/{ana}/tags"), json!({"tags": [tag]})).await.0, 200);
    }
    assert_eq!(desk.call(&desk.agent, "DELETE", &format!("/v1/contacts/{ana}/tags/odd"), Value::Null).await.0, 200);
    add(&desk, "ana@shop1.example", "Ana Fischer-Haas", &["vip"]).await;
    let fits = || {
        desk.write(|conn| {
            if let Conn::Sqlite(inner) = conn {
                diesel::sql_query("INSERT INTO contact_index (contact_index, rank) VALUES ('integrity-check', 1)").execute(inner)?;
            }
            Ok(())
        })
        .unwrap();
    };
    fits();
    desk.write(|conn| contacts::erase::erase(conn, &OPERATOR, &ContactId::from(ben.as_str()), desk.now()).map(drop)).unwrap();
    fits();
    let ana_at = vec!["ana@shop1.example"];
    // A word that two tags share stays while one of them does.
    assert_eq!(desk.call(&desk.agent, "POST", &format!("/v1/contacts/{ana}/tags"), json!({"tags": ["very late"]})).await.0, 200);
    assert_eq!(desk.call(&desk.agent, "DELETE", &format!("/v1/contacts/{ana}/tags/very%20late"), Value::Null).await.0, 200);
    fits();
    for (query, wanted) in [
        ("query=late", ana_at.clone()),
        ("query=very", vec![]),
        ("query=ben", vec![]),
        ("query=erased", vec![]),
        ("tags=vip", ana_at.clone()),
        ("tags=-odd", ana_at.clone()),
        ("", ana_at.clone()),
    ] {
        assert_eq!(found(&desk, query).await.0, wanted, "{query}");
    }
    assert_eq!(found(&desk, "email=ben@shop2.example").await.0, Vec::<String>::new());
}

#[actix_web::test]
async fn pages_of_contacts_follow_each_other_without_gap_or_repetition() {
    let desk = Desk::new().await;
    let mut wanted = vec![];
    for n in 0..23 {
        let email = format!("n{n}@shop.example");
        add(&desk, &email, "Ana Weber", if n % 4 == 0 { &["odd", "vip"] } else { &["odd"] }).await;
        wanted.push(email);
    }
    wanted.reverse();
    let others: Vec<String> =
        wanted.iter().filter(|email| email[1..].split('@').next().unwrap().parse::<usize>().unwrap() % 4 != 0).cloned().collect();
    for (query, all) in [
        ("limit=5", &wanted),
        ("limit=5&query=ana", &wanted),
        ("limit=5&tags=odd", &wanted),
        ("limit=5&tags=-vip&query=web", &others),
        ("limit=5&tags=odd,-vip", &others),
    ] {
        let (mut seen, mut cursor) = (vec![], None::<String>);
        loop {
            let from = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let (page, next) = found(&desk, &format!("{query}{from}")).await;
            assert!(page.len() <= 5);
            seen.extend(page);
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(&seen, all, "{query}");
    }
    // A cursor that names nobody stands where its id would.
    assert!(found(&desk, "tags=odd&cursor=00000000-0000-7000-8000-000000000000").await.0.is_empty());
    assert_eq!(found(&desk, "tags=odd&limit=100&cursor=ffffffff-ffff-7fff-bfff-ffffffffffff").await.0, wanted);
}

#[actix_web::test]
async fn postgresql_starts_no_helpers_for_what_is_read_in_milliseconds() {
    let desk = Desk::new().await;
    let found = desk.read(|conn| match conn {
        Conn::Sqlite(_) => Ok(0),
        Conn::Postgres(inner) => {
            let on = "name = 'max_parallel_workers_per_gather' AND setting <> '0' OR name = 'jit' AND setting <> 'off'";
            Ok(diesel::dsl::sql::<diesel::sql_types::BigInt>(&format!("SELECT count(*) FROM pg_settings WHERE {on}")).get_result::<i64>(inner)?)
        }
    });
    assert_eq!(found, 0);
}

/// Twelve hundred with a tag, of whom only the eldest and one in the middle lack the other.
#[actix_web::test]
async fn whoever_lacks_a_tag_is_found_behind_a_thousand_who_have_it() {
    let desk = Desk::new().await;
    let tags = |n: usize| if n < 3 || n == 900 { "api-v1" } else { "api-v1;started" };
    let file: String = std::iter::once("email,tags\n".to_owned()).chain((0..1200).map(|n| format!("n{n}@shop.example,{}\n", tags(n)))).collect();
    let parsed = imports::read(Of::Contacts, file.into_bytes()).unwrap();
    let started = desk.write(|conn| imports::start(conn, &OPERATOR, "many.csv", &parsed, desk.now())).unwrap();
    imports::run(&desk.state.db, &OPERATOR, started, &parsed, || desk.now(), |_| {}).unwrap();
    let at = |numbers: &[usize]| numbers.iter().map(|n| format!("n{n}@shop.example")).collect::<Vec<_>>();
    assert_eq!(found(&desk, "tags=api-v1,-started&limit=10").await.0, at(&[900, 2, 1, 0]));
    let (first, next) = found(&desk, "tags=api-v1,-started&limit=1").await;
    assert_eq!((first, next.is_some()), (at(&[900]), true));
    let rest = found(&desk, &format!("tags=api-v1,-started&limit=2&cursor={}", next.unwrap())).await;
    assert_eq!((rest.0, rest.1.is_some()), (at(&[2, 1]), true));
    let (mut pages, mut before) = (vec![], None);
    loop {
        let search = Search { tags: vec!["api-v1".into()], without_tags: vec!["started".into()], limit: 10, before, ..Search::default() };
        let found = desk.read(|conn| contacts::look(conn, &OPERATOR, &search, Some(500)));
        assert_eq!(found.cursor.is_some(), found.is_cut_short);
        pages.push(found.contacts.into_iter().map(|found| found.row.email).collect::<Vec<_>>());
        let Some(next) = found.cursor else { break };
        before = Some(next.as_str().into());
    }
    assert_eq!(pages.concat(), at(&[900, 2, 1, 0]));
    if desk.read(|conn| Ok(matches!(conn, Conn::Postgres(_)))) {
        assert_eq!(pages, [at(&[900]), vec![], at(&[2, 1, 0])]);
    }
}

#[actix_web::test]
async fn contacts_are_found_along_an_index_and_nothing_is_sorted() {
    let desk = Desk::new().await;
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let (by_words, tags) = (words("ana web"), words("vip"));
    let before = Some(ContactId::new());
    let searches = [
        Search::default(),
        Search { before: before.clone(), ..Search::default() },
        Search { words: by_words.clone(), ..Search::default() },
        Search { words: by_words.clone(), tags: tags.clone(), without_tags: words("a b"), before: before.clone(), ..Search::default() },
        Search { tags: tags.clone(), ..Search::default() },
        Search { without_tags: tags.clone(), before: before.clone(), ..Search::default() },
        Search { customers_only: true, before, ..Search::default() },
        Search { customers_only: true, words: by_words.clone(), ..Search::default() },
        Search { email_key: Some("a@example.com".into()), words: by_words, tags, ..Search::default() },
    ];
    for search in searches {
        let seen = statements(&desk, |conn| drop(contacts::search(conn, &OPERATOR, &Search { limit: 20, ..search.clone() }).unwrap()));
        for plan in plans(&desk, &seen) {
            let walked = plan.contains("SCAN contact_index VIRTUAL TABLE")
                || plan.contains("SCAN c USING INDEX sqlite_autoindex_contacts_1")
                || plan.contains("SCAN k USING COVERING INDEX");
            let steps = plan.split(": ").last().unwrap();
            assert!(!steps.contains("TEMP B-TREE FOR ORDER BY") || plan.contains("consents"), "{search:?}\n{plan}");
            assert!(walked || !steps.contains("SCAN"), "{search:?}\n{plan}");
        }
    }
}

#[actix_web::test]
async fn a_segment_of_a_plan_or_a_reason_walks_along_an_index_of_it() {
    let desk = Desk::new().await;
    let now = desk.now();
    let asked = |conditions: Conditions| Search { conditions: vec![(conditions, now)], limit: 20, ..Search::default() };
    let before = Some(ContactId::new());
    let plan = Conditions { plan: Some("Pro".into()), ..Conditions::default() };
    let reason = Conditions { reason: Some(Reason::TooExpensive), ..Conditions::default() };
    let both = Conditions { plan: Some("Pro".into()), mrr_from: Some(1), ..reason.clone() };
    for (conditions, index) in [
        (plan, "SEARCH c USING COVERING INDEX customers_by_plan (<expr>=?"),
        (reason.clone(), "SEARCH e USING COVERING INDEX churn_events_of_reason (reason=?"),
        (both, "SEARCH e USING COVERING INDEX churn_events_of_reason (reason=?"),
    ] {
        for search in [asked(conditions.clone()), Search { before: before.clone(), ..asked(conditions) }] {
            let seen = statements(&desk, |conn| drop(contacts::search(conn, &OPERATOR, &search).unwrap()));
            let plans = plans(&desk, &seen);
            if let Some(first) = plans.first() {
                let steps = first.split(": ").last().unwrap();
                assert!(steps.contains(index) && !steps.contains("SCAN") && !steps.contains("TEMP B-TREE"), "{search:?}\n{first}");
            }
        }
    }
}

#[actix_web::test]
async fn a_segment_of_revenue_inactivity_or_days_is_looked_up_in_its_range() {
    let desk = Desk::new().await;
    let (now, none) = (desk.now(), Conditions::default);
    // Each tenth pays ten times as much, and was last active and left ten times as long ago.
    for number in 0..40 {
        add(&desk, &format!("r{number}@example.com"), "Ana", &[]).await;
    }
    let (old, young) = (now.plus_days(-100).micros(), now.plus_days(-10).micros());
    let each = format!("CASE WHEN email LIKE 'r%0@%' THEN {old} ELSE {young} END");
    sql(
        &desk,
        &format!(
            "INSERT INTO customers (contact_id, mrr_minor, currency, last_active_at, updated_at) \
             SELECT id, CASE WHEN email LIKE 'r%0@%' THEN 9000 ELSE 900 END, 'EUR', {each}, 1 FROM contacts WHERE email LIKE 'r%'"
        ),
    );
    for again in ["", "-again"] {
        sql(
            &desk,
            &format!(
                "INSERT INTO churn_events (id, contact_id, provider, currency, event_type, status, reason, reason_confidence, source, churned_at, \
                 created_at, updated_at) SELECT id || '{again}', id, 'test', 'EUR', 'cancelled', 'new', 'other', 50, 'test', {each}, 1, 1 \
                 FROM contacts WHERE email LIKE 'r%'"
            ),
        );
    }
    for (conditions, index, few) in [
        (Conditions { mrr_from: Some(5000), ..none() }, "SEARCH c USING COVERING INDEX customers_by_mrr (mrr_minor>?)", 4),
        (Conditions { mrr_to: Some(1000), ..none() }, "SEARCH c USING COVERING INDEX customers_by_mrr (mrr_minor<?)", 36),
        (Conditions { inactive_days: Some(50), ..none() }, "SEARCH c USING COVERING INDEX customers_by_activity (last_active_at<?)", 4),
        (Conditions { left_from_days: Some(50), ..none() }, "SEARCH e USING COVERING INDEX churn_events_by_day (churned_at<?)", 4),
        (
            Conditions { left_from_days: Some(1), left_to_days: Some(50), ..none() },
            "SEARCH e USING COVERING INDEX churn_events_by_day (churned_at>? AND churned_at<?)",
            36,
        ),
    ] {
        let input = Input { conditions: Some(conditions.clone()), ..Input::default() };
        let (count, _) = desk.read(|conn| segments::preview(conn, &OPERATOR, &input, 3, now));
        assert_eq!((count.count, count.more), (few, false), "{conditions:?}");
        let (mut all, mut before) = (vec![], None);
        loop {
            let search = Search { conditions: vec![(conditions.clone(), now)], limit: 3, before, ..Search::default() };
            let (found, more) = desk.read(|conn| contacts::search(conn, &OPERATOR, &search));
            all.extend(found.into_iter().map(|contact| contact.row.id));
            before = all.last().cloned();
            if more.is_none() {
                break;
            }
        }
        assert!(all.len() == few && all.windows(2).all(|pair| pair[0] > pair[1]), "newest first, each once: {conditions:?}");
        let seen = statements(&desk, |conn| drop(segments::preview(conn, &OPERATOR, &input, 3, now).unwrap()));
        // The count, whether they are few, and the page.
        for plan in plans(&desk, &seen).iter().take(3) {
            let steps = plan.split(": ").last().unwrap().replace("SCAN found", "");
            assert!(steps.contains(index) && !steps.contains("SCAN"), "{conditions:?}\n{plan}");
        }
    }
}

#[actix_web::test]
async fn what_waits_is_found_by_its_words_of_now_and_no_longer_than_it_waits() {
    let desk = Desk::new().await;
    let first = desk.pending("ana@example.com", json!({"text_body": "Parcels come on Monday."})).await;
    let second = desk.pending("ben@example.com", json!({"text_body": "Parcels come on Tuesday."})).await;
    let (first, second) = (first.row.id, second.row.id);
    let find = |state: State, words: &str| {
        let filter = Filter { states: vec![state], words: Some(words.into()), sort: Sort::Oldest, limit: 20, ..Filter::default() };
        desk.read(|conn| Ok(list(conn, &OPERATOR, &filter)?.0.into_iter().map(|row| row.id).collect::<Vec<_>>()))
    };
    assert_eq!(find(State::Pending, "parcels com"), [first.clone(), second.clone()]);
    assert_eq!(find(State::Pending, "monday"), slice::from_ref(&first));
    assert_eq!(find(State::Pending, "arcels"), []);
    let edit = format!("/v1/emails/{first}");
    assert_eq!(desk.call(&desk.agent, "PATCH", &edit, json!({"text_body": "Parcels come on Friday."})).await.0, 200);
    assert_eq!(find(State::Pending, "monday"), []);
    assert_eq!(find(State::Pending, "friday"), slice::from_ref(&first));
    desk.decide("Rita", &desk.message(first.as_str()), messages::DecisionKind::Approve).unwrap();
    desk.decide("Rita", &desk.message(second.as_str()), messages::DecisionKind::RequestChanges).unwrap();
    assert_eq!(find(State::Pending, "parcels"), []);
    assert_eq!(find(State::ChangesRequested, "parcels"), slice::from_ref(&second));
    assert_eq!(find(State::Approved, "parcels"), [first]);
    let edit = format!("/v1/emails/{second}");
    assert_eq!(desk.call(&desk.agent, "PATCH", &edit, json!({"text_body": "Parcels come on Sunday."})).await.0, 200);
    assert_eq!(find(State::Pending, "sunday"), [second]);
}

#[actix_web::test]
async fn a_page_of_what_waits_takes_as_many_statements_with_thirty_messages_as_with_three() {
    let desk = Desk::new().await;
    for n in 0..30 {
        let (status, answer) =
            desk.send(Mode::GatedAll, &format!("n{n}@example.com"), json!({"tags": ["a", "b"], "text_body": "You synced 48,210 orders."})).await;
        assert_eq!(status, 202, "{answer}");
    }
    let filter = |limit| Filter { states: vec![State::Pending], sort: Sort::Oldest, limit, ..Filter::default() };
    let look = |limit| {
        statements(&desk, |conn| {
            let rows = list(conn, &OPERATOR, &filter(limit)).unwrap().0;
            assert_eq!(rows.len(), limit);
            let ids: Vec<MessageId> = rows.into_iter().map(|row| row.id).collect();
            let claims = ledger::of_messages(conn, &ids).unwrap();
            let found = messages::many(conn, &OPERATOR, &ids).unwrap();
            // In sets they say what they say one by one.
            assert_eq!((found.len(), claims.len()), (limit, limit));
            let shown: Vec<(MessageId, i32)> = found.iter().map(|message| (message.row.id.clone(), message.row.version)).collect();
            let shown = messages::to_be_noted(conn, &OPERATOR, shown).unwrap();
            messages::note_shown(conn, &OPERATOR, &shown, desk.now()).unwrap();
        })
        .len()
    };
    let (few, many) = (look(3), look(30));
    assert_eq!(few, many);
    assert!(many <= 12, "{many}");
    desk.read(|conn| {
        let rows = list(conn, &OPERATOR, &filter(30))?.0;
        let ids: Vec<MessageId> = rows.into_iter().map(|row| row.id).collect();
        let (found, claims) = (messages::many(conn, &OPERATOR, &ids)?, ledger::of_messages(conn, &ids)?);
        for (id, message) in ids.iter().zip(&found) {
            assert_eq!(format!("{message:?}"), format!("{:?}", messages::get(conn, &OPERATOR, id)?));
            assert_eq!(format!("{:?}", claims[id]), format!("{:?}", ledger::of_message(conn, &OPERATOR, id)?));
        }
        Ok(())
    });
}

#[actix_web::test]
async fn a_key_that_looks_again_writes_nothing_and_still_decides_what_it_saw() {
    let desk = Desk::new().await;
    let message = desk.pending("a@example.com", json!({})).await;
    let seen = || -> Vec<(i32, i64)> {
        desk.read(|conn| {
            use countersign::db::schema::message_views;
            Ok(message_views::table
                .filter(message_views::viewer.like("key:%"))
                .select((message_views::version, message_views::seen_at))
                .load(conn)?)
        })
    };
    let look = || async { desk.call(&desk.oversight, "GET", "/v1/oversight/pending", Value::Null).await };
    assert_eq!(look().await.0, 200);
    let first = seen();
    assert_eq!(first.len(), 1);
    assert_eq!(look().await.0, 200);
    assert_eq!(seen(), first, "the same version is noted once");
    let edit = format!("/v1/emails/{}", message.row.id);
    let (status, answer) = desk.call(&desk.agent, "PATCH", &edit, json!({"text_body": "Hello again."})).await;
    assert_eq!(status, 200, "{answer}");
    let body = json!({"message_id": message.row.id, "decision": "approve"});
    assert_eq!(desk.call(&desk.oversight, "POST", "/v1/oversight/decide", body.clone()).await.1["code"], "content_changed");
    assert_eq!(look().await.0, 200);
    assert_eq!(seen()[0].0, 2);
    assert_eq!(desk.call(&desk.oversight, "POST", "/v1/oversight/decide", body).await.0, 200);
}

#[actix_web::test]
async fn a_submission_takes_a_bounded_number_of_statements_and_walks_past_nothing() {
    let desk = Desk::new().await;
    let agent = Actor::Key {
        id: "01900000-0000-7000-8000-000000000001".into(),
        name: "agent".into(),
        scopes: vec![Scope::Draft],
        mailboxes: countersign::domain::actor::Mailboxes::All,
        is_test: false,
    };
    let new = |to: &str| NewMessage {
        mailbox: Some(address(Mode::Autonomous).to_owned()),
        to: to.into(),
        to_name: None,
        words: Words { subject: "Labels".into(), text: Some("Hello there.".into()), html: None },
        tags: vec!["campaign_spring".into()],
        headers: vec![],
        mode: None,
        send_at: None,
        consent_basis: None,
        campaign: Some("spring".into()),
        facts: vec![],
        class: countersign::domain::policy::consent::Class::Commercial,
        topic: None,
        origin: Origin::Agent,
    };
    desk.write(|conn| submit(conn, &agent, &new("a@example.com"), desk.now()).map(drop)).unwrap();
    for to in ["a@example.com", "b@example.com"] {
        let seen = statements(&desk, |conn| drop(submit(conn, &agent, &new(to), desk.now()).unwrap()));
        assert!(seen.len() <= 79, "{to}: {}", seen.len());
        // What is inserted walks along what refers to it only while a reference is broken.
        let looking: Vec<String> = seen.into_iter().filter(|text| !text.starts_with("INSERT")).collect();
        for plan in plans(&desk, &looking) {
            let steps = plan.split(": ").last().unwrap();
            let small = [
                "CONSTANT ROW",
                "json_each",
                "mailboxes",
                "settings",
                "facts",
                "webhook_endpoints",
                "fact_book",
                "suppressions_of_groups",
                "holding_rules",
            ];
            let walked = steps.split("; ").any(|step| step.starts_with("SCAN") && !small.iter().any(|table| step.contains(table)));
            assert!(!walked, "{plan}");
        }
    }
}

#[actix_web::test]
async fn a_campaign_counts_as_let_go_once_a_message_of_it_was_approved() {
    let desk = Desk::new().await;
    let state = |answer: &(u16, Value)| answer.1["status"].as_str().unwrap_or_default().to_owned();
    let grounds = json!({"consent_basis": "consent", "campaign": "spring"});
    let first = desk.send(Mode::Monitored, "a@example.com", grounds.clone()).await;
    assert_eq!(state(&first), "pending", "{first:?}");
    let by_tag = json!({"consent_basis": "consent", "tags": ["campaign_summer"]});
    let tagged = desk.send(Mode::Monitored, "b@example.com", by_tag.clone()).await;
    assert_eq!(state(&tagged), "pending", "{tagged:?}");
    for answer in [&first, &tagged] {
        let message = desk.message(answer.1["id"].as_str().unwrap());
        desk.decide("Rita", &message, messages::DecisionKind::Approve).unwrap();
    }
    for (n, more) in [grounds.clone(), by_tag].into_iter().enumerate() {
        let next = desk.send(Mode::Monitored, &format!("c{n}@example.com"), more).await;
        assert_ne!(state(&next), "pending", "{next:?}");
    }
    let elsewhere = desk.send(Mode::Autonomous, "d@example.com", grounds).await;
    assert_eq!(state(&elsewhere), "pending", "an approval counts in its mailbox: {elsewhere:?}");
    // A tag that an approved message gets later counts as well.
    let path = format!("/v1/emails/{}/tags", first.1["id"].as_str().unwrap());
    let late = json!({"consent_basis": "consent", "campaign": "autumn"});
    assert_eq!(state(&desk.send(Mode::Monitored, "e@example.com", late.clone()).await), "pending");
    assert_eq!(desk.call(&desk.agent, "POST", &path, json!({"tags": ["autumn"]})).await.0, 200);
    assert_ne!(state(&desk.send(Mode::Monitored, "f@example.com", late).await), "pending");
}

#[actix_web::test]
async fn the_pieces_of_the_word_indexes_are_merged_by_themselves() {
    #[derive(QueryableByName)]
    struct Pieces {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        n: i64,
    }
    let desk = Desk::new().await;
    let pieces = || {
        desk.read(|conn| match conn {
            Conn::Sqlite(inner) => Ok(diesel::sql_query("SELECT count(DISTINCT segid) AS n FROM contact_index_idx").get_result::<Pieces>(inner)?.n),
            Conn::Postgres(_) => Ok(0),
        })
    };
    for n in 0..60 {
        add(&desk, &format!("n{n}@shop.example"), "Ana Weber", &["vip"]).await;
    }
    let waits = std::time::Instant::now();
    while pieces() > 8 {
        assert!(waits.elapsed().as_secs() < 60, "{} pieces are left", pieces());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(found(&desk, "query=ana&limit=100").await.0.len(), 60);
}
