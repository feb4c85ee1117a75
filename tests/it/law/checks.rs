//! On which ground, how often and how fast: the rules that the checks at transmit hold.

use countersign::clock::Time;
use countersign::domain::contacts::{self, ConsentBasis};
use countersign::domain::ids::{ContactId, MessageId};
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::{DecisionKind, Message, State, lifecycle};
use countersign::domain::outbox::{self, WorkerId};
use countersign::domain::policy::rules::{GroundRule, Rules, set_rules};
use countersign::domain::reputation::{self, Health};
use countersign::domain::senders::{self, Seen, Standing, judge};
use serde_json::json;

use super::{known, refused};
use crate::support::{Desk, OPERATOR, sql};

fn rule(desk: &Desk, rules: Rules) {
    desk.write(|conn| set_rules(conn, &OPERATOR, &rules, desk.now())).unwrap();
}

/// Rules of which none stops anything.
fn free() -> Rules {
    Rules { cap_messages: 0, quiet_from: 0, quiet_until: 0, ground: GroundRule::Reviewed, ..Rules::default() }
}

async fn approved(desk: &Desk, to: &str) -> Message {
    let message = desk.pending(to, json!({})).await;
    desk.decide("Rita", &message, DecisionKind::Approve).unwrap()
}

/// How many a worker would get at this time.
fn claim(desk: &Desk, now: Time) -> usize {
    desk.write(|conn| outbox::claim(conn, &WorkerId::new(), 500, now)).unwrap().len()
}

fn state(desk: &Desk, message: &Message) -> State {
    desk.message(message.row.id.as_str()).row.state
}

async fn living_in(desk: &Desk, email: &str, country: &str, basis: Option<ConsentBasis>) -> ContactId {
    let (status, made) = desk.call(&desk.agent, "POST", "/v1/contacts", json!({"email": email, "metadata": {"country": country}})).await;
    assert_eq!(status, 200, "{made}");
    let id = ContactId::from(made["id"].as_str().unwrap());
    if let Some(basis) = basis {
        desk.write(|conn| contacts::record_consent(conn, &OPERATOR, &id, basis, "form", desk.now())).unwrap();
    }
    id
}

/// 15 USC 7702(17), 16 CFR 316.3: what is said to be transactional takes a person who confirms it.
#[actix_web::test]
async fn l_06_what_is_not_commercial_is_confirmed_by_somebody() {
    let desk = Desk::new().await;
    known(&desk, "ana@example.com").await;
    let (status, passed) = desk.send(Mode::GatedSend, "ana@example.com", json!({"class": "transactional"})).await;
    assert_eq!((status, passed["status"].as_str()), (202, Some("pending")), "{passed}");
    let (_, held) = desk.send(Mode::Autonomous, "ana@example.com", json!({"class": "transactional"})).await;
    assert_eq!(held["status"], "pending", "no key sends it unread: {held}");
    assert_eq!(refused(&desk, "ana@example.com", json!({"class": "relationship"})).await, "field_invalid");
    // What also advertises is commercial, whatever it is called, and whoever words it later.
    let offer = "Your receipt is attached. Order again this week and get 20 % off.";
    let more = json!({"class": "transactional", "text_body": offer});
    assert_eq!(refused(&desk, "ana@example.com", more).await, "promotion_in_transactional");
    assert_eq!(desk.send(Mode::GatedSend, "ana@example.com", json!({"text_body": offer})).await.0, 202, "as what it is");
    let path = format!("/v1/emails/{}", passed["id"].as_str().unwrap());
    let (status, edited) = desk.call(&desk.agent, "PATCH", &path, json!({"text_body": offer})).await;
    assert_eq!((status, edited["code"].as_str()), (422, Some("promotion_in_transactional")), "{edited}");
}

/// Directive 2002/58/EC, article 13(1)-(2): consent or an own customer's soft opt-in, and it lapses.
#[actix_web::test]
async fn l_19_in_europe_the_ground_fits_and_is_fresh() {
    let desk = Desk::new().await;
    rule(&desk, Rules { ground: GroundRule::Recorded, ..free() });
    living_in(&desk, "ana@example.com", "DE", Some(ConsentBasis::SoftOptIn)).await;
    let passes = desk.pending("ana@example.com", json!({})).await;
    assert!(desk.decide("Rita", &passes, DecisionKind::Approve).is_ok());
    assert_eq!(claim(&desk, desk.now()), 1);
    living_in(&desk, "bo@example.com", "DE", Some(ConsentBasis::Contract)).await;
    let contract = desk.pending("bo@example.com", json!({})).await;
    assert_eq!(desk.decide("Rita", &contract, DecisionKind::Approve).unwrap_err().code, "ground_missing");
    living_in(&desk, "cy@example.com", "DE", Some(ConsentBasis::Consent)).await;
    sql(&desk, "UPDATE consents SET recorded_at = recorded_at - 72000000000000");
    let lapsed = desk.pending("cy@example.com", json!({})).await;
    assert_eq!(desk.decide("Rita", &lapsed, DecisionKind::Approve).unwrap_err().code, "ground_missing", "older than 24 months");
}

/// S.C. 2010, c. 23, section 10: implied consent ends two years after a purchase.
#[actix_web::test]
async fn l_22_in_canada_implied_consent_ends() {
    let desk = Desk::new().await;
    rule(&desk, free());
    let id = living_in(&desk, "ana@example.com", "CA", Some(ConsentBasis::SoftOptIn)).await;
    let day = 86_400_000_000_i64;
    sql(&desk, &format!("UPDATE consents SET recorded_at = {} WHERE contact_id = '{id}'", desk.now().micros() - 700 * day));
    assert_eq!(desk.send(Mode::GatedSend, "ana@example.com", json!({})).await.0, 202, "700 days");
    sql(&desk, &format!("UPDATE consents SET recorded_at = {} WHERE contact_id = '{id}'", desk.now().micros() - 732 * day));
    assert_eq!(refused(&desk, "ana@example.com", json!({})).await, "consent_lapsed", "732 days");
}

/// RFC 9989, and what Gmail, Yahoo and Microsoft ask of bulk senders: something in DNS speaks for the domain of From.
#[actix_web::test]
async fn l_25_a_domain_that_nothing_speaks_for_pauses() {
    let desk = Desk::new().await;
    let seen = |spf: &str| Seen {
        domain: "shop.sender.dev".into(),
        spf: Ok(vec![spf.to_owned()]),
        dkim: vec![],
        dmarc: vec![("_dmarc.shop.sender.dev".into(), Ok(vec!["v=DMARC1; p=reject".into()]))],
        relay: None,
    };
    sql(
        &desk,
        "UPDATE mailboxes SET address = 'news@shop.sender.dev', address_key = 'news@shop.sender.dev' WHERE address_key = 'gated-send@sender.example'",
    );
    let stopped = || desk.read(|conn| countersign::domain::mailboxes::resolve(conn, &OPERATOR, Some("news@shop.sender.dev"))).stopped_at.is_some();
    let look = desk.write(|conn| senders::keep(conn, &OPERATOR, &seen("v=spf1 include:_spf.relay.test -all"), true, desk.now())).unwrap();
    assert!(look.aligned && !stopped());
    let look = desk.write(|conn| senders::keep(conn, &OPERATOR, &seen("other=1"), true, desk.now())).unwrap();
    assert!(!look.aligned && stopped());
}

/// What Google asks of whoever sends 5,000 a day: SPF, DKIM, DMARC and PTR, each told in words.
#[actix_web::test]
async fn l_26_what_bulk_senders_need_is_looked_at() {
    let fine = Seen {
        domain: "sender.dev".into(),
        spf: Ok(vec!["v=spf1 include:_spf.relay.test -all".into()]),
        dkim: vec![],
        dmarc: vec![("_dmarc.sender.dev".into(), Ok(vec!["v=DMARC1; p=reject".into()]))],
        relay: None,
    };
    let standing = |seen: &Seen, part: &str| judge(seen).0.iter().find(|finding| finding.part == part).map(|finding| finding.standing);
    assert_eq!((standing(&fine, "spf"), standing(&fine, "dmarc")), (Some(Standing::Good), Some(Standing::Good)));
    let bare = Seen { spf: Ok(vec![]), dmarc: vec![("_dmarc.sender.dev".into(), Ok(vec![]))], ..fine };
    assert_ne!(standing(&bare, "spf"), Some(Standing::Good));
    assert_ne!(standing(&bare, "dmarc"), Some(Standing::Good));
}

fn history(desk: &Desk, sent: usize) -> Vec<String> {
    let (now, id) = (desk.now(), desk.mailbox(Mode::GatedSend).id);
    let model = desk.read(|conn| countersign::domain::messages::list::list(conn, &OPERATOR, &Default::default())).0[0].id.to_string();
    let columns = "mailbox_id, contact_id, thread_id, effective_mode, origin, author_kind, author_id, editor_kind, editor_id, is_test, version, content_hash, created_at, updated_at";
    for n in 0..sent {
        let at = now.micros() + i64::try_from(n).unwrap();
        sql(
            desk,
            &format!(
                "INSERT INTO messages (id, state, sent_at, {columns}) SELECT 'm{n:05}', 'sent', {at}, {columns} FROM messages WHERE id = '{model}'"
            ),
        );
        sql(
            desk,
            &format!(
                "INSERT INTO sends (message_id, mailbox_id, contact_id, domain, commercial, at) SELECT id, mailbox_id, contact_id, 'example.com', TRUE, {at} \
                 FROM messages WHERE id = 'm{n:05}'"
            ),
        );
    }
    sql(desk, &format!("INSERT INTO mailbox_days (mailbox_id, day, sent, bounced, complained) VALUES ('{id}', '{}', {sent}, 0, 0)", now.date()));
    (0..sent).map(|n| format!("m{n:05}")).collect()
}

fn health(desk: &Desk) -> Health {
    let id = desk.mailbox(Mode::GatedSend).id;
    desk.read(|conn| reputation::pace(conn, &OPERATOR, &id)).health
}

/// Two in a hundred that come back, or one complaint in a thousand: the mailbox pauses itself, and a person resumes it.
#[actix_web::test]
async fn l_28_too_much_that_comes_back_pauses_the_mailbox() {
    let desk = Desk::new().await;
    rule(&desk, free());
    let waiting = approved(&desk, "ana@example.com").await;
    let sent = history(&desk, 200);
    let came = |n: usize| {
        let id = MessageId::from(sent[n].as_str());
        desk.write(|conn| lifecycle::transition(conn, &id, State::Sent, State::Bounced, None, desk.now())).unwrap();
    };
    (0..4).for_each(came);
    assert_ne!(health(&desk), Health::Paused, "two in a hundred are allowed");
    came(4);
    assert_eq!(health(&desk), Health::Paused);
    assert_eq!((claim(&desk, desk.now().plus_days(1)), state(&desk, &waiting)), (0, State::Approved), "nothing leaves, nothing is lost");
}

/// More than twice the median of fourteen days.
#[actix_web::test]
async fn l_29_a_spike_pauses_the_mailbox() {
    let desk = Desk::new().await;
    rule(&desk, free());
    let (id, now) = (desk.mailbox(Mode::GatedSend).id, desk.now());
    for day in 1..8 {
        sql(&desk, &format!("INSERT INTO mailbox_days VALUES ('{id}', '{}', 100, 0, 0)", now.plus_days(-day).date()));
    }
    sql(&desk, &format!("INSERT INTO mailbox_days VALUES ('{id}', '{}', 199, 0, 0)", now.date()));
    approved(&desk, "ana@example.com").await;
    assert_eq!((claim(&desk, desk.now()), health(&desk)), (1, Health::Good), "twice is allowed");
    approved(&desk, "bo@example.com").await;
    claim(&desk, desk.now());
    assert_eq!(health(&desk), Health::Paused);
}

/// Twice a week to one person over every campaign, not at night, and nothing of a topic they switched off.
#[actix_web::test]
async fn l_36_how_often_and_about_what_is_for_the_recipient() {
    let desk = Desk::new().await;
    rule(&desk, Rules { cap_messages: 2, ..free() });
    known(&desk, "ana@example.com").await;
    for _ in 0..3 {
        approved(&desk, "ana@example.com").await;
    }
    assert_eq!(claim(&desk, desk.now()), 2, "the third of a week waits");
    assert_eq!(Rules::default().cap_messages, 2);

    // Another desk, on which nothing is claimed by anybody else.
    let desk = Desk::new().await;
    rule(&desk, free());
    let max = desk.person("Max");
    let news = countersign::domain::preferences::topics::Input { name: "News".into(), wanted: true, ..Default::default() };
    desk.write(|conn| countersign::domain::preferences::topics::create(conn, &max, &news, desk.now())).unwrap();
    let bo = known(&desk, "bo@example.com").await;
    let about = |more: serde_json::Value| json!({"topic": more});
    let (wanted, off) = (desk.pending("bo@example.com", json!({})).await, desk.pending("bo@example.com", about(json!("News"))).await);
    desk.decide("Rita", &wanted, DecisionKind::Approve).unwrap();
    desk.decide("Rita", &off, DecisionKind::Approve).unwrap();
    let path = format!("/v1/contacts/{bo}/preferences");
    assert_eq!(desk.call(&desk.agent, "PATCH", &path, json!({"topics_off": "News"})).await.0, 200);
    desk.drain().await;
    let sent = desk.catcher.messages().len();
    assert_eq!((sent, state(&desk, &wanted), state(&desk, &off)), (1, State::Sent, State::Skipped), "they switched the topic off after the approval");
}

/// RFC 8058 §4 and RFC 6376: the signature covers who sends, to whom, and how to stop; no length, From once more.
#[actix_web::test]
async fn l_24_the_signature_covers_how_to_stop() {
    let folder = tempfile::tempdir().unwrap();
    let ring = countersign::email::dkim::KeyRing::new(Some(folder.path().join("dkim")));
    ring.make("example.com", "s1").unwrap();
    let mail = "From: a@example.com\r\nTo: b@example.com\r\nSubject: Hello\r\nDate: Mon, 02 Mar 2026 10:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n\
        List-Unsubscribe: <https://desk.example.com/u/x>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\nHello\r\n";
    let signed = String::from_utf8(ring.sign("example.com", mail.as_bytes().to_vec(), 1_790_000_000)).unwrap();
    let header = signed.split("\r\nFrom:").next().unwrap().replace(['\r', '\n', '\t', ' '], "").to_lowercase();
    let names: Vec<&str> = header.split("h=").nth(1).unwrap().split(';').next().unwrap().split(':').collect();
    for name in ["from", "to", "subject", "date", "message-id", "list-unsubscribe", "list-unsubscribe-post"] {
        assert!(names.contains(&name), "{name}: {header}");
    }
    assert!(names.iter().filter(|name| **name == "from").count() == 2 && !header.contains(";l="), "{header}");
    let unreadable = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    assert!(ring.import("example.com", "s2", unreadable).is_err());
    // A domain without a key is not signed with that of another.
    assert!(!String::from_utf8(ring.sign("other.example", mail.as_bytes().to_vec(), 1_790_000_000)).unwrap().contains("DKIM-Signature"));
}
