//! Live updates, read from the stream as a browser reads them.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::header;
use actix_web::test;
use countersign::domain::accounts::users;
use countersign::domain::desk::{assignment, presence};
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::cancel;
use countersign::feed::MOST_STREAMS;
use serde_json::Value;

use crate::people::{id_of, only, pending};
use crate::support::{Browser, Desk, OPERATOR};

/// Longer than anything here takes: a stream that has nothing to tell fails the test instead of stopping it.
const PATIENCE: Duration = Duration::from_secs(30);

/// An open stream.
struct Events<B> {
    body: Pin<Box<B>>,
    text: String,
}

impl<B: MessageBody> Events<B> {
    /// The next event that is no beat: its name and data; none at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        tokio::time::timeout(PATIENCE, self.read()).await.expect("an event in time")
    }

    async fn read(&mut self) -> Option<(String, Value)> {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n").map(|(event, rest)| (event.to_owned(), rest.to_owned())) {
                self.text = rest;
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned());
                if let Some(name) = field("event:") {
                    return Some((name, serde_json::from_str(&field("data:").unwrap()).unwrap()));
                }
            }
            let chunk = poll_fn(|cx| self.body.as_mut().poll_next(cx)).await;
            let bytes = chunk?.map_err(|_| "the stream broke").unwrap();
            self.text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }

    /// The next event of this name.
    async fn wait(&mut self, name: &str) -> Value {
        loop {
            let (found, data) = self.next().await.expect("the stream goes on");
            if found == name {
                return data;
            }
        }
    }

    async fn ends(&mut self) {
        while self.next().await.is_some() {}
    }
}

async fn answer<S, B>(browser: &Browser<S>, path: &str) -> ServiceResponse<B>
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    let request = test::TestRequest::get().uri(path).insert_header((header::ACCEPT, "text/event-stream"));
    let request = request.insert_header((header::COOKIE, browser.cookie.clone().unwrap_or_default()));
    test::call_service(&browser.app, request.to_request()).await
}

async fn open<S, B>(browser: &Browser<S>, path: &str) -> Events<B>
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    let response = answer(browser, path).await;
    assert_eq!(response.status(), 200);
    Events { body: Box::pin(response.into_body()), text: String::new() }
}

#[actix_web::test]
async fn a_page_hears_what_others_do_as_it_happens() {
    let desk = Desk::new().await;
    let first = pending(&desk, Mode::GatedSend, "a@example.com").await;
    let mut browser = Browser::new(desk.app().await);
    browser.sign_in("rita").await;
    let response = answer(&browser, "/events?list=1").await;
    for (name, wanted) in [
        ("content-type", "text/event-stream; charset=utf-8"),
        ("content-encoding", "identity"),
        ("x-accel-buffering", "no"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(response.headers().get(name).unwrap(), wanted);
    }
    let mut events = Events { body: Box::pin(response.into_body()), text: String::new() };
    let mut plain = open(&browser, "/events").await;
    let (name, data) = events.next().await.unwrap();
    assert_eq!((name.as_str(), data), ("hello", serde_json::json!({"pending": 1})));

    let second = pending(&desk, Mode::GatedSend, "b@example.com").await;
    let new = serde_json::json!({"id": second, "state": "pending", "version": 1, "by": "key", "action": "message.submit"});
    assert_eq!(plain.wait("change").await, new, "what is new is said to lists alone");
    let mut with_new = new.clone();
    with_new["pending"] = true.into();
    assert_eq!(events.wait("change").await, with_new);
    assert_eq!(events.wait("count").await, serde_json::json!({"pending": 2}));

    let rob = desk.person("Rob");
    desk.write(|conn| presence::look(conn, &rob, &first, desk.now())).unwrap();
    let there = events.wait("presence").await;
    assert_eq!(there, serde_json::json!({first.as_str(): {"here": ["Rob"], "taken_by": null, "yours": false}}));
    desk.write(|conn| assignment::take_on(conn, &rob, &first, false, desk.now())).unwrap();
    let taken = events.wait("change").await;
    assert_eq!((taken["action"].as_str(), taken["by"].as_str(), taken.get("pending")), (Some("message.take"), Some("Rob"), None));
    let there = events.wait("presence").await;
    assert_eq!(there, serde_json::json!({first.as_str(): {"here": ["Rob"], "taken_by": "Rob", "yours": false}}));
    desk.write(|conn| presence::release(conn, &rob, &first, desk.now())).unwrap();
    desk.write(|conn| presence::leave(conn, &rob, &first)).unwrap();
    loop {
        // Both may be seen in one look or in two.
        let there = events.wait("presence").await;
        if there[first.as_str()]["here"] == serde_json::json!([]) {
            assert_eq!(there, serde_json::json!({first.as_str(): {"here": [], "taken_by": null, "yours": false}}));
            break;
        }
    }
    desk.write(|conn| cancel::cancel(conn, &OPERATOR, &second, desk.now())).unwrap();
    assert_eq!(events.wait("count").await, serde_json::json!({"pending": 1}));

    // A new stream begins with who is there, as its own reader sees it.
    let rita = desk.person("Rita");
    desk.write(|conn| presence::look(conn, &rita, &first, desk.now())).unwrap();
    desk.write(|conn| presence::take(conn, &rita, &first, false, desk.now())).unwrap();
    let mut again = open(&browser, "/events").await;
    again.wait("hello").await;
    let (name, data) = again.next().await.unwrap();
    assert_eq!(name, "presence");
    assert_eq!(data, serde_json::json!({first.as_str(): {"here": [], "taken_by": "Rita", "yours": true}}));
}

#[actix_web::test]
async fn who_does_not_reach_a_mailbox_hears_nothing_of_it() {
    let desk = Desk::new().await;
    only(&desk, "Rob", Mode::Monitored);
    let hidden = pending(&desk, Mode::GatedSend, "a@example.com").await;
    let shown = pending(&desk, Mode::Monitored, "b@example.com").await;
    let mut browser = Browser::new(desk.app().await);
    browser.sign_in("rob").await;
    let mut events = open(&browser, "/events?list=1").await;
    assert_eq!(events.wait("hello").await["pending"], 1, "of the own mailbox");
    let rita = desk.person("Rita");
    desk.write(|conn| presence::look(conn, &rita, &hidden, desk.now())).unwrap();
    desk.write(|conn| presence::take(conn, &rita, &hidden, false, desk.now())).unwrap();
    pending(&desk, Mode::GatedSend, "c@example.com").await;
    // What is heard first comes from within reach, though it happened last.
    desk.write(|conn| presence::look(conn, &rita, &shown, desk.now())).unwrap();
    desk.write(|conn| presence::take(conn, &rita, &shown, false, desk.now())).unwrap();
    desk.write(|conn| cancel::cancel(conn, &OPERATOR, &shown, desk.now())).unwrap();
    let mut heard = vec![];
    loop {
        let (name, data) = events.next().await.unwrap();
        heard.push(data.clone());
        if name == "count" {
            assert_eq!(data["pending"], 0);
            break;
        }
    }
    let heard = serde_json::to_string(&heard).unwrap();
    assert!(heard.contains(shown.as_str()) && !heard.contains(hidden.as_str()), "{heard}");
}

#[actix_web::test]
async fn every_open_page_hears_it_and_a_ninth_ends_the_first() {
    let desk = Desk::new().await;
    let (mut rita, mut rob) = (Browser::new(desk.app().await), Browser::new(desk.app().await));
    rita.sign_in("rita").await;
    rob.sign_in("rob").await;
    let mut pages = vec![];
    for _ in 0..5 {
        pages.push(open(&rita, "/events").await);
    }
    let mut other = open(&rob, "/events").await;
    let id = pending(&desk, Mode::GatedSend, "a@example.com").await;
    for events in pages.iter_mut().chain([&mut other]) {
        assert_eq!(events.wait("change").await["id"], id.as_str());
    }
    for _ in pages.len()..=MOST_STREAMS {
        pages.push(open(&rita, "/events").await);
    }
    pages[0].ends().await;
    drop(pages.remove(0));
    assert_eq!(desk.state.feed.streams(), MOST_STREAMS + 1, "those of one person count alone");
    let id = pending(&desk, Mode::GatedSend, "b@example.com").await;
    for events in pages.iter_mut().chain([&mut other]) {
        while events.wait("change").await["id"] != id.as_str() {}
    }
    // Without a listener nothing is read.
    assert!(desk.state.feed.is_reading());
    drop((pages, other));
    let stopped = async {
        while desk.state.feed.is_reading() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, stopped).await.unwrap();
    let mut events = open(&rob, "/events").await;
    assert_eq!(events.wait("hello").await["pending"], 2);
    let id = pending(&desk, Mode::GatedSend, "c@example.com").await;
    assert_eq!(events.wait("change").await["id"], id.as_str(), "it starts again");
}

#[actix_web::test]
async fn whose_rights_changed_or_who_signed_out_is_looked_at_again() {
    let desk = Desk::new().await;
    let (mut rita, mut rob) = (Browser::new(desk.app().await), Browser::new(desk.app().await));
    rita.sign_in("rita").await;
    rob.sign_in("rob").await;
    let (mut hers, mut his) = (open(&rita, "/events").await, open(&rob, "/events").await);
    only(&desk, "Rob", Mode::Monitored);
    his.ends().await;
    desk.write(|conn| users::set_disabled(conn, &OPERATOR, &id_of(&desk.person("Rob")), true, desk.now())).unwrap();
    let refused = answer(&rob, "/events").await;
    assert_eq!((refused.status().as_u16(), refused.headers().get("location").unwrap().to_str().unwrap()), (303, "/login?next=%2Fevents"));

    let cookie = rita.cookie.clone();
    rita.post("/queue", "/logout", &[]).await;
    rita.cookie = cookie;
    assert_eq!(answer(&rita, "/events").await.status(), 303, "at the latest when the page connects again");
    // A server that stops ends what is open, and what comes too late.
    desk.state.feed.close();
    hers.ends().await;
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    open(&ada, "/events").await.ends().await;
}

#[actix_web::test]
async fn who_opens_the_address_in_a_browser_is_led_back() {
    let desk = Desk::new().await;
    let mut browser = Browser::new(desk.app().await);
    browser.sign_in("rita").await;
    let page = browser.get("/events").await;
    assert!(page.status == 400 && page.body.contains("This address speaks to pages, not to people."), "{}", page.status);
}
