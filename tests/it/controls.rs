//! Rules that hold messages, approvals of two people, allow-lists and the tripwire.

use countersign::domain::accounts::users::{self, NewUser};
use countersign::domain::actor::{Role, Scope};
use countersign::domain::controls::allowed;
use countersign::domain::mailboxes::{self, Mode};
use countersign::domain::messages::{DecisionKind, State, cancel};
use countersign::domain::outbox::verify;
use serde_json::{Value, json};

use crate::support::{Browser, Desk, OPERATOR, PASSWORD, address, count, sql};

/// Another administrator than Ada.
fn second_admin(desk: &Desk) {
    let new = NewUser { email: "bea@desk.example".into(), name: "Bea".into(), role: Role::Admin, password: Some(PASSWORD.into()), mailboxes: vec![] };
    desk.write(|conn| users::add(conn, &OPERATOR, &new, desk.now())).unwrap();
}

/// A rule by API.
async fn rule(desk: &Desk, terms: Value) -> Value {
    let admin = desk.key(&[Scope::Admin]);
    let (status, made) = desk.call(&admin, "POST", "/v1/holding-rules", terms).await;
    assert_eq!(status, 201, "{made}");
    made
}

/// What becomes of a message in this mode: its state, and why it is held.
async fn sent(desk: &Desk, mode: Mode, to: &str, mut more: Value) -> (String, Option<String>) {
    more["consent_basis"] = json!("legitimate_interest");
    let (_, answer) = desk.send(mode, to, more).await;
    (answer["status"].as_str().unwrap_or_default().to_owned(), answer["reason"].as_str().map(str::to_owned))
}

fn customer(desk: &Desk, email: &str, minor: i64, currency: &str) {
    sql(
        desk,
        &format!(
            "INSERT INTO customers (contact_id, mrr_minor, currency, features, \"usage\", updated_at) \
             SELECT id, {minor}, '{currency}', '[]', '[]', 0 FROM contacts WHERE email_key = '{email}'"
        ),
    );
}

async fn contact(desk: &Desk, email: &str, tags: &[&str]) {
    let (status, made) = desk.call(&desk.agent, "POST", "/v1/contacts", json!({"email": email, "tags": tags})).await;
    assert!(status < 300, "{made}");
}

/// Lets the claims of a message stand.
async fn waive_all(desk: &Desk, id: &str) {
    let (_, shown) = desk.call(&desk.oversight, "GET", &format!("/v1/emails/{id}"), json!(null)).await;
    for claim in shown["claims"].as_array().unwrap().iter().filter(|claim| claim["open"] == true) {
        let path = format!("/v1/emails/{id}/claims/{}/waiver", claim["key"].as_str().unwrap());
        assert_eq!(desk.call(&desk.oversight, "POST", &path, json!({"reason": "Counted."})).await.0, 200);
    }
}

#[actix_web::test]
async fn a_rule_holds_what_it_names_whatever_the_mode_and_whoever_wrote_it() {
    let desk = Desk::new().await;
    contact(&desk, "vip@example.com", &["vip"]).await;
    contact(&desk, "large@example.com", &[]).await;
    contact(&desk, "abroad@example.com", &[]).await;
    customer(&desk, "large@example.com", 150_001, "USD");
    customer(&desk, "abroad@example.com", 100, "CHF");
    let plain = json!({});
    for to in ["vip@example.com", "large@example.com", "abroad@example.com"] {
        assert_eq!(sent(&desk, Mode::Autonomous, to, plain.clone()).await, ("queued".to_owned(), None), "without rules");
    }
    let (_, segment) = desk.call(&desk.agent, "POST", "/v1/segments", json!({"name": "Very important", "tags": "vip,-gone"})).await;
    rule(&desk, json!({"name": "By tag", "tags": ["vip", "press"], "mailbox": address(Mode::Autonomous)})).await;
    rule(&desk, json!({"name": "By revenue", "revenue_over": 150_000, "currency": "usd"})).await;
    rule(&desk, json!({"name": "By amount", "amount_over": 50_000, "currency": "EUR"})).await;
    rule(&desk, json!({"name": "By kind", "kinds": ["announcement"]})).await;
    rule(&desk, json!({"name": "By segment", "segment_id": segment["id"], "kinds": ["drip"]})).await;

    let held = async |to: &str, more: Value| sent(&desk, Mode::Autonomous, to, more).await;
    let because = |name: &str| ("pending".to_owned(), Some(format!("The rule “{name}” holds it.")));
    assert_eq!(held("vip@example.com", plain.clone()).await, because("By tag"));
    assert_eq!(held("other@example.com", json!({"tags": ["press"]})).await, because("By tag"));
    assert_eq!(sent(&desk, Mode::Monitored, "vip@example.com", plain.clone()).await.0, "queued", "another mailbox than the rule's");
    assert_eq!(held("large@example.com", plain.clone()).await, because("By revenue"));
    assert_eq!(held("abroad@example.com", plain.clone()).await, because("By revenue"), "in another currency");
    assert_eq!(held("a@example.com", json!({"subject": "You get €500.01 back"})).await, because("By amount"));
    assert_eq!(held("b@example.com", json!({"text_body": "You get $20 back."})).await, because("By amount"), "in another currency");
    assert_eq!(held("c@example.com", json!({"tags": ["product_announcement"]})).await, because("By kind"));
    assert_eq!(held("d@example.com", plain.clone()).await.0, "queued");
    // All that a rule names must hold.
    assert_eq!(sent(&desk, Mode::Monitored, "d@example.com", json!({"tags": ["drip_step_2"]})).await.0, "queued");
    assert_eq!(sent(&desk, Mode::Monitored, "vip@example.com", json!({"tags": ["drip_step_2"]})).await, because("By segment"));

    // Explained before anything is written, and whoever composes it themselves is held too.
    let (_, told) =
        desk.call(&desk.agent, "GET", &format!("/v1/explain?email=vip@example.com&mailbox={}", address(Mode::Autonomous)), json!(null)).await;
    let check = told["checks"].as_array().unwrap().iter().find(|check| check["check"] == "holding_rule").unwrap();
    assert_eq!(check["verdict"], "hold", "{told}");
    let mut rita = Browser::new(desk.app().await);
    rita.sign_in("rita").await;
    let autonomous = desk.mailbox(Mode::Autonomous).id.to_string();
    let fields = [("mailbox", autonomous.as_str()), ("to", "vip@example.com"), ("subject", "Hello"), ("text", "Hello there.")];
    rita.post("/messages/new", "/messages", &fields).await;
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM messages WHERE origin = 'person' AND state = 'pending'"), 1);
}

#[actix_web::test]
async fn a_key_makes_rules_and_never_ends_one_nor_changes_whom_it_is_about() {
    let desk = Desk::new().await;
    second_admin(&desk);
    let admin = desk.key(&[Scope::Read, Scope::Admin]);
    for (terms, field) in [
        (json!({"name": "Nothing"}), "kinds"),
        (json!({"name": "No currency", "amount_over": 1}), "currency"),
        (json!({"name": "Below", "amount_over": -1, "currency": "EUR"}), "amount_over"),
        (json!({"name": "Crowd", "tags": ["x"], "approvers": 3}), "approvers"),
        (json!({"name": "", "tags": ["x"]}), "name"),
        (json!({"name": "Nowhere", "segment_id": "none"}), "segment_id"),
    ] {
        let (status, answer) = desk.call(&admin, "POST", "/v1/holding-rules", terms).await;
        assert_eq!((status, answer["field"].as_str()), (422, Some(field)), "{answer}");
    }
    assert_eq!(desk.call(&desk.agent, "POST", "/v1/holding-rules", json!({"name": "A", "tags": ["x"]})).await.0, 403);
    let (_, segment) = desk.call(&desk.agent, "POST", "/v1/segments", json!({"name": "Few", "tags": "few"})).await;
    let path = format!("/v1/segments/{}", segment["id"].as_str().unwrap());
    let made = rule(&desk, json!({"name": "Few", "segment_id": segment["id"], "approvers": 2})).await;
    assert_eq!(made["in_words"], "to the segment “Few”");
    let (status, refused) = desk.call(&desk.agent, "PATCH", &path, json!({"tags": "nobody"})).await;
    assert_eq!((status, refused["code"].as_str()), (403, Some("person_required")), "{refused}");
    assert_eq!(desk.call(&desk.agent, "DELETE", &path, json!(null)).await.1["code"], "segment_in_use");

    // It takes two administrators to end it, and either can keep it.
    let path = format!("/oversight/{}/ending", made["id"].as_str().unwrap());
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    assert_eq!(ada.post("/oversight", &path, &[]).await.status, 422, "without a reason");
    ada.post("/oversight", &path, &[("reason", "It was for the launch.")]).await;
    let page = ada.get("/oversight").await.body;
    assert!(page.contains("Ada asks to end it:") && page.contains("Another administrator must agree."), "{page}");
    assert_eq!(ada.post("/oversight", &path, &[("reason", "Again.")]).await.status, 403);
    let mut bea = Browser::new(desk.app().await);
    bea.sign_in("bea").await;
    assert!(bea.get("/overview").await.body.contains("Ada asks to end the rule Few"));
    bea.post("/oversight", &path.replace("ending", "keeping"), &[]).await;
    assert_eq!(desk.call(&admin, "GET", "/v1/holding-rules", json!(null)).await.1["rules"][0]["ending_by"], json!(null));
    ada.post("/oversight", &path, &[("reason", "It was for the launch.")]).await;
    bea.post("/oversight", &path, &[]).await;
    assert_eq!(desk.call(&admin, "GET", "/v1/holding-rules", json!(null)).await.1["rules"], json!([]));
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    assert_eq!(max.post("/oversight", "/oversight", &[("name", "Mine"), ("tags", "x")]).await.status, 403);
    // Whoever takes the other administrator away ends nothing alone.
    let last = rule(&desk, json!({"name": "Last", "tags": ["last"]})).await;
    let (ada_acts, bea_acts) = (desk.person("Ada"), desk.person("Bea"));
    let bea_id = countersign::domain::ids::UserId::from(bea_acts.id());
    desk.write(|conn| users::set_disabled(conn, &ada_acts, &bea_id, true, desk.now())).unwrap();
    let alone = ada.post("/oversight", &format!("/oversight/{}/ending", last["id"].as_str().unwrap()), &[("reason", "Alone.")]).await;
    assert_eq!(alone.status, 403, "{}", alone.body);
    let deeds = count(&desk, "SELECT count(*) AS n FROM audit_log WHERE action LIKE 'holding_rule.%' AND detail NOT LIKE '%Last%'");
    assert_eq!(deeds, 5, "made, asked, kept, asked, ended");
}

#[actix_web::test]
async fn a_message_above_a_value_leaves_with_two_people_only() {
    let desk = Desk::new().await;
    rule(&desk, json!({"name": "Large sums", "amount_over": 50_000, "currency": "EUR", "approvers": 2})).await;
    let held = desk.pending("a@example.com", json!({"subject": "About your €900"})).await;
    assert_eq!(held.row.held_because.as_deref(), Some("The rule “Large sums” holds it for two people."));
    waive_all(&desk, held.row.id.as_str()).await;
    let approve = |who: &str| desk.decide(who, &desk.message(held.row.id.as_str()), DecisionKind::Approve);

    // Keys are no people.
    desk.call(&desk.oversight, "GET", "/v1/oversight/pending", json!(null)).await;
    let decision = json!({"message_id": held.row.id, "decision": "approve"});
    let (status, refused) = desk.call(&desk.oversight, "POST", "/v1/oversight/decide", decision).await;
    assert_eq!((status, refused["code"].as_str()), (403, Some("person_required")), "{refused}");

    let after = approve("Rita").unwrap();
    assert_eq!(after.row.state, State::Pending);
    assert_eq!(after.row.held_because, None.or(Some("Rita approved it. Somebody else must approve it too.".to_owned())));
    assert_eq!(approve("Rita").unwrap_err().code, "second_approver_required");
    let mut rita = Browser::new(desk.app().await);
    rita.sign_in("rita").await;
    let page = rita.get(&format!("/messages/{}", held.row.id)).await.body;
    assert!(page.contains("You approved it at") && !page.contains("id=\"approve\""), "{page}");
    desk.drain().await;
    assert_eq!(desk.catcher.messages().len(), 0);

    // An edit voids the first approval.
    let edit = json!({"subject": "About your €901", "content_hash": held.row.content_hash});
    let (status, edited) = desk.call(&desk.agent, "PATCH", &format!("/v1/emails/{}", held.row.id), edit).await;
    assert_eq!(status, 200, "{edited}");
    waive_all(&desk, held.row.id.as_str()).await;
    assert_eq!(approve("Rob").unwrap().row.state, State::Pending);
    assert_eq!(approve("Rita").unwrap().row.state, State::Approved);
    desk.drain().await;
    assert_eq!(desk.catcher.messages().len(), 1);
    assert!(desk.read(verify::verify).exceptions.is_empty());
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM audit_log WHERE action = 'message.approve_first'"), 2);
}

#[actix_web::test]
async fn the_database_and_verify_refuse_one_approval_where_two_are_asked() {
    let desk = Desk::new().await;
    let made = rule(&desk, json!({"name": "Two", "tags": ["two"], "approvers": 2})).await;
    let held = desk.pending("a@example.com", json!({})).await;
    let id = &held.row.id;
    let ask = format!("INSERT INTO two_approvers (message_id, rule_id) VALUES ('{id}', '{}')", made["id"].as_str().unwrap());
    sql(
        &desk,
        &format!(
            "INSERT INTO decisions (id, message_id, version, content_hash, kind, actor_kind, actor_id, actor_name, created_at) SELECT 'd', id, version, content_hash, 'approve', 'user', 'u', 'U', 0 FROM messages WHERE id = '{id}'"
        ),
    );
    sql(
        &desk,
        &format!(
            "INSERT INTO warrants (id, message_id, version, content_hash, decision_id, cleared_by, policy_version, issued_at, expires_at) SELECT 'w', id, version, content_hash, 'd', 'decision', 1, 0, 9223372036854775807 FROM messages WHERE id = '{id}'"
        ),
    );
    sql(&desk, &ask);
    let put = format!(
        "INSERT INTO outbox (message_id, warrant_id, mailbox_id, state, not_before, attempts, updated_at) SELECT id, 'w', mailbox_id, 'queued', 0, 0, 0 FROM messages WHERE id = '{id}'"
    );
    let run = |text: &str| {
        use diesel::RunQueryDsl;
        desk.write(|conn| Ok(countersign::on_either!(conn, inner => diesel::sql_query(text).execute(inner)).map_err(|error| error.to_string())))
            .unwrap()
    };
    let refused = run(&put).unwrap_err();
    assert!(refused.contains("without the approval of two people"), "{refused}");
    let rita = desk.person("Rita");
    sql(
        &desk,
        &format!(
            "INSERT INTO first_approvals (message_id, version, content_hash, user_id, user_name, created_at) SELECT id, version, content_hash, '{}', 'Rita', 0 FROM messages WHERE id = '{id}'",
            rita.id()
        ),
    );
    run(&put).unwrap();
    for change in ["UPDATE first_approvals SET user_id = user_id", "DELETE FROM first_approvals", "DELETE FROM two_approvers"] {
        assert!(run(change).is_err(), "{change}");
    }

    sql(&desk, "UPDATE outbox SET state = 'cancelled'");

    // One that left with one approval, although two were asked for, is named.
    let other = desk.pending("b@example.com", json!({})).await;
    desk.decide("Rob", &other, DecisionKind::Approve).unwrap();
    desk.drain().await;
    sql(&desk, &ask.replace(id.as_str(), other.row.id.as_str()));
    let exceptions = desk.read(verify::verify).exceptions;
    assert!(exceptions.iter().any(|(of, why)| *of == other.row.id && why.contains("two people")), "{exceptions:?}");
}

#[actix_web::test]
async fn whoever_is_on_the_list_gets_mail_unread_and_nothing_else_is_let_out() {
    let desk = Desk::new().await;
    second_admin(&desk);
    let mailbox = desk.mailbox(Mode::GatedSend).id;
    let before = desk.pending("ben@partner.example", json!({})).await;
    desk.decide("Rita", &before, DecisionKind::Reject).unwrap();
    let path = format!("/mailboxes/{mailbox}");
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    let add = format!("{path}/allowed");
    let page = ada.post(&path, &add, &[("recipient", "partner.example"), ("reason", "Ours")]).await;
    assert!(page.status == 422 && page.body.contains("value=\"partner.example\""), "{}", page.body);
    assert_eq!(ada.post(&path, &add, &[("recipient", "*@partner.example")]).await.status, 422, "without a reason");
    ada.post(&path, &add, &[("recipient", "*@Partner.example"), ("reason", "Our own people")]).await;
    assert_eq!(sent(&desk, Mode::GatedSend, "ben@partner.example", json!({})).await.0, "pending", "nobody agreed yet");
    let entry = desk.read(|conn| allowed::list(conn, &OPERATOR, &mailbox)).pop().unwrap();
    let confirm = format!("{path}/allowed/{}/confirmation", entry.id);
    assert_eq!(ada.post(&path, &confirm, &[]).await.status, 403);
    let mut bea = Browser::new(desk.app().await);
    bea.sign_in("bea").await;
    assert!(bea.get("/overview").await.body.contains("Ada asks for a recipient on the allow-list"));
    bea.post(&path, &confirm, &[]).await;
    assert!(bea.get(&path).await.body.contains("Put *@partner.example on the allow-list"));

    // Two were held before, of which one was rejected; both are covered.
    let (_, listed) = desk.call(&desk.oversight, "GET", &format!("/v1/mailboxes/{mailbox}/allow-list"), json!(null)).await;
    let of = &listed["recipients"][0];
    assert_eq!(
        (of["recipient"].as_str(), of["in_force"].as_bool(), of["held"].as_i64(), of["changed"].as_i64()),
        (Some("*@partner.example"), Some(true), Some(2), Some(1)),
        "{listed}"
    );
    assert_eq!((listed["held"].as_i64(), listed["covered"].as_i64()), (Some(2), Some(2)));

    let state = async |mode, to: &str, more: Value| {
        let (state, why) = sent(&desk, mode, to, more).await;
        if state == "pending" { why.unwrap() } else { state }
    };
    assert_eq!(state(Mode::GatedSend, "BEN@partner.example", json!({})).await, "queued");
    assert_eq!(state(Mode::GatedSend, "ben@sub.partner.example", json!({})).await, "An agent wrote it.");
    assert_eq!(state(Mode::GatedAll, "ben@partner.example", json!({})).await, "This mailbox holds every message.");
    assert_eq!(
        state(Mode::GatedSend, "ben@partner.example", json!({"oversight_mode": "gated_all"})).await,
        "It was handed in for a person to look at."
    );
    assert_eq!(
        state(Mode::GatedSend, "ben@partner.example", json!({"text_body": "It is free, guaranteed."})).await,
        "A claim in it rests on no recorded fact."
    );
    assert_eq!(state(Mode::GatedSend, "ben@partner.example", json!({"campaign": "brand new"})).await, "It is the first message of a new campaign.");
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM warrants WHERE cleared_by = 'allow_list'"), 1);
    desk.drain().await;
    assert_eq!(desk.catcher.messages().len(), 1);
    assert!(desk.read(verify::verify).exceptions.is_empty());

    // Whoever is taken off is held again, and so is what waits.
    let later = json!({"send_at": desk.now().plus_seconds(3600).to_string()});
    assert_eq!(state(Mode::GatedSend, "ben@partner.example", later).await, "scheduled");
    let admin = desk.key(&[Scope::Admin]);
    assert_eq!(desk.call(&admin, "DELETE", &format!("/v1/allow-list/{}", entry.id), json!(null)).await.0, 204);
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM outbox WHERE state = 'queued'"), 0);
    assert_eq!(
        count(&desk, "SELECT count(*) AS n FROM messages WHERE held_because = 'Its recipient was taken off the allow-list.' AND state = 'pending'"),
        1
    );
    assert_eq!(state(Mode::GatedSend, "ben@partner.example", json!({})).await, "An agent wrote it.");
}

#[actix_web::test]
async fn a_person_who_is_erased_is_on_no_list() {
    let desk = Desk::new().await;
    contact(&desk, "ben@partner.example", &[]).await;
    let mailbox = desk.mailbox(Mode::GatedSend).id;
    let ada = desk.person("Ada");
    desk.write(|conn| allowed::add(conn, &ada, &mailbox, "ben@partner.example", Some("A friend"), desk.now())).unwrap();
    let id =
        desk.read(|conn| Ok(countersign::domain::contacts::find_many(conn, &OPERATOR, &[], &["ben@partner.example".to_owned()])?.remove(0).row.id));
    desk.write(|conn| countersign::domain::contacts::erase::erase(conn, &ada, &id, desk.now())).unwrap();
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM allow_list WHERE pattern LIKE '%ben%' OR ended_at IS NULL"), 0);
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM audit_log WHERE detail LIKE '%ben@partner%'"), 0);
}

#[actix_web::test]
async fn what_people_stop_takes_a_mailbox_back_by_itself() {
    let desk = Desk::new().await;
    let mailbox = desk.mailbox(Mode::Monitored);
    sql(&desk, "UPDATE mailboxes SET undo_seconds = 600");
    let basis = json!({"consent_basis": "legitimate_interest"});
    let mut waiting = vec![];
    for n in 0..4 {
        let (_, answer) = desk.send(Mode::Monitored, &format!("p{n}@example.com"), basis.clone()).await;
        waiting.push(desk.message(answer["id"].as_str().unwrap()));
    }
    let rita = desk.person("Rita");
    let stop = |n: usize| desk.write(|conn| cancel::cancel(conn, &rita, &waiting[n].row.id, desk.now())).unwrap();
    stop(0);
    stop(1);
    // An agent that takes its own back has noticed by itself.
    desk.call(&desk.agent, "POST", &format!("/v1/emails/{}/cancel", waiting[3].row.id), json!({})).await;
    let (_, held) = desk.send(Mode::Monitored, "x@example.com", json!({"campaign": "new"})).await;
    assert_eq!(desk.mailbox(Mode::Monitored).mode, Mode::Monitored);
    desk.decide("Rita", &desk.message(held["id"].as_str().unwrap()), DecisionKind::Reject).unwrap();

    assert_eq!(count(&desk, "SELECT count(*) AS n FROM tripped"), 3);
    let after = desk.read(|conn| mailboxes::get(conn, &OPERATOR, &mailbox.id));
    assert_eq!(after.mode, Mode::GatedSend);
    // What waited to leave unread is before people now.
    let taken_back = desk.message(waiting[2].row.id.as_str());
    assert_eq!(taken_back.row.state, State::Pending);
    assert!(taken_back.row.held_because.unwrap().contains("before it left"), "says why");
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    let page = ada.get(&format!("/mailboxes/{}", mailbox.id)).await.body;
    assert!(page.contains("From “Monitored” to “Gated: agents”") && page.contains("People stopped or rejected 3 messages within 7 days"), "{page}");
    assert!(count(&desk, "SELECT count(*) AS n FROM notice_mails WHERE subject LIKE '%has stepped down to%'") > 0);

    // A mode that was chosen anew counts anew, and 0 switches the tripwire off.
    desk.write(|conn| mailboxes::set_mode(conn, &OPERATOR, &mailbox.id, Mode::Monitored, desk.now())).unwrap();
    let (_, one) = desk.send(Mode::Monitored, "y@example.com", basis.clone()).await;
    desk.write(|conn| cancel::cancel(conn, &rita, &desk.message(one["id"].as_str().unwrap()).row.id, desk.now())).unwrap();
    assert_eq!(desk.read(|conn| mailboxes::get(conn, &OPERATOR, &mailbox.id)).mode, Mode::Monitored);
    let admin = desk.key(&[Scope::Admin]);
    let path = format!("/v1/mailboxes/{}", mailbox.id);
    for (tripwire, status) in [(0, 403), (4, 403), (2, 200), (1001, 422)] {
        assert_eq!(desk.call(&admin, "PATCH", &path, json!({"tripwire": tripwire})).await.0, status, "{tripwire}");
    }
}

/// What a rule would have held, by API.
async fn looked_back(desk: &Desk, terms: Value) -> Value {
    let admin = desk.key(&[Scope::Admin]);
    let (status, found) = desk.call(&admin, "POST", "/v1/holding-rules/backtest", terms).await;
    assert_eq!(status, 200, "{found}");
    found
}

#[actix_web::test]
async fn before_a_rule_is_made_people_and_keys_see_what_it_would_have_held() {
    let desk = Desk::new().await;
    let nothing = looked_back(&desk, json!({"tags": ["vip"]})).await;
    assert_eq!(nothing["told"], "Nothing was handed in over the last 30 days, so nobody knows what this would hold.");
    for to in ["vip@example.com", "late@example.com"] {
        contact(&desk, to, &["vip"]).await;
    }
    contact(&desk, "rich@example.com", &[]).await;
    customer(&desk, "rich@example.com", 200_000, "USD");
    assert_eq!(desk.call(&desk.agent, "POST", "/v1/campaigns", json!({"name": "back", "kind": "winback"})).await.0, 201);
    // Without a look, after one, and by somebody who wrote it.
    for to in ["vip@example.com", "rich@example.com", "other@example.com"] {
        assert_eq!(sent(&desk, Mode::Autonomous, to, json!({})).await.0, "queued", "{to}");
    }
    let held = desk.pending("vip@example.com", json!({"campaign": "back", "text_body": "Here are $900 for you."})).await;
    waive_all(&desk, held.row.id.as_str()).await;
    desk.decide("Rita", &held, DecisionKind::Approve).unwrap();
    let late = desk.pending("late@example.com", json!({})).await;
    sql(&desk, &format!("UPDATE messages SET submitted_at = {} WHERE id = '{}'", desk.now().plus_days(-31).micros(), late.row.id));
    desk.drain().await;
    let numbers = |found: &Value| ["looked_at", "held", "unreviewed"].map(|name| found[name].as_i64().unwrap());
    let (_, segment) = desk.call(&desk.agent, "POST", "/v1/segments", json!({"name": "Vips", "tags": "vip"})).await;
    for (terms, expected) in [
        (json!({"tags": ["vip"]}), [4, 2, 1]),
        (json!({"name": "Named", "segment_id": segment["id"]}), [4, 2, 1]),
        (json!({"tags": ["vip"], "mailbox": address(Mode::Autonomous)}), [3, 1, 1]),
        (json!({"tags": ["vip"], "mailbox": address(Mode::GatedSend)}), [1, 1, 0]),
        (json!({"revenue_over": 100_000, "currency": "USD"}), [4, 1, 1]),
        (json!({"revenue_over": 300_000, "currency": "USD"}), [4, 0, 0]),
        (json!({"amount_over": 50_000, "currency": "USD"}), [4, 1, 0]),
        (json!({"amount_over": 100_000, "currency": "USD"}), [4, 0, 0]),
        (json!({"kinds": ["winback"]}), [4, 1, 0]),
        (json!({"kinds": ["drip"]}), [4, 0, 0]),
    ] {
        let found = looked_back(&desk, terms.clone()).await;
        assert_eq!((numbers(&found), &found["more"]), (expected, &json!(false)), "{terms}: {found}");
    }
    let found = looked_back(&desk, json!({"tags": ["vip"]})).await;
    assert_eq!(found["told"], "Over the last 30 days this would have held 2 of 4 messages; of these, 1 went without a person's review.");
    let none = looked_back(&desk, json!({"tags": ["nobody"]})).await;
    assert_eq!(none["told"], "Over the last 30 days this would have held none of 4 messages.");
    let admin = desk.key(&[Scope::Admin]);
    let (status, wrong) = desk.call(&admin, "POST", "/v1/holding-rules/backtest", json!({"name": "Nothing"})).await;
    assert_eq!((status, &wrong["field"]), (422, &json!("kinds")));
    assert_eq!(desk.call(&desk.agent, "POST", "/v1/holding-rules/backtest", json!({"tags": ["vip"]})).await.0, 403);
    // On the page it stands above the button that makes the rule, and nothing is made by looking.
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    let fields = [("name", "Vips first"), ("tags", "vip"), ("currency", "USD"), ("approvers", "2")];
    let page = ada.post("/oversight", "/oversight/backtest", &fields).await;
    assert!(page.status == 200 && page.body.contains("this would have held 2 of 4 messages; of these, 1 went without a person"), "{}", page.body);
    assert!(page.body.contains("value=\"Vips first\"") && page.body.contains("<b>tagged vip.</b>"), "{}", page.body);
    let wrong = ada.post("/oversight", "/oversight/backtest", &[("tags", "vip"), ("amount_over", "much"), ("currency", "USD")]).await;
    assert!(wrong.status == 422 && wrong.body.contains("must be an amount"), "{}", wrong.status);
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    assert_eq!(max.post("/messages", "/oversight/backtest", &fields).await.status, 403);
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM holding_rules"), 0);
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM audit_log WHERE target_kind = 'holding_rule'"), 0);
}

#[actix_web::test]
async fn a_look_back_ends_at_the_latest_two_thousand_and_says_so() {
    let desk = Desk::new().await;
    contact(&desk, "vip@example.com", &["vip"]).await;
    let held = desk.pending("vip@example.com", json!({})).await;
    let columns = "mailbox_id, contact_id, thread_id, campaign, state, state_reason, held_because, effective_mode, origin, author_kind, author_id, editor_kind, editor_id, is_test, consent_basis, version, content_hash, send_at, submitted_at, expires_at, sent_at, created_at, updated_at, claims_supported, claims_open, claims_waived, assignee_id, likeness, planted, topic_id";
    let copies = |from: i64, until: i64| {
        format!(
            "INSERT INTO messages (id, {columns}) WITH RECURSIVE numbers (n) AS (SELECT {from} UNION ALL SELECT n + 1 FROM numbers WHERE n < {until}) \
             SELECT 'copy' || n, {columns} FROM messages JOIN numbers ON 1 = 1 WHERE id = '{}'",
            held.row.id
        )
    };
    sql(&desk, &copies(1, 1999));
    let found = looked_back(&desk, json!({"tags": ["vip"]})).await;
    assert_eq!((found["looked_at"].as_i64(), found["held"].as_i64(), &found["more"]), (Some(2000), Some(2000), &json!(false)));
    sql(&desk, &copies(2000, 2100));
    let found = looked_back(&desk, json!({"tags": ["vip"]})).await;
    assert_eq!((found["looked_at"].as_i64(), found["held"].as_i64(), &found["more"]), (Some(2000), Some(2000), &json!(true)));
    assert!(found["told"].as_str().unwrap().ends_with(" Looked at were the latest 2000."), "{found}");
}
