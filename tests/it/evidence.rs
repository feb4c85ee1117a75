//! What settles a message by itself of which nobody knew whether it left.

use countersign::catcher::{Action, Behaviour, Rule, Verb};
use countersign::clock;
use countersign::db::schema::message_prompts;
use countersign::domain::facts::{self, AllowedUrl, Body};
use countersign::domain::inbound::providers::{self, Reporter};
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::{DecisionKind, Message, State};
use countersign::domain::outbox::uncertain::{self, Evidence, Settlement, Verdict};
use countersign::inbound::provider;
use countersign::worker::{self, Relays};
use diesel::RunQueryDsl;
use serde_json::{Value, json};

use crate::inbound::{arrive, bounce, reply};
use crate::support::{Browser, Desk, OPERATOR};

/// A desk whose relay keeps every mail and hangs up without an answer.
async fn desk() -> Desk {
    Desk::with(Behaviour::new().with(Rule::at(Verb::Dot, Action::KeepAndClose))).await
}

async fn uncertain_one(desk: &Desk, to: &str, more: Value) -> Message {
    let message = desk.pending(to, more).await;
    desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    desk.drain().await;
    assert_eq!(state(desk, &message), State::Uncertain);
    message
}

fn state(desk: &Desk, message: &Message) -> State {
    desk.message(message.row.id.as_str()).row.state
}

fn settlements(desk: &Desk, message: &Message) -> Vec<Settlement> {
    desk.read(|conn| uncertain::history(conn, &OPERATOR, &message.row.id)).settlements
}

/// The one settlement there is, by this evidence, as the page of the message shows it.
async fn settled_by(desk: &Desk, message: &Message, evidence: Evidence, after: State) {
    let found = settlements(desk, message);
    assert_eq!(found.iter().map(|one| (one.evidence, one.verdict)).collect::<Vec<_>>(), [(evidence, Verdict::WasSent)]);
    assert_eq!(state(desk, message), after);
    assert!(desk.message(message.row.id.as_str()).row.sent_at.is_some());
    let mut rita = Browser::new(desk.app().await);
    rita.sign_in("rita").await;
    let page = rita.get(&format!("/messages/{}", message.row.id)).await.body;
    assert!(page.contains(evidence.label()) && !page.contains("/settlement"), "{page}");
    assert!(rita.get("/uncertain").await.body.contains("Nothing is uncertain"));
}

fn about(message: &Message) -> String {
    format!("{}.{}@sender.example", message.row.id, message.row.version)
}

#[actix_web::test]
async fn a_bounce_shows_that_it_left_and_came_back() {
    let desk = desk().await;
    let message = uncertain_one(&desk, "ana@example.com", json!({})).await;
    let raw = bounce(&about(&message), "ana@example.com", "5.1.1", "550 5.1.1 user unknown");
    // Whoever writes to another mailbox knows nothing of it.
    arrive(&desk, Mode::Monitored, &raw);
    assert_eq!(state(&desk, &message), State::Uncertain);
    arrive(&desk, Mode::GatedSend, &raw);
    settled_by(&desk, &message, Evidence::Bounce, State::Bounced).await;
    assert_eq!(desk.catcher.messages().len(), 1);
}

#[actix_web::test]
async fn a_complaint_shows_that_it_arrived() {
    let desk = desk().await;
    let message = uncertain_one(&desk, "ana@example.com", json!({})).await;
    let raw = format!(
        "From: fbl@provider.example\nTo: gated-send@sender.example\nSubject: Report\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n\
         --b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nVersion: 1\n\n--b\nContent-Type: message/rfc822\n\nMessage-ID: <{}>\n\nHi\n--b--\n",
        about(&message)
    );
    arrive(&desk, Mode::GatedSend, &raw);
    settled_by(&desk, &message, Evidence::Complaint, State::Complained).await;
}

#[actix_web::test]
async fn a_report_of_a_provider_shows_that_it_arrived() {
    let desk = desk().await;
    let message = uncertain_one(&desk, "ana@example.com", json!({})).await;
    let event = json!({"event-data": {"event": "delivered", "id": "d1", "recipient": "ana@example.com", "message": {"headers": {"message-id": about(&message)}}, "delivery-status": {"message": "OK"}}});
    let told = provider::mailgun(event.to_string().as_bytes()).unwrap();
    for _ in 0..2 {
        desk.write(|conn| providers::take(conn, Reporter::Mailgun, &told, clock::now())).unwrap();
    }
    settled_by(&desk, &message, Evidence::Report, State::Delivered).await;
}

#[actix_web::test]
async fn an_answer_shows_that_it_arrived_also_an_automatic_one() {
    let desk = desk().await;
    let message = uncertain_one(&desk, "ana@example.com", json!({})).await;
    arrive(&desk, Mode::GatedSend, &reply("ana@example.com", &about(&message), "Re: Hello", "Thank you."));
    settled_by(&desk, &message, Evidence::Reply, State::Sent).await;
    let away = uncertain_one(&desk, "ben@example.com", json!({})).await;
    let raw = reply("ben@example.com", &about(&away), "Out of office", "I am away.").replace("From:", "Auto-Submitted: auto-replied\nFrom:");
    arrive(&desk, Mode::GatedSend, &raw);
    settled_by(&desk, &away, Evidence::Reply, State::Sent).await;
}

#[actix_web::test]
async fn whoever_uses_the_link_to_leave_or_to_choose_has_the_message() {
    for (path, field) in [("/u", ("List-Unsubscribe", "One-Click")), ("/preferences", ("action", "pause")), ("/preferences", ("action", "stop"))] {
        let desk = desk().await;
        let message = uncertain_one(&desk, "ana@example.com", json!({})).await;
        let raw = String::from_utf8(desk.catcher.messages().remove(0).raw).unwrap();
        let token = raw.split("/u/").nth(1).unwrap().split('>').next().unwrap();
        let mut visitor = Browser::new(desk.app().await);
        assert_eq!(visitor.get(&format!("{path}/{token}")).await.status, 200);
        assert_eq!(state(&desk, &message), State::Uncertain, "scanners fetch every link");
        for _ in 0..2 {
            assert_eq!(visitor.post_bare(&format!("{path}/{token}"), &[field]).await.status, 200);
        }
        settled_by(&desk, &message, Evidence::Unsubscribe, State::Sent).await;
    }
}

#[actix_web::test]
async fn a_click_settles_the_only_message_that_can_have_brought_the_link() {
    let desk = desk().await;
    let url = Body::AllowedUrl(AllowedUrl { url: "https://acme.example.com/join".into(), note: None });
    desk.write(|conn| facts::add(conn, &OPERATOR, url, None, desk.now())).unwrap();
    let link = async |email: &str| {
        let body = json!({"email": email, "target_url": "https://acme.example.com/join"});
        let (status, made) = desk.call(&desk.agent, "POST", "/v1/referrals", body).await;
        assert_eq!(status, 201, "{made}");
        format!("/r/{}", made["code"].as_str().unwrap())
    };
    let words = |link: &str| json!({"text_body": format!("Your link: https://desk.example.com{link}\n\nThere is a reward in it for you.")});
    let (ana, ben) = (link("ana@example.com").await, link("ben@example.com").await);
    let mut visitor = Browser::new(desk.app().await);
    let first = uncertain_one(&desk, "ana@example.com", words(&ana)).await;
    let without = uncertain_one(&desk, "ana@example.com", json!({"text_body": "Nothing to click."})).await;
    assert_eq!(visitor.get(&ana).await.status, 303);
    assert_eq!(state(&desk, &without), State::Uncertain);
    desk.write(|conn| uncertain::settle_by_evidence(conn, &without.row.id, Evidence::Reply, "x", desk.now())).unwrap();
    settled_by(&desk, &first, Evidence::Click, State::Sent).await;
    let one = uncertain_one(&desk, "ben@example.com", words(&ben)).await;
    // As if it were long ago: nobody is asked twice in a quarter.
    desk.write(|conn| diesel::delete(message_prompts::table).execute(conn).map_err(Into::into)).unwrap();
    let other = uncertain_one(&desk, "ben@example.com", words(&ben)).await;
    assert_eq!(visitor.get(&ben).await.status, 303);
    assert_eq!((state(&desk, &one), state(&desk, &other)), (State::Uncertain, State::Uncertain), "it may have come with either");
}

#[actix_web::test]
async fn the_log_file_of_the_relay_settles_what_it_shows_without_anybody() {
    let desk = desk().await;
    let (taken, refused, open) = (
        uncertain_one(&desk, "ana@example.com", json!({})).await,
        uncertain_one(&desk, "ben@example.com", json!({})).await,
        uncertain_one(&desk, "cyd@example.com", json!({})).await,
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.log");
    let cleanup = |id: &str, message: &Message| format!("Nov 21 10:00:00 mx postfix/cleanup[9]: {id}: message-id=<{}>\n", about(message));
    let log = [
        cleanup("4BA", &taken),
        cleanup("4BB", &refused),
        cleanup("4BC", &open),
        "Nov 21 10:00:00 mx postfix/qmgr[7]: 4BA: from=<a@b>, size=9, nrcpt=1 (queue active)\n".to_owned(),
        "Nov 21 10:00:00 mx postfix/cleanup[9]: 4BB: milter-reject: END-OF-MESSAGE from desk[192.0.2.1]: 5.7.1 Spam; from=<a@b> to=<c@d>\n"
            .to_owned(),
    ];
    std::fs::write(&path, log.concat()).unwrap();
    let (sender, receiver) = tokio::sync::watch::channel(false);
    let relays = Relays::one(Some(desk.transport())).with_log(Some(path));
    let running = actix_web::rt::spawn(worker::run(desk.state.clone(), relays, receiver));
    while state(&desk, &taken) == State::Uncertain {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    sender.send_replace(true);
    running.await.unwrap();
    let said = |message: &Message| settlements(&desk, message).iter().map(|one| (one.evidence, one.verdict)).collect::<Vec<_>>();
    assert_eq!((state(&desk, &taken), said(&taken)), (State::Sent, vec![(Evidence::RelayLog, Verdict::WasSent)]));
    assert_eq!((state(&desk, &refused), said(&refused)), (State::Failed, vec![(Evidence::RelayLog, Verdict::DoNotSend)]));
    assert_eq!((state(&desk, &open), said(&open)), (State::Uncertain, vec![]));
    assert_eq!(desk.catcher.messages().len(), 3, "nothing is sent again");
}
