//! Segments, campaigns and cohorts: the records that agents and systems build on.

use countersign::domain::actor::Scope;
use countersign::domain::campaigns::{self, counts};
use countersign::domain::contacts::{self, ContactInput, Customer};
use countersign::domain::ids::{CampaignId, MessageId};
use countersign::domain::keys::{self, NewKey};
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::{DecisionKind, State};
use countersign::domain::outbox::{self, Dot, WorkerId, verify};
use countersign::on_either;
use diesel::RunQueryDsl;
use diesel::sql_types::Text;
use serde_json::{Value, json};

use crate::mcp::{Client, serve};
use crate::support::{Browser, Desk, OPERATOR, address};

#[derive(diesel::QueryableByName)]
struct Body {
    #[diesel(sql_type = Text)]
    body: String,
}

pub fn sql(desk: &Desk, text: &str) -> Result<usize, String> {
    desk.state
        .db
        .read(|conn| on_either!(conn, inner => diesel::sql_query(text).execute(inner)))
        .map_err(|error: diesel::result::Error| error.to_string())
}

/// Somebody listens to everything from now on.
pub fn listen(desk: &Desk) {
    sql(
        desk,
        "INSERT INTO webhook_endpoints (id, url, description, event_types, mailboxes, campaigns, secret, created_at, updated_at) \
         VALUES ('e', 'https://hooks.example.com', '', '[]', '[]', '[]', 'whsec_x', 0, 0)",
    )
    .unwrap();
}

/// The data of the events of this type, oldest first.
pub fn told(desk: &Desk, kind: &str) -> Vec<Value> {
    let query = format!("SELECT body FROM webhook_events WHERE event_type = '{kind}' ORDER BY id");
    let rows: Vec<Body> = desk.read(|conn| Ok(on_either!(conn, inner => diesel::sql_query(query).load(inner))?));
    rows.iter().map(|row| serde_json::from_str::<Value>(&row.body).unwrap()["data"].clone()).collect()
}

/// A contact with these tags; the id.
pub fn contact(desk: &Desk, email: &str, tags: &[&str]) -> String {
    let input = ContactInput { email: email.into(), tags: tags.iter().map(|&tag| tag.to_owned()).collect(), ..ContactInput::default() };
    desk.write(|conn| contacts::upsert(conn, &OPERATOR, &input, desk.now())).unwrap().row.id.as_str().to_owned()
}

fn emails(list: &Value) -> Vec<&str> {
    let mut all: Vec<&str> = list.as_array().unwrap().iter().map(|contact| contact["email"].as_str().unwrap()).collect();
    all.sort_unstable();
    all
}

async fn made(desk: &Desk, path: &str, body: Value) -> Value {
    let (status, answer) = desk.call(&desk.agent, "POST", path, body).await;
    assert_eq!(status, 201, "{answer}");
    answer
}

async fn get(desk: &Desk, path: &str) -> Value {
    let (status, answer) = desk.call(&desk.agent, "GET", path, json!(null)).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

/// A key that reaches one mailbox.
fn narrow(desk: &Desk, mode: Mode) -> String {
    let new = NewKey { mailboxes: vec![desk.mailbox(mode).id], ..NewKey::named("narrow", &[Scope::Read, Scope::Draft, Scope::Contacts]) };
    desk.write(|conn| keys::add(conn, &OPERATOR, &new, desk.now())).unwrap().1
}

#[actix_web::test]
async fn a_segment_finds_whom_its_tags_and_words_say_now() {
    let desk = Desk::new().await;
    contact(&desk, "ana@example.com", &["api-v1", "vip"]);
    contact(&desk, "ben@example.com", &["api-v1"]);
    let done = contact(&desk, "cem@example.com", &["api-v1", "done"]);
    contact(&desk, "dan@example.com", &["api-v2"]);
    let segment = made(&desk, "/v1/segments", json!({"name": "Old API", "tags": ["api-v1", "-done"]})).await;
    assert_eq!((&segment["tags"], &segment["customers_only"]), (&json!("api-v1,-done"), &json!(false)));
    let path = format!("/v1/segments/{}", segment["id"].as_str().unwrap());
    assert_eq!(emails(&get(&desk, &format!("{path}/contacts")).await["contacts"]), ["ana@example.com", "ben@example.com"]);
    contact(&desk, "eva@example.com", &["api-v1"]);
    let counted = get(&desk, &path).await;
    assert_eq!((&counted["count"], &counted["more"]), (&json!(3), &json!(false)), "it is looked up anew");
    // Page by page, each once.
    let first = get(&desk, &format!("{path}/contacts?limit=2")).await;
    let rest = get(&desk, &format!("{path}/contacts?limit=2&cursor={}", first["next_cursor"].as_str().unwrap())).await;
    assert_eq!((emails(&first["contacts"]).len(), emails(&rest["contacts"])), (2, vec!["ana@example.com"]));
    assert_eq!(rest["next_cursor"], json!(null));
    let (status, changed) = desk.call(&desk.agent, "PATCH", &path, json!({"query": "VIP", "tags": "api-v1"})).await;
    assert_eq!((status, &changed["name"]), (200, &json!("Old API")));
    assert_eq!(emails(&get(&desk, &format!("{path}/contacts")).await["contacts"]), ["ana@example.com"]);
    // Only those with a subscription on record.
    desk.call(&desk.agent, "PATCH", &path, json!({"query": "", "customers_only": true})).await;
    let customer = Customer {
        contact_id: done.as_str().into(),
        company: None,
        plan_name: None,
        mrr_minor: None,
        currency: None,
        tenure_days: None,
        features: countersign::db::types::Json::new(vec![]),
        usage: countersign::db::types::Json::new(vec![]),
        last_active_at: None,
        updated_at: desk.now(),
    };
    desk.write(|conn| contacts::put_customer(conn, &customer)).unwrap();
    assert_eq!(emails(&get(&desk, &format!("{path}/contacts")).await["contacts"]), ["cem@example.com"]);
}

#[actix_web::test]
async fn a_large_segment_says_that_there_are_more_than_were_counted() {
    let desk = Desk::new().await;
    let segment = made(&desk, "/v1/segments", json!({"name": "All"})).await;
    let path = format!("/v1/segments/{}", segment["id"].as_str().unwrap());
    let fill = |from: i32, to: i32| {
        sql(
            &desk,
            &format!(
                "INSERT INTO contacts (id, email, email_key, metadata, created_at, updated_at) \
                 WITH RECURSIVE numbers (n) AS (SELECT {from} UNION ALL SELECT n + 1 FROM numbers WHERE n < {to}) \
                 SELECT 'c' || n, 'p' || n || '@example.com', 'p' || n || '@example.com', '{{}}', 0, 0 FROM numbers"
            ),
        )
        .unwrap();
    };
    fill(1, 10_000);
    let counted = get(&desk, &path).await;
    assert_eq!((&counted["count"], &counted["more"]), (&json!(10_000), &json!(false)));
    fill(10_001, 10_001);
    let counted = get(&desk, &path).await;
    assert_eq!((&counted["count"], &counted["more"]), (&json!(10_000), &json!(true)));
}

#[actix_web::test]
async fn a_segment_that_is_used_stays_and_names_are_taken_once() {
    let desk = Desk::new().await;
    let segment = made(&desk, "/v1/segments", json!({"name": "Teams", "tags": "team"})).await;
    let path = format!("/v1/segments/{}", segment["id"].as_str().unwrap());
    let (status, answer) = desk.call(&desk.agent, "POST", "/v1/segments", json!({"name": "Teams"})).await;
    assert_eq!((status, &answer["code"]), (409, &json!("name_taken")));
    made(&desk, "/v1/campaigns", json!({"name": "c", "kind": "drip", "segment_id": segment["id"]})).await;
    let (status, answer) = desk.call(&desk.agent, "DELETE", &path, json!(null)).await;
    assert_eq!((status, &answer["code"]), (409, &json!("segment_in_use")));
    let other = made(&desk, "/v1/segments", json!({"name": "Others"})).await;
    let other = format!("/v1/segments/{}", other["id"].as_str().unwrap());
    assert_eq!(desk.call(&desk.agent, "DELETE", &other, json!(null)).await.0, 204);
    assert_eq!(desk.call(&desk.agent, "GET", &other, json!(null)).await.0, 404);
    let rita = desk.person("Rita");
    let input = countersign::domain::segments::Input { name: Some("Mine".into()), ..Default::default() };
    let refused = desk.write(|conn| countersign::domain::segments::create(conn, &rita, &input, desk.now())).unwrap_err();
    assert_eq!(refused.code, "role_missing", "reviewers make none");
    for tags in [json!(["a,-"]), json!("--"), json!("a,\u{7}b")] {
        let (status, _) = desk.call(&desk.agent, "POST", "/v1/segments", json!({"name": "bad", "tags": tags})).await;
        assert_eq!(status, 422, "{tags}");
    }
}

#[actix_web::test]
async fn the_numbers_of_a_campaign_are_those_of_its_messages() {
    let desk = Desk::new().await;
    let early = desk.pending("early@example.com", json!({"campaign": "spring"})).await;
    let campaign = made(&desk, "/v1/campaigns", json!({"name": "spring", "kind": "winback", "goal": "Bring them back"})).await;
    assert_eq!((&campaign["recommended_mode"], &campaign["stopped"]), (&json!("gated_send"), &json!(false)));
    let path = format!("/v1/campaigns/{}", campaign["id"].as_str().unwrap());
    let rejected = desk.pending("no@example.com", json!({"campaign": "spring"})).await;
    desk.pending("other@example.com", json!({"campaign": "summer"})).await;
    desk.pending("none@example.com", json!({})).await;
    desk.decide("Rita", &early, DecisionKind::Approve).unwrap();
    desk.decide("Rita", &rejected, DecisionKind::Reject).unwrap();
    let (_, cleared) = desk.send(Mode::Autonomous, "auto@example.com", json!({"campaign": "spring", "consent_basis": "consent"})).await;
    assert_eq!(cleared["held"], true, "the first of a campaign in this mailbox");
    let expected = |answer: &Value, numbers: &[(&str, i64)]| {
        for (name, number) in answer["numbers"].as_object().unwrap() {
            let wanted = numbers.iter().find(|(wanted, _)| wanted == name).map_or(0, |(_, number)| *number);
            assert_eq!(number, wanted, "{name} in {answer}");
        }
    };
    expected(&get(&desk, &path).await, &[("drafted", 3), ("approved", 1), ("rejected", 1), ("pending", 1)]);
    // What was counted so far is folded, and what comes is added to it.
    while desk.write(counts::fold).unwrap() {}
    expected(&get(&desk, &path).await, &[("drafted", 3), ("approved", 1), ("rejected", 1), ("pending", 1)]);
    desk.drain().await;
    expected(&get(&desk, &path).await, &[("drafted", 3), ("sent", 1), ("rejected", 1), ("pending", 1)]);
    // A key counts what it reaches.
    let (_, seen) = desk.call(&narrow(&desk, Mode::Autonomous), "GET", &path, json!(null)).await;
    expected(&seen, &[("drafted", 1), ("pending", 1)]);
    assert!(desk.read(verify::verify).miscounts.is_empty());
}

#[actix_web::test]
async fn a_wrong_number_is_found_by_verify_and_a_test_of_the_desk_is_in_none() {
    let desk = Desk::new().await;
    let message = desk.pending("a@example.com", json!({"campaign": "spring"})).await;
    while desk.write(counts::fold).unwrap() {}
    assert!(desk.read(counts::recount).is_empty());
    sql(&desk, "UPDATE campaign_counts SET total = total + 2").unwrap();
    let wrong = desk.read(verify::verify).miscounts;
    assert_eq!((wrong.len(), wrong[0].campaign.as_str(), wrong[0].state.as_str(), wrong[0].too_many), (1, "spring", "pending", 2));
    sql(&desk, "UPDATE campaign_counts SET total = total - 2").unwrap();
    // A copy that tests the reviewers, as the planting makes it.
    let row = countersign::domain::messages::MessageRow { id: MessageId::new(), planted: true, state: State::Draft, ..message.row };
    sql(
        &desk,
        &format!(
            "INSERT INTO messages (id, mailbox_id, contact_id, thread_id, campaign, state, effective_mode, origin, author_kind, author_id, \
             editor_kind, editor_id, is_test, version, content_hash, created_at, updated_at, planted, likeness, claims_supported, claims_open, claims_waived) \
             SELECT '{}', mailbox_id, contact_id, thread_id, campaign, 'draft', effective_mode, origin, author_kind, author_id, editor_kind, \
             editor_id, is_test, version, content_hash, created_at, updated_at, TRUE, likeness, 0, 0, 0 FROM messages",
            row.id
        ),
    )
    .unwrap();
    desk.write(|conn| {
        countersign::domain::messages::lifecycle::transition(conn, &row.id, State::Draft, State::Pending, None, desk.now())?;
        countersign::domain::messages::lifecycle::transition(conn, &row.id, State::Pending, State::Cancelled, None, desk.now())
    })
    .unwrap();
    assert!(desk.read(counts::recount).is_empty());
    let campaign = made(&desk, "/v1/campaigns", json!({"name": "spring", "kind": "winback"})).await;
    let counted = get(&desk, &format!("/v1/campaigns/{}", campaign["id"].as_str().unwrap())).await;
    assert_eq!((&counted["numbers"]["drafted"], &counted["numbers"]["cancelled"]), (&json!(1), &json!(0)));
}

/// A campaign with an approved message in the outbox.
async fn with_an_approved_message(desk: &Desk) -> (String, countersign::domain::messages::Message) {
    let campaign = made(desk, "/v1/campaigns", json!({"name": "spring", "kind": "winback"})).await;
    let message = desk.pending("a@example.com", json!({"campaign": "spring"})).await;
    desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    (format!("/v1/campaigns/{}", campaign["id"].as_str().unwrap()), message)
}

fn claimed(desk: &Desk) -> Vec<outbox::Claimed> {
    desk.write(|conn| outbox::claim(conn, &WorkerId::new(), 10, desk.now().plus_seconds(1))).unwrap()
}

#[actix_web::test]
async fn nothing_of_a_stopped_campaign_leaves_until_a_person_resumes_it() {
    let desk = Desk::new().await;
    let (path, message) = with_an_approved_message(&desk).await;
    let (status, stopped) = desk.call(&desk.agent, "POST", &format!("{path}/stop"), json!({})).await;
    assert_eq!((status, &stopped["stopped"], &stopped["stopped_by"]), (200, &json!(true), &json!("key")));
    // Behind it waits one of nobody's campaign: it is not held up.
    let other = desk.pending("b@example.com", json!({"campaign": "unknown label"})).await;
    desk.decide("Rita", &other, DecisionKind::Approve).unwrap();
    let mine: Vec<MessageId> = desk
        .write(|conn| outbox::claim(conn, &WorkerId::new(), 1, desk.now().plus_seconds(1)))
        .unwrap()
        .iter()
        .map(|claimed| claimed.message_id().clone())
        .collect();
    assert_eq!(mine, [other.row.id]);
    assert!(claimed(&desk).is_empty());
    let waiting = desk.read(|conn| outbox::waiting(conn, &message.row.id)).unwrap();
    assert_eq!(waiting.waits_for.as_deref(), Some("its campaign, which is stopped"));
    assert_eq!(desk.message(message.row.id.as_str()).row.state, State::Approved);
    let id = CampaignId::from(path.rsplit('/').next().unwrap());
    for key in [&desk.agent, &desk.key(&[Scope::Admin, Scope::Read])] {
        let (status, answer) = desk.call(key, "POST", &format!("{path}/resume"), json!({})).await;
        assert_eq!(status, 403, "{answer}");
    }
    assert!(claimed(&desk).is_empty());
    let (rita, max) = (desk.person("Rita"), desk.person("Max"));
    assert_eq!(desk.write(|conn| campaigns::resume(conn, &rita, &id, desk.now())).unwrap_err().code, "role_missing");
    desk.write(|conn| campaigns::resume(conn, &max, &id, desk.now())).unwrap();
    assert_eq!(claimed(&desk).len(), 1);
}

#[actix_web::test]
async fn a_campaign_stopped_after_the_claim_stops_at_the_final_dot() {
    let desk = Desk::new().await;
    let (path, message) = with_an_approved_message(&desk).await;
    let one = claimed(&desk).pop().unwrap();
    desk.call(&desk.agent, "POST", &format!("{path}/stop"), json!({})).await;
    assert!(matches!(desk.write(|conn| outbox::reach_dot(conn, one, desk.now())).unwrap(), Dot::Stop));
    let now = desk.message(message.row.id.as_str());
    assert_eq!((now.row.state, now.row.state_reason.as_deref()), (State::Queued, Some("Its campaign is stopped.")));
    assert!(claimed(&desk).is_empty());
    let (max, id) = (desk.person("Max"), CampaignId::from(path.rsplit('/').next().unwrap()));
    desk.write(|conn| campaigns::resume(conn, &max, &id, desk.now())).unwrap();
    let one = claimed(&desk).pop().unwrap();
    assert!(matches!(desk.write(|conn| outbox::reach_dot(conn, one, desk.now())).unwrap(), Dot::Go(_)));
}

#[actix_web::test]
async fn a_campaign_of_a_mailbox_out_of_reach_is_not_there() {
    let desk = Desk::new().await;
    let theirs = json!({"name": "theirs", "kind": "announcement", "mailbox": address(Mode::GatedAll)});
    let theirs = format!("/v1/campaigns/{}", made(&desk, "/v1/campaigns", theirs).await["id"].as_str().unwrap());
    let narrow = narrow(&desk, Mode::GatedSend);
    let unknown = desk.call(&narrow, "GET", "/v1/campaigns/00000000-0000-7000-8000-000000000000", json!(null)).await;
    assert_eq!(desk.call(&narrow, "GET", &theirs, json!(null)).await.1["detail"], unknown.1["detail"]);
    assert_eq!(desk.call(&narrow, "POST", &format!("{theirs}/stop"), json!({})).await.0, 404);
    assert_eq!(desk.call(&narrow, "PATCH", &theirs, json!({"goal": "mine"})).await.0, 404);
    assert_eq!(desk.call(&narrow, "GET", "/v1/campaigns", json!(null)).await.1["campaigns"], json!([]));
    // One of no mailbox is seen, and stopped only by whoever reaches all that send it.
    let shared = made(&desk, "/v1/campaigns", json!({"name": "shared", "kind": "drip"})).await;
    let shared = format!("/v1/campaigns/{}/stop", shared["id"].as_str().unwrap());
    desk.send(Mode::GatedAll, "a@example.com", json!({"campaign": "shared"})).await;
    let (status, answer) = desk.call(&narrow, "POST", &shared, json!({})).await;
    assert_eq!((status, &answer["code"]), (403, &json!("mailbox_out_of_reach")));
    assert_eq!(desk.call(&desk.agent, "POST", &shared, json!({})).await.0, 200);
}

#[actix_web::test]
async fn a_campaign_that_was_put_away_is_in_its_own_list() {
    let desk = Desk::new().await;
    let campaign = made(&desk, "/v1/campaigns", json!({"name": "old", "kind": "feedback"})).await;
    let path = format!("/v1/campaigns/{}", campaign["id"].as_str().unwrap());
    let (status, changed) = desk.call(&desk.agent, "PATCH", &path, json!({"archived": true, "goal": "Ask"})).await;
    assert_eq!((status, &changed["archived"], &changed["goal"]), (200, &json!(true), &json!("Ask")));
    assert_eq!(get(&desk, "/v1/campaigns").await["campaigns"], json!([]));
    assert_eq!(get(&desk, "/v1/campaigns?archived=true").await["campaigns"][0]["name"], "old");
    let (status, answer) = desk.call(&desk.agent, "PATCH", &path, json!({"name": "new"})).await;
    assert_eq!((status, &answer["code"]), (422, &json!("field_unknown")), "the label never changes");
}

#[actix_web::test]
async fn a_cohort_counts_each_contact_once_where_it_is_furthest() {
    let desk = Desk::new().await;
    for (email, tags) in [
        ("a@example.com", &["api-v1"][..]),
        ("b@example.com", &["api-v1", "migration-notified"]),
        ("c@example.com", &["api-v1", "migration-notified", "migration-acknowledged"]),
        ("d@example.com", &["api-v1", "migration-notified", "migration-started"]),
        ("e@example.com", &["api-v1", "migration-started", "migration-complete"]),
        ("f@example.com", &["api-v1", "migration-complete"]),
        ("g@example.com", &["api-v2", "migration-complete"]),
    ] {
        contact(&desk, email, tags);
    }
    let deadline = desk.now().plus_days(30).date().to_string();
    let cohort = made(
        &desk,
        "/v1/cohorts",
        json!({"name": "v1 sunset", "tags": ["api-v1"], "deadline": deadline, "from_version": "v1", "to_version": "v2", "guide_url": "https://docs.example.com/v2"}),
    )
    .await;
    assert_eq!((&cohort["days_left"], &cohort["progress_tags"][3]), (&json!(30), &json!("migration-complete")));
    let path = format!("/v1/cohorts/{}", cohort["id"].as_str().unwrap());
    let progress = get(&desk, &format!("{path}/progress")).await;
    for (name, count) in [("total", 6), ("waiting", 1), ("notified", 1), ("acknowledged", 1), ("started", 1), ("complete", 2), ("days_left", 30)] {
        assert_eq!(progress[name], count, "{name}: {progress}");
    }
    let first = get(&desk, &format!("{path}/stragglers?limit=2")).await;
    let rest = get(&desk, &format!("{path}/stragglers?limit=2&cursor={}", first["next_cursor"].as_str().unwrap())).await;
    assert_eq!(emails(&first["stragglers"]), ["b@example.com", "c@example.com"]);
    assert_eq!((emails(&rest["stragglers"]), &rest["stragglers"][0]["state"]), (vec!["a@example.com"], &json!("waiting")));
    assert_eq!(rest["next_cursor"], json!(null));
    // With a prefix other tags count.
    let (_, changed) = desk.call(&desk.agent, "PATCH", &path, json!({"tag_prefix": "v2-"})).await;
    assert_eq!(changed["progress_tags"][0], "v2-migration-notified");
    assert_eq!(get(&desk, &format!("{path}/progress")).await["waiting"], 6);
    assert_eq!(desk.call(&desk.agent, "DELETE", &path, json!(null)).await.0, 204);
    assert_eq!(desk.call(&desk.agent, "GET", &path, json!(null)).await.0, 404);
}

#[actix_web::test]
async fn a_cohort_says_whose_contacts_it_has_in_one_way() {
    let desk = Desk::new().await;
    let segment = made(&desk, "/v1/segments", json!({"name": "Teams", "tags": "team"})).await;
    contact(&desk, "a@example.com", &["team"]);
    let cohort = |more: Value| {
        let mut body = json!({"name": "move", "deadline": "2030-04-30", "from_version": "1", "to_version": "2"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for wrong in [
        json!({}),
        json!({"tags": "a", "segment_id": segment["id"]}),
        json!({"segment_id": "no such"}),
        json!({"tags": "a", "deadline": "soon"}),
        json!({"tags": "a", "guide_url": "javascript:alert(1)"}),
    ] {
        assert_eq!(desk.call(&desk.agent, "POST", "/v1/cohorts", cohort(wrong.clone())).await.0, 422, "{wrong}");
    }
    let cohort = made(&desk, "/v1/cohorts", cohort(json!({"segment_id": segment["id"]}))).await;
    let path = format!("/v1/cohorts/{}/progress", cohort["id"].as_str().unwrap());
    assert_eq!(get(&desk, &path).await["total"], 1);
    assert_eq!(desk.call(&desk.agent, "DELETE", &format!("/v1/segments/{}", segment["id"].as_str().unwrap()), json!(null)).await.0, 409);
}

#[actix_web::test]
async fn a_tag_that_moves_somebody_in_a_cohort_is_told_once() {
    let desk = Desk::new().await;
    let (inside, outside) = (contact(&desk, "a@example.com", &["api-v1"]), contact(&desk, "b@example.com", &[]));
    let body = json!({"name": "move", "tags": "api-v1", "deadline": "2030-04-30", "from_version": "1", "to_version": "2"});
    let cohort = made(&desk, "/v1/cohorts", body).await;
    listen(&desk);
    let tag = async |id: &str, tags: &[&str]| {
        let (status, answer) = desk.call(&desk.agent, "POST", &format!("/v1/contacts/{id}/tags"), json!({"tags": tags})).await;
        assert_eq!(status, 200, "{answer}");
    };
    tag(&inside, &["migration-started", "vip"]).await;
    tag(&inside, &["migration-started"]).await;
    tag(&inside, &["migration-notified"]).await;
    tag(&outside, &["migration-started"]).await;
    let events = told(&desk, "migration.state_changed");
    assert_eq!(events.len(), 1, "{events:?}");
    let event = &events[0];
    assert_eq!((&event["cohort_id"], &event["contact_id"]), (&cohort["id"], &json!(inside)));
    assert_eq!((&event["from"], &event["to"], &event["email"]), (&json!("waiting"), &json!("started"), &json!("a@example.com")));
    let untag = format!("/v1/contacts/{inside}/tags/migration-started");
    assert_eq!(desk.call(&desk.agent, "DELETE", &untag, json!(null)).await.0, 200);
    let events = told(&desk, "migration.state_changed");
    assert_eq!((events.len(), &events[1]["from"], &events[1]["to"]), (2, &json!("started"), &json!("notified")));
}

#[actix_web::test]
async fn agents_use_the_same_records_over_mcp() {
    let desk = Desk::new().await;
    contact(&desk, "a@example.com", &["api-v1"]);
    let agent = Client::with(&serve(&desk).await, &desk.agent).await;
    let (segment, _) = agent.call("create_segment", json!({"name": "Old API", "tags": ["api-v1"]})).await;
    let (read, _) = agent.call("get_segment", json!({"segment_id": segment["id"]})).await;
    assert_eq!((&read["count"], &read["contacts"][0]["email"]), (&json!(1), &json!("a@example.com")));
    assert_eq!(agent.call("list_segments", json!({})).await.0["segments"][0]["name"], "Old API");
    let (campaign, next) = agent.call("create_campaign", json!({"name": "move", "kind": "migration"})).await;
    assert_eq!(campaign["recommended_mode"], "gated_all");
    assert!(next.contains("\"campaign\": \"move\""), "{next}");
    agent
        .call("send_email", json!({"mailbox": address(Mode::GatedSend), "to": "a@example.com", "subject": "s", "body": "b", "campaign": "move"}))
        .await;
    assert_eq!(agent.call("get_campaign", json!({"campaign_id": campaign["id"]})).await.0["numbers"]["pending"], 1);
    assert_eq!(agent.call("list_campaigns", json!({})).await.0["campaigns"][0]["name"], "move");
    let (stopped, next) = agent.call("stop_campaign", json!({"campaign_id": campaign["id"]})).await;
    assert!(stopped["stopped"] == true && next.contains("only a person can resume"), "{next}");
    let cohort = json!({"name": "move", "segment_id": segment["id"], "deadline": "2030-04-30", "from_version": "1", "to_version": "2"});
    let (cohort, _) = agent.call("create_cohort", cohort).await;
    assert_eq!(agent.call("get_cohort_progress", json!({"cohort_id": cohort["id"]})).await.0["waiting"], 1);
    assert_eq!(agent.call("list_stragglers", json!({"cohort_id": cohort["id"]})).await.0["stragglers"][0]["state"], "waiting");
    assert_eq!(agent.call("list_cohorts", json!({})).await.0["cohorts"][0]["name"], "move");
    let (refused, _) = agent.refused("delete_segment", json!({"segment_id": segment["id"]})).await;
    assert_eq!(refused["code"], "segment_in_use");
    let (other, _) = agent.call("create_segment", json!({"name": "Other"})).await;
    agent.call("delete_segment", json!({"segment_id": other["id"]})).await;
}

/// Every change leaves one row that says who made it.
#[actix_web::test]
async fn every_change_is_in_the_audit_log() {
    let desk = Desk::new().await;
    let segment = made(&desk, "/v1/segments", json!({"name": "s"})).await;
    let campaign = made(&desk, "/v1/campaigns", json!({"name": "c", "kind": "drip"})).await;
    let path = format!("/v1/campaigns/{}", campaign["id"].as_str().unwrap());
    desk.call(&desk.agent, "POST", &format!("{path}/stop"), json!({})).await;
    desk.call(&desk.agent, "POST", &format!("{path}/stop"), json!({})).await;
    desk.call(&desk.agent, "DELETE", &format!("/v1/segments/{}", segment["id"].as_str().unwrap()), json!(null)).await;
    let lines = |target: &Value| {
        let target = target["id"].as_str().unwrap().to_owned();
        let lines = desk.read(|conn| crate::support::log_of(conn, &OPERATOR, Some(&target), 10));
        lines.into_iter().map(|line| (line.action, line.actor_kind)).collect::<Vec<_>>()
    };
    let by_key = |action: &str| (action.to_owned(), "key".to_owned());
    assert_eq!(lines(&campaign), [by_key("campaign.stop"), by_key("campaign.add")]);
    assert_eq!(lines(&segment), [by_key("segment.delete"), by_key("segment.add")]);
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    let page = ada.get("/audit").await;
    assert!(page.status == 200 && page.body.contains("campaign.stop"), "{}", page.status);
}
