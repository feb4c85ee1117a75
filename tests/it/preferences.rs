//! What recipients choose, and what the footer tells them.

use actix_web::test::TestRequest;
use countersign::domain::actor::{Actor, Scope};
use countersign::domain::ids::{ContactId, TopicId};
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::content::Words;
use countersign::domain::messages::submit::{NewMessage, submit};
use countersign::domain::messages::{DecisionKind, Origin};
use countersign::domain::preferences::footers::{self, Choice};
use countersign::domain::preferences::topics::{self, Input};
use countersign::domain::preferences::{self, Preferences};
use serde_json::json;

use crate::support::{Browser, Desk, OPERATOR, address, sql};

fn topic(desk: &Desk, name: &str, wanted: bool) -> TopicId {
    let input = Input { name: name.into(), description: "About it".into(), wanted, archived: false };
    let max = desk.person("Max");
    desk.write(|conn| topics::create(conn, &max, &input, desk.now())).unwrap().id
}

/// A message to somebody: their id, and the token of its links.
async fn mailed(desk: &Desk, to: &str) -> (ContactId, String) {
    let message = desk.pending(to, json!({})).await;
    let token = message.current.footer.unsubscribe_url.rsplit('/').next().unwrap().to_owned();
    (message.row.contact_id, token)
}

/// The first mail that was caught, with the soft line breaks of its parts taken out.
fn readable(desk: &Desk) -> String {
    let raw = String::from_utf8_lossy(&desk.catcher.messages()[0].raw).into_owned();
    let (headers, parts) = raw.split_once("\r\n\r\n").unwrap();
    format!("{}\r\n\r\n{}", headers.replace("\r\n ", " "), parts.replace("=\r\n", ""))
}

fn chosen(desk: &Desk, contact: &ContactId) -> Preferences {
    desk.read(|conn| preferences::of(conn, contact))
}

#[actix_web::test]
async fn a_look_at_the_preference_centre_changes_nothing_and_names_nobody() {
    let desk = Desk::new().await;
    let news = topic(&desk, "Product news", true);
    let (contact, token) = mailed(&desk, "ana@example.com").await;
    let mut visitor = Browser::new(desk.app().await);
    let page = visitor.get(&format!("/preferences/{token}")).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("Product news") && page.body.contains("Stop all mail"), "{}", page.body);
    assert!(!page.body.contains("ana@example.com"), "whoever has the link may have it from somebody else");
    for _ in 0..20 {
        visitor.get(&format!("/preferences/{token}?action=stop")).await;
        visitor.run(TestRequest::default().method("HEAD".parse().unwrap()).uri(&format!("/preferences/{token}?action=stop"))).await;
    }
    assert_eq!(chosen(&desk, &contact), Preferences::default());
    assert_eq!(desk.call(&desk.agent, "GET", &format!("/v1/contacts/{contact}"), json!(null)).await.1["suppressed"], false);
    assert!(!chosen(&desk, &contact).refuses(Some(&news)));
}

#[actix_web::test]
async fn a_forged_link_does_nothing_and_answers_like_any_other() {
    let desk = Desk::new().await;
    let (contact, token) = mailed(&desk, "ana@example.com").await;
    let mut visitor = Browser::new(desk.app().await);
    let mut forged =
        vec!["ana@example.com".to_owned(), contact.to_string(), "x".repeat(43), token[..token.len() - 1].to_owned(), format!("{token}A")];
    // Each character changed once.
    for (place, letter) in token.char_indices() {
        let other = if letter == 'A' { 'B' } else { 'A' };
        forged.push(format!("{}{other}{}", &token[..place], &token[place + 1..]));
    }
    let neutral = visitor.post_bare("/preferences/never-was", &[("action", "stop")]).await;
    assert!(neutral.status == 200 && neutral.body.contains("no longer valid"), "{}", neutral.body);
    for token in forged {
        let page = visitor.post_bare(&format!("/preferences/{token}"), &[("action", "stop")]).await;
        assert_eq!((page.status, page.body.replace(&token, "never-was")), (200, neutral.body.clone()), "{token}");
        let page = visitor.post_bare(&format!("/u/{token}"), &[("List-Unsubscribe", "One-Click")]).await;
        assert!(page.body.contains("no longer valid"));
    }
    assert_eq!(desk.call(&desk.agent, "GET", &format!("/v1/contacts/{contact}"), json!(null)).await.1["suppressed"], false);
    let page = visitor.post_bare(&format!("/preferences/{token}"), &[("action", "stop")]).await;
    assert!(page.body.contains("We will not write to you again"), "the true one works");
}

#[actix_web::test]
async fn what_a_recipient_chooses_is_kept() {
    let desk = Desk::new().await;
    let (news, tips, beta) = (topic(&desk, "News", true), topic(&desk, "Tips", true), topic(&desk, "Beta", false));
    let (contact, token) = mailed(&desk, "ana@example.com").await;
    assert_eq!(chosen(&desk, &contact).off, [beta.clone()].into(), "what is only for those who ask is off");
    let path = format!("/preferences/{token}");
    let mut visitor = Browser::new(desk.app().await);
    // Tips was not on the page that they saw, so that it stays as it was.
    let fields = [("shown", news.as_str()), ("shown", beta.as_str()), ("topic", beta.as_str()), ("most_per_week", "1"), ("action", "save")];
    let page = visitor.post_bare(&path, &fields).await;
    assert!(page.status == 200 && page.set_cookie.is_none() && page.location.is_none(), "no cookie, no redirect");
    let kept = chosen(&desk, &contact);
    assert_eq!((kept.off.clone(), kept.most_per_week), ([news.clone()].into(), Some(1)));
    assert!(!kept.refuses(Some(&tips)) && !kept.refuses(None));

    visitor.post_bare(&path, &[("action", "pause")]).await;
    let until = chosen(&desk, &contact).paused(desk.now()).unwrap();
    assert!((29..=30).contains(&(until.seconds_since(desk.now()) / 86_400)), "30 days");
    assert!(visitor.get(&path).await.body.contains("Paused until"));
    visitor.post_bare(&path, &[("action", "resume")]).await;
    assert_eq!(chosen(&desk, &contact).paused(desk.now()), None);
    assert_eq!(chosen(&desk, &contact).off, [news.clone()].into(), "a pause leaves the rest as it was");

    visitor.post_bare(&path, &[("action", "stop")]).await;
    assert_eq!(desk.call(&desk.agent, "GET", &format!("/v1/contacts/{contact}"), json!(null)).await.1["suppressed"], true);
    assert!(visitor.get(&path).await.body.contains("You get no mail from us"));
    let many = desk.read(|conn| preferences::of_many(conn, &[contact.clone(), ContactId::from("unknown")]));
    assert_eq!((many.len(), many[&contact].off.clone()), (2, [news].into()));
}

/// V-13: links stay good for over a year; nothing about them ages.
#[actix_web::test]
async fn the_link_of_an_old_message_still_works() {
    let desk = Desk::new().await;
    let (contact, token) = mailed(&desk, "ana@example.com").await;
    sql(&desk, "UPDATE unsubscribe_links SET created_at = created_at - 34560000000000");
    let mut visitor = Browser::new(desk.app().await);
    visitor.post_bare(&format!("/preferences/{token}"), &[("most_per_week", "2")]).await;
    assert_eq!(chosen(&desk, &contact).most_per_week, Some(2), "400 days old");
}

#[actix_web::test]
async fn a_key_notes_less_and_never_more() {
    let desk = Desk::new().await;
    let (news, beta) = (topic(&desk, "News", true), topic(&desk, "Beta", false));
    let (contact, _) = mailed(&desk, "ana@example.com").await;
    let path = format!("/v1/contacts/{contact}/preferences");
    let (status, noted) = desk.call(&desk.agent, "PATCH", &path, json!({"topics_off": ["news"], "most_per_week": 2})).await;
    assert_eq!((status, noted["most_per_week"].as_i64()), (200, Some(2)), "{noted}");
    assert_eq!(noted["topics"], json!([{"id": beta, "name": "Beta", "wanted": false}, {"id": news, "name": "News", "wanted": false}]));
    let later = desk.now().plus_days(20);
    assert_eq!(desk.call(&desk.agent, "PATCH", &path, json!({"paused_until": later.to_string()})).await.0, 200);
    for more in [json!({"most_per_week": 3}), json!({"paused_until": desk.now().plus_days(10).to_string()})] {
        let (status, refused) = desk.call(&desk.agent, "PATCH", &path, more.clone()).await;
        assert_eq!((status, refused["code"].as_str()), (403, Some("person_required")), "{more}");
    }
    for wrong in [json!({"most_per_week": 0}), json!({"paused_until": desk.now().plus_days(400).to_string()}), json!({"topics_off": "nothing"})] {
        let (status, refused) = desk.call(&desk.agent, "PATCH", &path, wrong.clone()).await;
        assert_eq!((status, refused["code"].as_str()), (422, Some("field_invalid")), "{wrong}");
    }
    let key = Actor::Key {
        id: countersign::domain::ids::ApiKeyId::new(),
        name: "key".into(),
        scopes: vec![Scope::Contacts, Scope::Admin],
        mailboxes: countersign::domain::actor::Mailboxes::All,
        is_test: false,
    };
    let on = preferences::Change { topics: vec![(news, true)], ..preferences::Change::default() };
    assert_eq!(desk.write(|conn| preferences::change(conn, &key, &contact, &on, desk.now())).unwrap_err().code, "person_required");
    let max = desk.person("Max");
    assert!(desk.write(|conn| preferences::change(conn, &max, &contact, &on, desk.now())).unwrap().off.contains(&beta));
    assert_eq!(desk.call(&desk.oversight, "PATCH", &path, json!({})).await.1["code"], "scope_missing");
    let input = Input { name: "Other".into(), ..Input::default() };
    assert_eq!(desk.write(|conn| topics::create(conn, &key, &input, desk.now())).unwrap_err().code, "person_required");
    let rita = desk.person("Rita");
    assert_eq!(desk.write(|conn| topics::create(conn, &rita, &input, desk.now())).unwrap_err().code, "role_missing");
}

#[actix_web::test]
async fn a_message_has_the_topic_it_names_or_that_of_its_campaign_or_mailbox() {
    let desk = Desk::new().await;
    let (news, tips, beta) = (topic(&desk, "News", true), topic(&desk, "Tips", true), topic(&desk, "Beta", true));
    let ada = desk.person("Ada");
    let mailbox = desk.mailbox(Mode::GatedSend).id;
    let none = desk.pending("a@example.com", json!({})).await;
    assert_eq!((none.row.topic_id, none.current.footer.topic.clone()), (None, None));
    let choice = Choice { topic: "News".into(), disclosed: true, reason: String::new() };
    desk.write(|conn| footers::set(conn, &ada, &mailbox, &choice, desk.now())).unwrap();
    let (status, made) = desk.call(&desk.agent, "POST", "/v1/campaigns", json!({"name": "spring", "kind": "winback", "topic": "Tips"})).await;
    assert_eq!((status, made["topic_id"].as_str()), (201, Some(tips.as_str())), "{made}");
    for (more, expected) in [(json!({}), &news), (json!({"campaign": "spring"}), &tips), (json!({"campaign": "spring", "topic": "beta"}), &beta)] {
        assert_eq!(desk.pending("a@example.com", more).await.row.topic_id.as_ref(), Some(expected));
    }
    // Whoever switched off the topic of a campaign is told apart before anything is sent.
    let (contact, _) = mailed(&desk, "off@example.com").await;
    desk.call(&desk.agent, "PATCH", &format!("/v1/contacts/{contact}/preferences"), json!({"topics_off": ["Tips"]})).await;
    let path = format!("/v1/contacts/{contact}/explain?mailbox={}&campaign=", address(Mode::GatedSend));
    for (campaign, expected) in [("spring", "refuse"), ("", "pass")] {
        let (_, found) = desk.call(&desk.agent, "GET", &format!("{path}{campaign}"), json!(null)).await;
        let said = found["checks"].as_array().unwrap().iter().find(|one| one["check"] == "topic").unwrap();
        assert_eq!(said["verdict"], expected, "{campaign}: {said}");
    }
    let (status, refused) = desk.send(Mode::GatedSend, "a@example.com", json!({"topic": "Nothing"})).await;
    assert_eq!((status, refused["field"].as_str()), (422, Some("topic")));
    let last = desk.pending("a@example.com", json!({})).await;
    desk.decide("Rita", &last, DecisionKind::Approve).unwrap();
    desk.drain().await;
    let text = readable(&desk);
    assert!(text.contains("Topic: News."), "{text}");
    assert!(text.contains("List-Help: <https://desk.example.com/preferences/"), "{text}");
    assert!(text.contains("Choose what you get: https://desk.example.com/preferences/"), "{text}");
}

#[actix_web::test]
async fn mail_tells_that_a_machine_wrote_it_unless_an_administrator_said_why_not() {
    let desk = Desk::new().await;
    let (ada, max) = (desk.person("Ada"), desk.person("Max"));
    let by_agent = desk.pending("a@example.com", json!({"headers": {"X-AI-Generated": "no"}})).await;
    assert_eq!(by_agent.current.footer.disclosure.as_deref(), Some(footers::DISCLOSURE));
    desk.decide("Rita", &by_agent, DecisionKind::Approve).unwrap();
    desk.drain().await;
    let text = readable(&desk);
    assert_eq!(text.matches("X-AI-Generated: yes\r\n").count(), 1, "{text}");
    assert_eq!(
        (text.matches("X-AI-Generated").count(), text.matches(footers::DISCLOSURE).count()),
        (1, 2),
        "both parts, and no header of the agent's"
    );

    let composed = NewMessage {
        mailbox: Some(address(Mode::GatedSend)),
        to: "b@example.com".into(),
        to_name: None,
        words: Words { subject: "By hand".into(), text: Some("A word.".into()), html: None },
        tags: vec![],
        headers: vec![],
        mode: None,
        send_at: None,
        consent_basis: None,
        campaign: None,
        class: countersign::domain::policy::consent::Class::Commercial,
        topic: None,
        facts: vec![],
        origin: Origin::Person,
    };
    let composed = desk.write(|conn| submit(conn, &max, &composed, desk.now())).unwrap();
    assert_eq!(composed.current.footer.disclosure, None, "a person wrote it");

    let mailbox = desk.mailbox(Mode::GatedSend).id;
    let mut choice = Choice { topic: String::new(), disclosed: false, reason: String::new() };
    assert_eq!(desk.write(|conn| footers::set(conn, &ada, &mailbox, &choice, desk.now())).unwrap_err().code, "field_invalid");
    choice.reason = "Each letter is rewritten by an editor".into();
    assert_eq!(desk.write(|conn| footers::set(conn, &max, &mailbox, &choice, desk.now())).unwrap_err().code, "role_missing");
    let key = Actor::Key {
        id: countersign::domain::ids::ApiKeyId::new(),
        name: "key".into(),
        scopes: vec![Scope::Admin],
        mailboxes: countersign::domain::actor::Mailboxes::All,
        is_test: false,
    };
    assert_eq!(desk.write(|conn| footers::set(conn, &key, &mailbox, &choice, desk.now())).unwrap_err().code, "person_required");
    desk.write(|conn| footers::set(conn, &ada, &mailbox, &choice, desk.now())).unwrap();
    assert_eq!(desk.pending("a@example.com", json!({})).await.current.footer.disclosure, None);
    // What was decided on stays as it was: the line is under the hash.
    assert!(desk.message(by_agent.row.id.as_str()).current.footer.disclosure.is_some());
}

#[actix_web::test]
async fn people_make_topics_and_note_wishes_on_pages() {
    let desk = Desk::new().await;
    let (contact, _) = mailed(&desk, "ana@example.com").await;
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    assert_eq!(max.post("/topics", "/topics", &[("name", "Product news"), ("description", "What is new"), ("wanted", "yes")]).await.status, 303);
    let taken = max.post("/topics", "/topics", &[("name", "product news")]).await;
    assert!(taken.status == 409 && taken.body.contains("already"), "{}", taken.status);
    let news = desk.read(|conn| topics::list(conn, &OPERATOR)).remove(0).id;
    let page = format!("/customers/{contact}");
    let fields = [("shown", news.as_str()), ("most_per_week", "3"), ("pause", "start")];
    assert_eq!(max.post(&page, &format!("{page}/preferences"), &fields).await.status, 303);
    let kept = chosen(&desk, &contact);
    assert!(kept.refuses(Some(&news)) && kept.most_per_week == Some(3) && kept.paused(desk.now()).is_some());
    let body = max.get(&page).await.body;
    assert!(body.contains("not wanted") && body.contains("Paused until"), "{body}");
    max.post("/topics", &format!("/topics/{news}"), &[("name", "News"), ("archived", "yes")]).await;
    assert!(!max.get(&page).await.body.contains("not wanted"), "what is put away is shown to nobody");
}

#[actix_web::test]
async fn an_administrator_says_on_the_form_what_recipients_are_told() {
    let desk = Desk::new().await;
    let news = topic(&desk, "News", true);
    let mailbox = desk.mailbox(Mode::GatedSend).id;
    let (page, path) = (format!("/mailboxes/{mailbox}"), format!("/mailboxes/{mailbox}/footer"));
    let stands = || desk.read(|conn| footers::of(conn, &mailbox));
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let refused = max.post("/messages", &path, &[("topic", news.as_str()), ("disclosed", "yes")]).await;
    assert_eq!((refused.status, stands().topic_id), (403, None), "a manager does not");
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    // Whoever says no reason reads so beside it, and has what they chose.
    let wrong = ada.post(&page, &path, &[("topic", news.as_str()), ("reason", " ")]).await;
    assert!(wrong.status == 422 && wrong.body.contains("Say why mail of this mailbox does not tell that a machine wrote it."), "{}", wrong.status);
    assert!(wrong.body.contains(&format!("<option value=\"{news}\" selected>")) && wrong.body.contains("id=\"footer-wrong\""), "{}", wrong.body);
    assert!(!wrong.body.contains("name=\"disclosed\" value=\"yes\" checked"));
    assert_eq!((stands().topic_id, stands().undisclosed_because), (None, None));
    let saved = ada.post(&page, &path, &[("topic", news.as_str()), ("reason", "People rewrite all of it")]).await;
    assert_eq!((saved.status, saved.location.as_deref()), (303, Some(page.as_str())));
    assert_eq!((stands().topic_id, stands().undisclosed_because.as_deref()), (Some(news.clone()), Some("People rewrite all of it")));
    let shown = ada.get(&page).await.body;
    assert!(shown.contains("Saved. It holds for messages written from now on.") && shown.contains("value=\"People rewrite all of it\""), "{shown}");
    assert!(desk.pending("a@example.com", json!({})).await.current.footer.disclosure.is_none());
    ada.post(&page, &path, &[("topic", ""), ("disclosed", "yes"), ("reason", "")]).await;
    assert_eq!((stands().topic_id, stands().undisclosed_because), (None, None));
    let detail = crate::support::texts(&desk, "SELECT detail AS body FROM audit_log WHERE action = 'mailbox.set_footer' ORDER BY seq DESC").remove(0);
    let detail: serde_json::Value = serde_json::from_str(&detail).unwrap();
    let shown =
        |topic: Option<&TopicId>, because: Option<&str>| json!({"topic_id": topic, "disclosed": because.is_none(), "undisclosed_because": because});
    assert_eq!((&detail["before"], &detail["after"]), (&shown(Some(&news), Some("People rewrite all of it")), &shown(None, None)));
}
