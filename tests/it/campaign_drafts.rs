//! Drafting a template for everybody in the segment of a campaign: once for each, with progress, through kills and by several at once.

use countersign::domain::campaigns::rounds;
use countersign::domain::contacts::{self, ConsentBasis};
use countersign::domain::email_address::EmailAddress;
use countersign::domain::mailboxes::Mode;
use serde_json::{Value, json};

use crate::programs::contact;
use crate::support::{Browser, Desk, OPERATOR, address, count, sql};
use crate::templates::{approve, template};

/// A campaign for everybody with the tag beta; its path and a template.
async fn scene(desk: &Desk, contacts: usize) -> (String, String) {
    for place in 0..contacts {
        contact(desk, &format!("c{place}@example.com"), &["beta"]);
    }
    let words = json!({"subject": "News", "body": "Hello {{ mail }}.", "variables": [{"name": "mail", "type": "text", "source": "contact.email"}]});
    let template = template(desk, words).await;
    let (_, segment) = desk.call(&desk.agent, "POST", "/v1/segments", json!({"name": "Beta", "tags": "beta"})).await;
    let campaign = json!({"name": "Spring", "kind": "feedback", "segment_id": segment["id"], "mailbox": address(Mode::GatedSend)});
    let (status, made) = desk.call(&desk.agent, "POST", "/v1/campaigns", campaign).await;
    assert_eq!(status, 201, "{made}");
    (format!("/v1/campaigns/{}", made["id"].as_str().unwrap()), template)
}

async fn begin(desk: &Desk, path: &str, template: &str, more: Value) -> (u16, Value) {
    let mut body = json!({"template_id": template});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    desk.call(&desk.agent, "POST", &format!("{path}/drafts"), body).await
}

fn work(desk: &Desk) -> usize {
    (0..1000).take_while(|_| desk.write(|conn| rounds::step(conn, desk.now())).unwrap()).count()
}

async fn newest(desk: &Desk, path: &str) -> Value {
    desk.call(&desk.agent, "GET", &format!("{path}/drafts"), json!(null)).await.1["drafts"][0].clone()
}

fn messages(desk: &Desk) -> (i64, i64) {
    (count(desk, "SELECT count(*) AS n FROM messages"), count(desk, "SELECT count(DISTINCT contact_id) AS n FROM messages"))
}

#[actix_web::test]
async fn everybody_in_the_segment_gets_it_once_and_the_progress_is_told() {
    let desk = Desk::new().await;
    let (path, template) = scene(&desk, 50).await;
    contact(&desk, "left@example.com", &["beta", "unsubscribed"]);
    let (status, begun) = begin(&desk, &path, &template, json!({})).await;
    assert_eq!((status, &begun["total"], &begun["done"]), (202, &json!(51), &json!(0)), "{begun}");
    let (status, again) = begin(&desk, &path, &template, json!({})).await;
    assert_eq!((status, again["code"].as_str()), (409, Some("round_under_way")));
    // A process that ends between two steps leaves the rest to the next.
    assert!(desk.write(|conn| rounds::step(conn, desk.now())).unwrap());
    let some = newest(&desk, &path).await;
    assert_eq!((&some["done"], &some["finished_at"]), (&json!(20), &json!(null)), "{some}");
    work(&desk);
    assert_eq!(messages(&desk), (50, 50));
    let done = newest(&desk, &path).await;
    assert_eq!(
        (&done["done"], &done["drafted"], &done["left_out"], done["finished_at"].is_string()),
        (&json!(51), &json!(50), &json!(1), true),
        "{done}"
    );
    assert!(done["because"].as_str().is_some_and(|why| why.contains("unsubscribed") || !why.is_empty()));
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM messages WHERE state = 'pending' AND campaign = 'Spring'"), 50);
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM message_tags WHERE tag = 'nps_request'"), 50, "replies to them are scored");
    // Again: only who came since gets it.
    contact(&desk, "late@example.com", &["beta"]);
    assert_eq!(begin(&desk, &path, &template, json!({})).await.0, 202);
    work(&desk);
    let second = newest(&desk, &path).await;
    assert_eq!((messages(&desk), &second["drafted"], &second["passed_over"]), ((51, 51), &json!(1), &json!(50)), "{second}");
}

#[actix_web::test]
async fn several_processes_and_one_that_ends_in_the_middle_draft_nobody_twice() {
    let desk = Desk::new().await;
    let (path, template) = scene(&desk, 120).await;
    begin(&desk, &path, &template, json!({})).await;
    let now = desk.now();
    // One that ends before it commits: all of its step is as if it had not been.
    let undone = desk.write(|conn| {
        rounds::step(conn, now)?;
        Err::<(), _>(countersign::domain::error::Error::internal("the process ends here"))
    });
    assert!(undone.is_err() && messages(&desk).0 == 0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let db = desk.restarted().db;
            scope.spawn(move || while db.write(|conn| rounds::step(conn, now)).unwrap() {});
        }
    });
    assert_eq!(messages(&desk), (120, 120));
    let done = newest(&desk, &path).await;
    assert_eq!((&done["drafted"], &done["done"]), (&json!(120), &json!(120)), "{done}");
    assert_eq!(crate::support::count(&desk, "SELECT CAST(failures AS BIGINT) AS n FROM campaign_rounds"), 0, "they took turns");
}

#[actix_web::test]
async fn a_share_is_held_out_the_same_in_each_round() {
    let desk = Desk::new().await;
    let (path, template) = scene(&desk, 200).await;
    assert_eq!(begin(&desk, &path, &template, json!({"holdout": 51})).await.1["code"], "field_invalid");
    begin(&desk, &path, &template, json!({"holdout": 20})).await;
    work(&desk);
    let done = newest(&desk, &path).await;
    let held_out = done["held_out"].as_i64().unwrap();
    assert!((15..70).contains(&held_out), "{done}");
    assert_eq!(done["drafted"].as_i64().unwrap() + held_out, 200);
    // They stay out of another template of the same campaign, and of a second round.
    let other = crate::templates::template(&desk, json!({"name": "Other", "subject": "Again", "body": "Hello again.", "variables": []})).await;
    begin(&desk, &path, &other, json!({"holdout": 20})).await;
    work(&desk);
    begin(&desk, &path, &template, json!({})).await;
    work(&desk);
    let got = "SELECT count(*) AS n FROM campaign_contacts h WHERE h.message_id IS NULL AND EXISTS \
               (SELECT 1 FROM messages m WHERE m.contact_id = h.contact_id)";
    assert_eq!(count(&desk, got), 0);
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM messages"), 2 * (200 - held_out));
}

#[actix_web::test]
async fn it_can_be_cancelled_and_an_approved_template_of_an_approved_campaign_goes_out_by_itself() {
    let desk = Desk::new().await;
    let (path, template) = scene(&desk, 60).await;
    desk.write(|conn| {
        for place in 0..60 {
            let ana = contacts::by_address(conn, &OPERATOR, &EmailAddress::parse("email", &format!("c{place}@example.com"))?)?.unwrap();
            contacts::record_consent(conn, &OPERATOR, &ana.id, ConsentBasis::Consent, "a form", desk.now())?;
        }
        Ok(())
    })
    .unwrap();
    approve(&desk, "Max", &template, 1).unwrap();
    begin(&desk, &path, &template, json!({"mailbox": address(Mode::Autonomous)})).await;
    desk.write(|conn| rounds::step(conn, desk.now())).unwrap();
    let (status, cancelled) = desk.call(&desk.agent, "POST", &format!("{path}/drafts/cancel"), json!({})).await;
    assert_eq!((status, cancelled["drafts"][0]["cancelled_at"].is_string()), (200, true), "{cancelled}");
    assert_eq!((work(&desk), messages(&desk).0), (0, 20));
    let states = |state: &str| count(&desk, &format!("SELECT count(*) AS n FROM messages WHERE state = '{state}'"));
    assert_eq!((states("pending"), states("queued")), (20, 0), "no message of this campaign was approved yet");
    let first = desk.message(&crate::support::text(&desk, "SELECT id AS body FROM messages ORDER BY id LIMIT 1"));
    desk.decide("Rita", &first, countersign::domain::messages::DecisionKind::Approve).unwrap();
    begin(&desk, &path, &template, json!({"mailbox": address(Mode::Autonomous)})).await;
    work(&desk);
    assert_eq!((states("pending"), states("queued")), (19, 40), "the rest leaves by itself");
}

#[actix_web::test]
async fn the_page_begins_shows_and_cancels() {
    let desk = Desk::new().await;
    let (path, template) = scene(&desk, 30).await;
    let page = path.replace("/v1", "");
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    assert!(max.get(&page).await.body.contains("Welcome, version 1 (not approved)"));
    let wrong = max.post(&page, &format!("{page}/drafts"), &[("template", &template), ("holdout", "80"), ("mailbox", "")]).await;
    assert!(wrong.status == 422 && wrong.body.contains("Holdout must be 0 to 50 percent; got 80."), "{}", wrong.body);
    let begun = max.post(&page, &format!("{page}/drafts"), &[("template", &template), ("holdout", "0"), ("mailbox", "")]).await;
    assert_eq!(begun.status, 303, "{}", begun.body);
    desk.write(|conn| rounds::step(conn, desk.now())).unwrap();
    let shown = max.get(&page).await.body;
    assert!(shown.contains("<progress class=\"progress\" max=\"30\" value=\"20\"") && shown.contains("Under way, 20 of 30"), "{shown}");
    max.post(&page, &format!("{page}/drafts/cancellation"), &[]).await;
    assert!(max.get(&page).await.body.contains("Cancelled: 20 drafted"));
}

#[actix_web::test]
async fn a_round_that_fails_is_set_aside_and_those_behind_it_go_on() {
    let desk = Desk::new().await;
    let (path, template) = scene(&desk, 3).await;
    let broken = contact(&desk, "broken@example.com", &["gamma"]);
    let (_, segment) = desk.call(&desk.agent, "POST", "/v1/segments", json!({"name": "Gamma", "tags": "gamma"})).await;
    let campaign = json!({"name": "First", "kind": "feedback", "segment_id": segment["id"], "mailbox": address(Mode::GatedSend)});
    let (_, first) = desk.call(&desk.agent, "POST", "/v1/campaigns", campaign).await;
    let first = format!("/v1/campaigns/{}", first["id"].as_str().unwrap());
    assert_eq!(begin(&desk, &first, &template, json!({})).await.0, 202);
    assert_eq!(begin(&desk, &path, &template, json!({})).await.0, 202);
    sql(&desk, &format!("UPDATE contacts SET metadata = 'not JSON' WHERE id = '{broken}'"));
    work(&desk);
    assert_eq!(messages(&desk), (3, 3), "those behind it are drafted");
    let aside = newest(&desk, &first).await;
    assert!(aside["trouble"].as_str().is_some_and(|why| why.contains("Something went wrong here")), "{aside}");
    assert!(aside["retry_at"].is_string() && aside["finished_at"].is_null() && aside["done"] == 0, "{aside}");
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let page = max.get(&first.replace("/v1", "")).await.body;
    assert!(page.contains("Set aside") && page.contains("Something went wrong here") && page.contains("Cancel what is under way"), "{page}");
    // It is tried again after a while, and goes on once the cause is gone.
    sql(&desk, &format!("UPDATE contacts SET metadata = '{{}}' WHERE id = '{broken}'"));
    assert_eq!(work(&desk), 0, "not before its time");
    let later = desk.now().plus_seconds(61);
    assert!(desk.write(|conn| rounds::step(conn, later)).unwrap());
    let done = newest(&desk, &first).await;
    assert_eq!((&done["drafted"], &done["trouble"], &done["retry_at"]), (&json!(1), &json!(null), &json!(null)), "{done}");
    assert!(done["finished_at"].is_string());
}

#[actix_web::test]
async fn what_comes_from_the_record_is_not_given_for_everybody() {
    let desk = Desk::new().await;
    let (path, template) = scene(&desk, 1).await;
    let (status, refused) = begin(&desk, &path, &template, json!({"values": {"mail": "someone@example.com"}})).await;
    assert_eq!((status, refused["field"].as_str()), (422, Some("values.mail")), "{refused}");
    assert_eq!((work(&desk), messages(&desk)), (0, (0, 0)));
}

#[actix_web::test]
async fn variants_share_the_segment_each_from_its_own_template_and_are_counted_apart() {
    let desk = Desk::new().await;
    let (path, base) = scene(&desk, 60).await;
    let words = json!({"name": "Long", "subject": "The long news", "body": "Hello {{ mail }}, {{ offer }}.",
        "variables": [{"name": "mail", "type": "text", "source": "contact.email"}, {"name": "offer", "type": "text"}]});
    let long = template(&desk, words).await;
    let variants = |of: &str| json!({"variants": [{"name": "short", "share": 50}, {"name": "long", "share": 50, "template_id": of}]});
    let (status, refused) = desk.call(&desk.agent, "PUT", &format!("{path}/variants"), variants("01a1fea8-79dd-75d0-8f1e-caa9bc30e1d7")).await;
    assert_eq!((status, refused["code"].as_str()), (404, Some("not_found")), "{refused}");
    let (status, compared) = desk.call(&desk.agent, "PUT", &format!("{path}/variants"), variants(&long)).await;
    assert_eq!((status, &compared["variants"][1]["template_id"]), (200, &json!(long)), "{compared}");
    // Each template must have what it needs, and each value must be for one of them.
    for (values, code) in [(json!({}), "template_value_missing"), (json!({"offer": "a gift", "gift": "x"}), "field_invalid")] {
        let (status, refused) = begin(&desk, &path, &base, json!({"values": values})).await;
        assert!((400..500).contains(&status) && refused["code"] == code, "{refused}");
    }
    let (status, begun) = begin(&desk, &path, &base, json!({"values": {"offer": "a gift"}})).await;
    assert_eq!(status, 202, "{begun}");
    work(&desk);
    assert_eq!(messages(&desk), (60, 60));
    let tagged = |tag: &str| {
        let rows = "SELECT count(*) AS n FROM messages m JOIN message_versions v ON v.message_id = m.id JOIN message_tags t ON t.message_id = m.id";
        let of = |subject: &str| count(&desk, &format!("{rows} WHERE t.tag = '{tag}' AND v.subject = '{subject}'"));
        (of("News"), of("The long news"))
    };
    let (short, long_ones) = (tagged("variant_short"), tagged("variant_long"));
    assert!(short.1 == 0 && long_ones.0 == 0 && short.0 + long_ones.1 == 60, "{short:?} {long_ones:?}");
    assert!((15..46).contains(&short.0), "about half: {short:?}");
    // As programs are told, who write one by one.
    let (_, told) = desk.call(&desk.agent, "GET", &format!("{path}/variant?contact=c7@example.com"), json!(null)).await;
    let of_c7 = "SELECT t.tag AS body FROM message_tags t JOIN messages m ON m.id = t.message_id JOIN contacts c ON c.id = m.contact_id \
                 WHERE c.email = 'c7@example.com' AND t.tag LIKE 'variant%'";
    assert_eq!(crate::support::text(&desk, of_c7), told["tag"].as_str().unwrap());
    // Whoever had it does not get it again, whichever variant it was.
    begin(&desk, &path, &base, json!({"values": {"offer": "a gift"}})).await;
    work(&desk);
    assert_eq!((messages(&desk).0, &newest(&desk, &path).await["passed_over"]), (60, &json!(60)));
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let page = path.replace("/v1", "");
    assert!(max.get(&page).await.body.contains(&format!("<option value=\"{long}\" selected>Long</option>")));
    let fields = [
        ("variant_name", "a"),
        ("variant_share", "40"),
        ("variant_template", ""),
        ("variant_name", "b"),
        ("variant_share", "60"),
        ("variant_template", &long),
    ];
    let saved = max.post(&page, &format!("{page}/variants"), &[&fields[..], &[("measure", "replies")]].concat()).await;
    assert_eq!(saved.status, 303, "{}", saved.body);
    let (_, now) = desk.call(&desk.agent, "GET", &path, json!(null)).await;
    assert_eq!(now["variants"], json!([{"name": "a", "share": 40}, {"name": "b", "share": 60, "template_id": long}]), "{now}");
}

#[actix_web::test]
async fn other_recipients_under_a_known_label_are_seen_by_a_person_first() {
    let desk = Desk::new().await;
    let first = "It is the first message of a new campaign.";
    let send = async |to: &str| {
        let body = json!({"mailbox": address(Mode::Monitored), "to": to, "subject": "Hello", "body": "Words.", "campaign": "Spring", "consent_basis": "consent"});
        desk.call(&desk.agent, "POST", "/v1/send", body).await.1
    };
    let approved = async |to: &str| {
        let held = send(to).await;
        assert_eq!(held["reason"], first, "{held}");
        desk.decide("Rita", &desk.message(held["id"].as_str().unwrap()), countersign::domain::messages::DecisionKind::Approve).unwrap();
        assert_ne!(send(&format!("again.{to}")).await["reason"], first);
    };
    // A label of an agent, which a manager then gives to a campaign of their own.
    approved("a@example.com").await;
    let (path, _) = scene(&desk, 2).await;
    approved("b@example.com").await;
    let (_, other) = desk.call(&desk.agent, "POST", "/v1/segments", json!({"name": "Others", "tags": "gamma"})).await;
    let other = other["id"].as_str().unwrap().to_owned();
    desk.call(&desk.agent, "PATCH", &path, json!({"goal": "More of the same"})).await;
    assert_ne!(send("same@example.com").await["reason"], first, "the same recipients");
    desk.call(&desk.agent, "PATCH", &path, json!({"segment_id": other})).await;
    approved("c@example.com").await;
    desk.call(&desk.agent, "PATCH", &format!("/v1/segments/{other}"), json!({"name": "Third"})).await;
    assert_ne!(send("named@example.com").await["reason"], first, "another name finds the same");
    desk.call(&desk.agent, "PATCH", &format!("/v1/segments/{other}"), json!({"tags": "delta"})).await;
    approved("d@example.com").await;
}
