//! How closely people read: measured time, numbers by team, and tests that can never leave.

use std::collections::BTreeSet;

use countersign::clock::Time;
use countersign::domain::ids::MessageId;
use countersign::domain::mailboxes::{self, MailboxChange, Mode};
use countersign::domain::messages::cancel::cancel;
use countersign::domain::messages::content::Words;
use countersign::domain::messages::decide::{Decide, decide};
use countersign::domain::messages::edit::edit;
use countersign::domain::messages::expiry::expire_due;
use countersign::domain::messages::list::{self, Filter};
use countersign::domain::messages::submit::{NewMessage, submit};
use countersign::domain::messages::{self, DecisionKind, Message, Origin, State, ledger};
use countersign::domain::outbox::verify;
use countersign::domain::policy::consent::Class;
use countersign::domain::vigilance::numbers::{Share, Spread};
use countersign::domain::vigilance::{self, Team};
use countersign::on_either;
use diesel::RunQueryDsl;
use serde_json::{Value, json};

use crate::support::{Browser, Desk, OPERATOR, address};

fn sql(desk: &Desk, text: &str) -> Result<usize, String> {
    desk.state
        .db
        .read(|conn| on_either!(conn, inner => diesel::sql_query(text).execute(inner)))
        .map_err(|error: diesel::result::Error| error.to_string())
}

fn letter(mode: Mode, to: &str, origin: Origin) -> NewMessage {
    let text = "Hi Sam,\n\nthe export you asked about is slow for large accounts, and we know it.\n\nBest,\nMaya";
    NewMessage {
        mailbox: Some(address(mode)),
        to: to.into(),
        to_name: Some("Sam Field".into()),
        words: Words { subject: "Sam, about the export".into(), text: Some(text.into()), html: None },
        tags: vec![],
        headers: vec![],
        mode: None,
        send_at: None,
        consent_basis: None,
        class: Class::Commercial,
        campaign: None,
        topic: None,
        facts: vec![],
        origin,
    }
}

fn held(desk: &Desk, mode: Mode, to: &str, at: Time) -> Message {
    desk.write(|conn| submit(conn, &OPERATOR, &letter(mode, to, Origin::Agent), at)).unwrap()
}

/// Shows a message to somebody and lets them decide so many milliseconds later.
fn decided(desk: &Desk, who: &str, id: &MessageId, kind: DecisionKind, shown: Time, ms: i64) -> Message {
    let actor = desk.person(who);
    let later = Time::from_micros(shown.micros() + ms * 1000);
    desk.write(|conn| {
        let version = messages::get(conn, &actor, id)?.row.version;
        messages::note_shown(conn, &actor, &[(id.clone(), version)], shown)?;
        decide(conn, &actor, &Decide { reason: Some("It reads like a form."), ..Decide::on(id, kind) }, later)
    })
    .unwrap()
}

fn reworded(desk: &Desk, who: &str, id: &MessageId, change: impl Fn(&str) -> String, at: Time) -> Message {
    let actor = desk.person(who);
    desk.write(|conn| {
        let before = messages::get(conn, &actor, id)?.current;
        let words = Words { subject: before.subject, text: Some(change(&before.text_body)), html: None };
        edit(conn, &actor, id, &words, None, at)
    })
    .unwrap()
}

// ---- Reading time

#[actix_web::test]
async fn reading_time_starts_with_the_first_showing_and_the_page_can_only_shorten_it() {
    let desk = Desk::new().await;
    let (rita, start) = (desk.person("Rita"), desk.now());
    let at = |seconds: i64| start.plus_seconds(seconds);
    for (to, said, after, wanted) in [
        ("nothing@example.com", None, 60, 60_000),
        ("less@example.com", Some(20_000), 60, 20_000),
        ("more@example.com", Some(i64::MAX), 60, 60_000),
        ("negative@example.com", Some(-1), 60, 60_000),
        ("long@example.com", None, 7200, 1_800_000),
    ] {
        let message = held(&desk, Mode::GatedSend, to, start);
        let id = message.row.id;
        let done = desk.write(|conn| {
            for seconds in [0, 30] {
                messages::note_shown(conn, &rita, &[(id.clone(), 1)], at(seconds))?;
            }
            decide(conn, &rita, &Decide { dwell_ms: said, ..Decide::on(&id, DecisionKind::Approve) }, at(after))
        });
        assert_eq!(done.unwrap().decisions[0].dwell_ms, Some(wanted), "{to}");
    }
}

#[actix_web::test]
async fn a_new_version_is_read_anew_and_keys_do_not_read() {
    let desk = Desk::new().await;
    let (rita, start) = (desk.person("Rita"), desk.now());
    let message = held(&desk, Mode::GatedSend, "a@example.com", start);
    desk.write(|conn| messages::note_shown(conn, &rita, &[(message.row.id.clone(), 1)], start)).unwrap();
    reworded(&desk, "Rob", &message.row.id, |text| text.replace("slow", "very slow"), start.plus_seconds(100));
    let done = decided(&desk, "Rita", &message.row.id, DecisionKind::Approve, start.plus_seconds(200), 5000);
    assert_eq!(done.decisions[0].dwell_ms, Some(5000));

    let (_, sent) = desk.send(Mode::GatedSend, "b@example.com", json!({})).await;
    desk.call(&desk.oversight, "GET", "/v1/oversight/pending", Value::Null).await;
    let (status, _) = desk.call(&desk.oversight, "POST", "/v1/oversight/decide", json!({"message_id": sent["id"], "decision": "approve"})).await;
    assert_eq!(status, 200);
    let by_key = desk.read(|conn| messages::get(conn, &OPERATOR, &MessageId::from(sent["id"].as_str().unwrap())));
    assert_eq!(by_key.decisions[0].dwell_ms, None);
}

// ---- Numbers

fn team_of(desk: &Desk, mode: Mode, now: Time) -> Team {
    let report = desk.read(|conn| vigilance::report(conn, &OPERATOR, Some(&address(mode)), 7, now)).teams;
    report.into_iter().next().unwrap()
}

/// 24 letters of an agent decided by people, one composed by a person and decided by a key, and
/// three letters in the week before.
async fn history(desk: &Desk, now: Time) {
    let (mode, submitted) = (Mode::GatedAll, now.plus_days(-2));
    let shown = submitted.plus_seconds(3600);
    let ids: Vec<MessageId> = (0..24).map(|n| held(desk, mode, &format!("c{n}@example.com"), submitted).row.id).collect();
    for (n, id) in ids.iter().enumerate() {
        let (kind, ms) = match n {
            0..4 => (DecisionKind::Approve, 2_000),
            4..20 => (DecisionKind::Approve, 10_000),
            20..22 => (DecisionKind::Approve, 40_000),
            22 => (DecisionKind::Reject, 60_000),
            _ => (DecisionKind::RequestChanges, 120_000),
        };
        if (20..22).contains(&n) {
            reworded(desk, "Rob", id, |text| text.replace("slow", "rather slow"), submitted.plus_seconds(60));
        }
        decided(desk, "Rita", id, kind, shown, ms);
    }
    let max = desk.person("Max");
    let by_hand = NewMessage {
        words: Words { subject: "By hand".into(), text: Some("A word.".into()), html: None },
        ..letter(mode, "p@example.com", Origin::Person)
    };
    let by_hand = desk.write(|conn| submit(conn, &max, &by_hand, now.plus_seconds(-18_000))).unwrap();
    let hash = Some(by_hand.row.content_hash.as_str());
    desk.write(|conn| {
        decide(conn, &OPERATOR, &Decide { content_hash: hash, ..Decide::on(&by_hand.row.id, DecisionKind::Approve) }, now.plus_seconds(-1))
    })
    .unwrap();
    desk.write(|conn| cancel(conn, &max, &ids[0], now.plus_seconds(-1))).unwrap();
    let free = NewMessage {
        words: Words { subject: "Free".into(), text: Some("It is free.".into()), html: None },
        ..letter(mode, "w@example.com", Origin::Agent)
    };
    let free = desk.write(|conn| submit(conn, &OPERATOR, &free, now.plus_days(-3))).unwrap();
    desk.write(|conn| {
        let key = ledger::of_message(conn, &OPERATOR, &free.row.id)?[0].claim.claim_key.clone();
        ledger::waive(conn, &max, &free.row.id, &key, "agreed by phone", now.plus_days(-1))
    })
    .unwrap();
    for n in 0..3 {
        let old = held(desk, mode, &format!("old{n}@example.com"), now.plus_days(-9));
        decided(desk, "Rita", &old.row.id, DecisionKind::Approve, now.plus_days(-8), 1_000);
    }
    // Another team's work is not counted here.
    let other = held(desk, Mode::GatedSend, "other@example.com", submitted);
    decided(desk, "Rita", &other.row.id, DecisionKind::Reject, shown, 1_000);
}

#[actix_web::test]
async fn the_numbers_of_a_history_are_those_counted_by_hand() {
    let desk = Desk::new().await;
    let now = desk.now();
    history(&desk, now).await;
    let team = team_of(&desk, Mode::GatedAll, now);
    let numbers = &team.now;
    assert_eq!(numbers.decisions, 25);
    // 4 × 2 s, 16 × 10 s, 2 × 40 s, 60 s, 120 s: the 12th is the middle, the 22nd ends nine in ten.
    assert_eq!(numbers.dwell, Spread { measured: 24, median: 10_000, p90: 40_000 });
    assert_eq!(numbers.hasty, Share { part: 4, of: 24 });
    assert_eq!(numbers.edited, Share { part: 2, of: 23 });
    assert_eq!(numbers.agreed, Share { part: 20, of: 24 });
    assert_eq!(numbers.overridden, Share { part: 4, of: 24 });
    assert_eq!((numbers.waivers, numbers.stopped), (1, 1));
    // An hour and the reading time, and once five hours less a second: neither the 13th nor the 23rd of 25 passed an hour and a half.
    assert_eq!(numbers.wait, Spread { measured: 25, median: 5_400_000, p90: 5_400_000 });
    assert_eq!(numbers.bars.iter().map(|bar| bar.count).collect::<Vec<_>>(), [4, 0, 16, 2, 2, 0]);
    assert_eq!(team.oldest_pending, Some(3 * 86_400_000));
    assert_eq!(team.reasons.iter().map(|reason| reason.reason.as_str()).collect::<Vec<_>>(), ["It reads like a form."]);
    assert_eq!((team.before.decisions, team.before.hasty), (3, Share { part: 3, of: 3 }));
    assert_eq!(team.before.wait.measured, 3);
    let recounted = desk.read(verify::verify);
    assert!(recounted.miscounts.is_empty(), "{recounted:?}");
}

#[actix_web::test]
async fn a_message_sent_back_and_approved_later_waited_once() {
    let desk = Desk::new().await;
    let now = desk.now();
    let message = held(&desk, Mode::GatedSend, "a@example.com", now.plus_days(-9));
    decided(&desk, "Rita", &message.row.id, DecisionKind::RequestChanges, now.plus_days(-8), 5_000);
    desk.write(|conn| {
        let words = Words { subject: "Again".into(), text: Some("Better now.".into()), html: None };
        edit(conn, &OPERATOR, &message.row.id, &words, None, now.plus_days(-3))
    })
    .unwrap();
    decided(&desk, "Rita", &message.row.id, DecisionKind::Approve, now.plus_days(-2), 5_000);
    let team = team_of(&desk, Mode::GatedSend, now);
    assert_eq!((team.now.wait.measured, team.before.wait.measured), (0, 1));
    // Its author changed it, not a person: what was approved is what the machine wrote.
    assert_eq!((team.now.agreed, team.now.edited), (Share { part: 1, of: 1 }, Share { part: 0, of: 1 }));
    assert_eq!(team.before.overridden, Share { part: 1, of: 1 });
}

#[actix_web::test]
async fn an_approval_that_was_void_and_given_again_is_no_edit() {
    let desk = Desk::new().await;
    let now = desk.now();
    let message = held(&desk, Mode::GatedSend, "a@example.com", now.plus_days(-2));
    let (id, max) = (message.row.id, desk.person("Max").id().to_owned());
    decided(&desk, "Rita", &id, DecisionKind::Approve, now.plus_days(-2), 5_000);
    // As when a person chose the letter and its approval was void: the same words under a new number, by the same hand.
    let columns = "content_hash, from_address, from_name, to_address, to_name, subject, text_body, html_body, headers, footer";
    sql(&desk, &format!("INSERT INTO message_versions (message_id, version, {columns}, editor_kind, editor_id, editor_name, created_at) SELECT message_id, 2, {columns}, 'user', '{max}', 'Max', created_at FROM message_versions WHERE message_id = '{id}'")).unwrap();
    sql(&desk, &format!("UPDATE messages SET state = 'pending', version = 2 WHERE id = '{id}'")).unwrap();
    sql(&desk, &format!("UPDATE outbox SET state = 'cancelled' WHERE message_id = '{id}'")).unwrap();
    decided(&desk, "Rita", &id, DecisionKind::Approve, now.plus_days(-1), 5_000);
    let numbers = team_of(&desk, Mode::GatedSend, now).now;
    assert_eq!((numbers.decisions, numbers.edited, numbers.agreed), (2, Share { part: 0, of: 1 }, Share { part: 2, of: 2 }));
}

#[actix_web::test]
async fn page_and_api_say_the_same_numbers_and_small_samples_in_words() {
    let desk = Desk::new().await;
    history(&desk, desk.now()).await;
    let path = format!("/v1/reports/vigilance?days=7&mailbox={}", address(Mode::GatedAll));
    let (status, answer) = desk.call(&desk.oversight, "GET", &path, Value::Null).await;
    assert_eq!(status, 200, "{answer}");
    let period = &answer["teams"][0]["period"];
    assert_eq!(period["decisions"], 25);
    assert_eq!(period["reading_time"], json!({"measured": 24, "median_ms": 10_000, "p90_ms": 40_000}));
    assert_eq!(period["under_3_seconds"], json!({"count": 4, "of": 24, "percent": 17}));
    assert_eq!(answer["teams"][0]["period_before"]["under_3_seconds"], json!({"count": 3, "of": 3, "percent": null}));
    assert!(answer["definitions"]["Agreement"].as_str().unwrap().contains("approved them"));
    assert_eq!(desk.call(&desk.agent, "GET", &path, Value::Null).await.1["code"], "scope_missing");
    let (status, refused) = desk.call(&desk.oversight, "GET", "/v1/reports/vigilance?days=8", Value::Null).await;
    assert_eq!((status, &refused["code"]), (422, &json!("field_invalid")));

    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let page = max.get("/vigilance?days=7").await;
    assert_eq!(page.status, 200);
    for words in [
        "17 % (4 of 24)",
        "10 s, 9 in 10 within 40 s",
        "3 of 3 measured decisions: too few for a rate",
        "83 % (20 of 24)",
        "It reads like a form.",
        "never by person",
    ] {
        assert!(page.body.contains(words), "{words}");
    }
    for name in ["Rita", "Rob"] {
        assert!(!page.body.contains(name) && !answer.to_string().contains(name), "{name}");
    }
    assert!(page.body.contains("href=\"/vigilance\""));
    let mut rita = Browser::new(desk.app().await);
    rita.sign_in("rita").await;
    assert!(!rita.get("/queue").await.body.contains("href=\"/vigilance\""));
}

// ---- Tests of the desk

/// The real message and the test beside it.
fn planted(desk: &Desk, mode: Mode, to: &str) -> (Message, Message) {
    sql(desk, "UPDATE mailboxes SET planted_percent = 100").unwrap();
    let real = held(desk, mode, to, desk.now());
    sql(desk, "UPDATE mailboxes SET planted_percent = 0").unwrap();
    let filter = Filter { states: vec![State::Pending], limit: 100, ..Filter::default() };
    let newest = desk.read(|conn| Ok(list::list(conn, &OPERATOR, &filter)?.0))[0].id.clone();
    let test = desk.read(|conn| messages::get(conn, &OPERATOR, &newest));
    assert!(test.row.planted && !real.row.planted);
    (real, test)
}

fn outcome(desk: &Desk, test: &Message) -> String {
    let message = desk.read(|conn| messages::get(conn, &OPERATOR, &test.row.id));
    match desk.read(|conn| vigilance::verdict_of(conn, &message)) {
        Some(verdict) if verdict.caught => "caught".to_owned(),
        Some(_) => "missed".to_owned(),
        None => message.row.state.to_string(),
    }
}

fn mistake_in(desk: &Desk, test: &Message) -> String {
    #[derive(diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Text)]
        words: String,
    }
    let query = format!("SELECT words FROM planted_tests WHERE message_id = '{}'", test.row.id);
    let rows: Vec<Row> = desk.read(|conn| Ok(on_either!(conn, inner => diesel::sql_query(query).load(inner))?));
    rows.into_iter().next().unwrap().words
}

/// The tags that a page is made of, without what names one message and without its claims: how
/// many there are and how they stand depends on its words.
fn tags(page: &str, message: &Message) -> BTreeSet<String> {
    let hidden = [message.row.id.as_str(), message.row.contact_id.as_str(), message.row.content_hash.as_str(), &message.current.to_address];
    // The list beside it is where it stands, not what it is.
    let without = |page: &str, from: &str, to: &str| match page.split_once(from) {
        Some((before, rest)) => format!("{before}{}", rest.split_once(to).map_or("", |(_, after)| after)),
        None => page.to_owned(),
    };
    let page = without(page, "<nav class=\"review-nav\"", "</nav>");
    let page = without(&page, "<section class=\"review-list\"", "</section>");
    let tags = page.split('<').skip(1).filter_map(|rest| rest.split_once('>')).map(|(tag, _)| tag);
    // A time to put it off until counts from when the page was made.
    let tags = tags.filter(|tag| !["claim", "icons.svg", "/facts/", "name=\"back\"", "name=\"until\""].iter().any(|word| tag.contains(word)));
    tags.map(|tag| hidden.iter().fold(tag.to_owned(), |tag, word| tag.replace(word, "…"))).collect()
}

#[actix_web::test]
async fn a_test_waits_like_any_other_message_and_nothing_gives_it_away() {
    let desk = Desk::new().await;
    let (real, test) = planted(&desk, Mode::GatedSend, "sam@example.com");
    let (_, pending) = desk.call(&desk.oversight, "GET", "/v1/oversight/pending", Value::Null).await;
    let both = pending["messages"].as_array().unwrap();
    assert_eq!(both.iter().map(|one| one["id"].as_str().unwrap()).collect::<Vec<_>>(), [real.row.id.as_str(), test.row.id.as_str()]);
    let keys = |one: &Value| one.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&both[0]), keys(&both[1]));
    let (status, shown) = desk.call(&desk.oversight, "GET", &format!("/v1/emails/{}", test.row.id), Value::Null).await;
    assert_eq!(status, 200);
    let mut rita = Browser::new(desk.app().await);
    rita.sign_in("rita").await;
    let queue = rita.get("/queue").await.body;
    let mut pages = vec![pending.to_string(), shown.to_string(), queue.clone()];
    for view in ["", "?view=text", "?view=source"] {
        let [a, b] = [&real, &test].map(|message| (message, format!("/messages/{}{view}", message.row.id)));
        let (of_real, of_test) = (rita.get(&a.1).await, rita.get(&b.1).await);
        assert_eq!((of_real.status, of_test.status), (200, 200));
        let (of_real, same) = (tags(&of_real.body, a.0), tags(&of_test.body, b.0));
        assert_eq!(of_real.symmetric_difference(&same).collect::<Vec<_>>(), Vec::<&String>::new(), "{view}");
        pages.push(of_test.body);
    }
    pages.push(rita.get(&format!("/messages/{}/preview", test.row.id)).await.body);
    let customer = rita.get(&format!("/customers/{}", test.row.contact_id)).await;
    assert_eq!(customer.status, 200, "the link on the page of the message works");
    pages.extend([customer.body, rita.get("/audit").await.body]);
    for page in pages {
        let page = page.to_lowercase();
        for word in ["planted", "test of the desk", "desk test", "is_test", "made-up", "made_up"] {
            assert!(!page.contains(word), "{word}");
        }
    }
    assert!(queue.contains(test.row.id.as_str()) && queue.contains("<span data-pending-count>2"));
    assert!(test.current.to_address.ends_with(".example.com"));
    assert!(!test.current.text_body.contains("Sam Field") && !test.current.subject.contains("Sam"));
}

#[actix_web::test]
async fn no_agent_and_no_list_of_customers_knows_of_a_test() {
    let desk = Desk::new().await;
    let (_, test) = planted(&desk, Mode::GatedSend, "sam@example.com");
    let id = &test.row.id;
    for (method, path, body) in [
        ("GET", format!("/v1/emails/{id}"), Value::Null),
        ("POST", format!("/v1/emails/{id}/cancel"), json!({})),
        ("POST", format!("/v1/emails/{id}/tags"), json!({"tags": ["a"]})),
        ("GET", format!("/v1/contacts/{}", test.row.contact_id), Value::Null),
    ] {
        let (status, answer) = desk.call(&desk.agent, method, &path, body).await;
        assert_eq!(status, 404, "{path}: {answer}");
    }
    for key in [&desk.agent, &desk.oversight] {
        for query in ["".to_owned(), format!("?email={}", test.current.to_address)] {
            let (_, found) = desk.call(key, "GET", &format!("/v1/contacts/search{query}"), Value::Null).await;
            assert!(!found.to_string().contains(test.row.contact_id.as_str()), "{query}: {found}");
        }
    }
    let thread = test.row.thread_id.clone();
    let agent = countersign::domain::actor::Actor::Key {
        id: countersign::domain::ids::ApiKeyId::new(),
        name: "agent".into(),
        scopes: vec![countersign::domain::actor::Scope::Read],
        mailboxes: countersign::domain::actor::Mailboxes::All,
        is_test: false,
    };
    assert!(desk.read(|conn| messages::of_thread(conn, &agent, &thread)).is_empty());
    let all = desk.read(|conn| Ok(list::list(conn, &agent, &Filter { limit: 100, ..Filter::default() })?.0));
    assert_eq!(all.len(), 1);
    assert_eq!(desk.read(|conn| list::count_pending(conn, &agent)).number(), 1);
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let customers = max.get("/customers").await.body;
    assert!(customers.contains("sam@example.com") && !customers.contains(test.row.contact_id.as_str()));
}

#[actix_web::test]
async fn whoever_approves_a_test_is_told_and_nothing_leaves() {
    let desk = Desk::new().await;
    let (_, by_person) = planted(&desk, Mode::GatedSend, "a@example.com");
    let (_, by_key) = planted(&desk, Mode::GatedSend, "b@example.com");
    let mut rita = Browser::new(desk.app().await);
    rita.sign_in("rita").await;
    let path = format!("/messages/{}", by_person.row.id);
    let page = rita.post(&path, &format!("{path}/approval"), &[("content_hash", &by_person.row.content_hash)]).await;
    assert_eq!(page.status, 303, "{}", page.body);
    let after = rita.get(&path).await.body;
    assert!(after.contains("A test of the desk: it was never going to be sent. What was missed:"), "{after}");

    desk.call(&desk.oversight, "GET", "/v1/oversight/pending", Value::Null).await;
    let (status, answer) =
        desk.call(&desk.oversight, "POST", "/v1/oversight/decide", json!({"message_id": by_key.row.id, "decision": "approve"})).await;
    assert_eq!((status, &answer["status"]), (200, &json!("cancelled")));
    assert!(answer["reason"].as_str().unwrap().starts_with("A test of the desk: it was never going to be sent."));
    for test in [&by_person, &by_key] {
        assert_eq!(outcome(&desk, test), "missed");
        let message = desk.read(|conn| messages::get(conn, &OPERATOR, &test.row.id));
        assert_eq!((message.row.state, message.decisions.len()), (State::Cancelled, 1));
    }
    desk.drain().await;
    assert!(desk.catcher.messages().is_empty());
    assert_eq!(sql(&desk, "UPDATE outbox SET attempts = attempts").unwrap(), 0, "no outbox row was made");
    assert_eq!(sql(&desk, "UPDATE planted_tests SET words = words WHERE outcome = 'missed'").unwrap(), 2);
    // Once it is over it is in no list, and nobody's name stands in its record.
    let all = desk.read(|conn| Ok(list::list(conn, &desk.person("Rita"), &Filter { limit: 100, ..Filter::default() })?.0));
    assert!(all.iter().all(|row| row.id != by_person.row.id && row.id != by_key.row.id));
    let audit = desk.read(|conn| crate::support::log_of(conn, &OPERATOR, Some(by_person.row.id.as_str()), 10));
    assert_eq!((audit[1].action.as_str(), audit[1].actor_kind.as_str()), ("message.end_test", "system"));
    // The report counts it among tests and nowhere else.
    let numbers = team_of(&desk, Mode::GatedSend, desk.now().plus_seconds(1)).now;
    assert_eq!((numbers.decisions, numbers.caught), (0, Share { part: 0, of: 2 }));
}

#[actix_web::test]
async fn a_mistake_is_caught_by_sending_it_back_or_taking_it_out() {
    let desk = Desk::new().await;
    let now = desk.now().plus_seconds(-60);
    for kind in [DecisionKind::Reject, DecisionKind::RequestChanges] {
        let (_, test) = planted(&desk, Mode::GatedSend, &format!("{kind}@example.com"));
        let done = decided(&desk, "Rita", &test.row.id, kind, now, 1000);
        assert!(done.row.state_reason.unwrap().starts_with("Well seen: this was a planted test of the desk"));
        assert_eq!((done.row.state, outcome(&desk, &test).as_str()), (State::Cancelled, "caught"));
        assert_eq!(done.decisions[0].reason.as_deref(), Some("It reads like a form."), "the reviewer's own words are kept");
    }
    let (_, mended) = planted(&desk, Mode::GatedSend, "mended@example.com");
    let wrong = mistake_in(&desk, &mended);
    reworded(&desk, "Rob", &mended.row.id, |text| text.replace(&wrong, "Hello there,"), now);
    decided(&desk, "Rita", &mended.row.id, DecisionKind::Approve, now, 1000);
    assert_eq!(outcome(&desk, &mended), "caught");
    let (_, polished) = planted(&desk, Mode::GatedSend, "polished@example.com");
    reworded(&desk, "Rob", &polished.row.id, |text| text.replace("slow", "very slow"), now);
    decided(&desk, "Rita", &polished.row.id, DecisionKind::Approve, now, 1000);
    assert_eq!(outcome(&desk, &polished), "missed");

    let (_, expired) = planted(&desk, Mode::GatedSend, "expired@example.com");
    desk.write(|conn| expire_due(conn, desk.now().plus_days(4))).unwrap();
    assert_eq!(outcome(&desk, &expired), "expired");
    let (_, withdrawn) = planted(&desk, Mode::GatedSend, "withdrawn@example.com");
    desk.write(|conn| cancel(conn, &desk.person("Max"), &withdrawn.row.id, now)).unwrap();
    assert_eq!(outcome(&desk, &withdrawn), "withdrawn");
    let numbers = team_of(&desk, Mode::GatedSend, now.plus_days(5)).now;
    assert_eq!((numbers.caught, numbers.lapsed), (Share { part: 3, of: 4 }, 2));
    let recounted = desk.read(verify::verify);
    assert!(recounted.miscounts.is_empty(), "{recounted:?}");

    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    assert!(max.get("/vigilance?days=7").await.body.contains("3 of 4 tests: too few for a rate"));
}

#[actix_web::test]
async fn the_database_refuses_to_let_a_test_leave_whatever_the_code_does() {
    let desk = Desk::new().await;
    let (real, test) = planted(&desk, Mode::GatedSend, "a@example.com");
    // Everything that real mail needs: an approval of these words and a warrant that names it.
    for (message, tag) in [(&real, "r"), (&test, "t")] {
        let id = &message.row.id;
        sql(&desk, &format!("INSERT INTO decisions (id, message_id, version, content_hash, kind, actor_kind, actor_id, actor_name, created_at) SELECT 'd{tag}', id, version, content_hash, 'approve', 'user', 'u', 'U', 0 FROM messages WHERE id = '{id}'")).unwrap();
        sql(&desk, &format!("INSERT INTO warrants (id, message_id, version, content_hash, decision_id, cleared_by, policy_version, issued_at, expires_at) SELECT 'w{tag}', id, version, content_hash, 'd{tag}', 'decision', 1, 0, 9223372036854775807 FROM messages WHERE id = '{id}'")).unwrap();
    }
    let insert = |message: &Message, tag: &str| {
        sql(
            &desk,
            &format!(
                "INSERT INTO outbox (message_id, warrant_id, mailbox_id, state, not_before, attempts, updated_at) SELECT id, 'w{tag}', mailbox_id, 'queued', 0, 0, 0 FROM messages WHERE id = '{}'",
                message.row.id
            ),
        )
    };
    assert!(insert(&test, "t").unwrap_err().contains("outbox row for a test of the desk"));
    insert(&real, "r").unwrap();
    let (real_id, test_id) = (&real.row.id, &test.row.id);
    assert!(sql(&desk, &format!("UPDATE outbox SET message_id = '{test_id}', warrant_id = 'wt' WHERE message_id = '{real_id}'")).is_err());
    for (id, to) in [(test_id, "FALSE"), (real_id, "TRUE")] {
        let refused = sql(&desk, &format!("UPDATE messages SET planted = {to} WHERE id = '{id}'")).unwrap_err();
        assert!(refused.contains("A test of the desk stays one"), "{refused}");
    }
    // Should one have left after all, the recount says so.
    sql(&desk, &format!("UPDATE messages SET state = 'sent' WHERE id = '{test_id}'")).unwrap();
    let report = desk.read(verify::verify);
    assert!(report.exceptions.iter().any(|(id, why)| id == test_id && why.contains("must never leave")), "{report:?}");
}

#[actix_web::test]
async fn approving_a_test_clears_no_campaign() {
    let desk = Desk::new().await;
    sql(&desk, "UPDATE mailboxes SET planted_percent = 100").unwrap();
    let campaign = json!({"campaign": "spring", "consent_basis": "consent"});
    let (_, first) = desk.send(Mode::Monitored, "a@example.com", campaign.clone()).await;
    assert_eq!(first["status"], "pending");
    let (_, pending) = desk.call(&desk.oversight, "GET", "/v1/oversight/pending", Value::Null).await;
    let test = pending["messages"].as_array().unwrap().iter().find(|one| one["id"] != first["id"]).unwrap();
    let (status, _) = desk.call(&desk.oversight, "POST", "/v1/oversight/decide", json!({"message_id": test["id"], "decision": "approve"})).await;
    assert_eq!(status, 200);
    let (_, second) = desk.send(Mode::Monitored, "b@example.com", campaign).await;
    assert_eq!((&second["status"], &second["reason"]), (&json!("pending"), &json!("It is the first message of a new campaign.")));
}

#[actix_web::test]
async fn only_what_machines_submit_is_copied_and_only_where_an_administrator_asked() {
    let desk = Desk::new().await;
    let count = || sql(&desk, "UPDATE planted_tests SET words = words").unwrap();
    held(&desk, Mode::GatedAll, "off@example.com", desk.now());
    assert_eq!(count(), 0);
    sql(&desk, "UPDATE mailboxes SET planted_percent = 100").unwrap();
    let (max, now) = (desk.person("Max"), desk.now());
    desk.write(|conn| submit(conn, &max, &letter(Mode::GatedAll, "person@example.com", Origin::Person), now)).unwrap();
    desk.write(|conn| submit(conn, &max, &letter(Mode::GatedAll, "chosen@example.com", Origin::Playbook), now)).unwrap();
    desk.send(Mode::GatedAll, "open@example.com", json!({"text_body": "It is free."})).await;
    desk.send(Mode::Autonomous, "cleared@example.com", json!({"consent_basis": "consent"})).await;
    assert_eq!(count(), 0);
    held(&desk, Mode::GatedAll, "on@example.com", now);
    assert_eq!(count(), 1);

    let mailbox = desk.read(|conn| mailboxes::list(conn, &OPERATOR)).remove(0);
    let change = |percent| MailboxChange { planted_percent: percent, ..MailboxChange::from(&desk.mailbox(Mode::GatedSend)) };
    for (percent, wanted) in [(0, true), (10, true), (11, false), (-1, false)] {
        let done = desk.write(|conn| mailboxes::change(conn, &OPERATOR, &mailbox.id, &change(percent), now));
        assert_eq!(done.is_ok(), wanted, "{percent}");
    }
    assert!(desk.write(|conn| mailboxes::change(conn, &max, &mailbox.id, &change(5), now)).is_err(), "a manager may not");
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    let path = format!("/mailboxes/{}", mailbox.id);
    let fields = [("name", "Sender"), ("postal_address", "1 Main Street"), ("undo_seconds", "0"), ("planted_percent", "7"), ("notify", "off")];
    assert_eq!(ada.post(&path, &path, &fields).await.status, 303);
    assert_eq!(desk.read(|conn| mailboxes::get(conn, &OPERATOR, &mailbox.id)).planted_percent, 7);
}

#[actix_web::test]
async fn every_mistake_is_one_that_the_ledger_lets_through() {
    let desk = Desk::new().await;
    sql(&desk, "UPDATE mailboxes SET planted_percent = 100").unwrap();
    let now = desk.now();
    desk.write(|conn| {
        (0..150).try_for_each(|n| submit(conn, &OPERATOR, &letter(Mode::GatedSend, &format!("c{n}@example.com"), Origin::Agent), now).map(drop))
    })
    .unwrap();
    #[derive(diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Text)]
        mistake: String,
    }
    let rows: Vec<Row> = desk.read(|conn| Ok(on_either!(conn, inner => diesel::sql_query("SELECT mistake FROM planted_tests").load(inner))?));
    assert_eq!(rows.len(), 150);
    let kinds: BTreeSet<&str> = rows.iter().map(|row| row.mistake.as_str()).collect();
    assert_eq!(kinds.len(), 6, "{kinds:?}");
    assert_eq!(sql(&desk, "UPDATE messages SET planted = planted WHERE claims_open > 0").unwrap(), 0);
}
