//! What comes back, and what may follow from it.

use countersign::catcher::{Action, Behaviour, Rule, Verb};
use countersign::domain::contacts::suppressions;
use countersign::domain::mailboxes::{self, Mode};
use countersign::domain::messages::State;
use countersign::domain::threads::EmailKind;

use crate::inbound::{arrive, bounce, feedback, reply, sent, suppressed, words};
use crate::support::{Desk, OPERATOR};

fn is_stopped(desk: &Desk, mode: Mode) -> bool {
    desk.mailbox(mode).stopped_at.is_some()
}

/// What Microsoft says of its consumer mail: 550 5.7.515 speaks of the sending domain, whoever the mail was for.
#[actix_web::test]
async fn l_27_a_domain_that_microsoft_refuses_pauses_and_the_address_stays() {
    const REFUSAL: &str = "550 5.7.515 Access denied, sending domain SENDER.EXAMPLE does not meet the required authentication level.";
    let desk = Desk::new().await;
    let (_, about) = sent(&desk, "ana@outlook.com", words()).await;
    let (_, elsewhere) = sent(&desk, "bo@example.com", words()).await;
    arrive(&desk, Mode::Autonomous, &bounce(&about, "ana@outlook.com", "5.7.1", "550 5.7.1 Message refused by policy"));
    arrive(&desk, Mode::Autonomous, &bounce(&elsewhere, "bo@example.com", "5.7.515", REFUSAL));
    assert!(!is_stopped(&desk, Mode::Autonomous), "another refusal, or another receiver, pauses nothing");
    let (id, about) = sent(&desk, "cy@hotmail.co.uk", words()).await;
    arrive(&desk, Mode::Autonomous, &bounce(&about, "cy@hotmail.co.uk", "5.7.515", REFUSAL));
    assert!(is_stopped(&desk, Mode::Autonomous) && is_stopped(&desk, Mode::GatedSend), "every mailbox of the domain");
    assert_eq!((suppressed(&desk, "cy@hotmail.co.uk"), desk.message(id.as_str()).row.state), (None, State::Bounced));

    // The same where the server says it at once.
    let desk = Desk::with(Behaviour::new().with(Rule::at(Verb::Rcpt, Action::Reply(REFUSAL.into())))).await;
    let (_, answer) = desk.send(Mode::Autonomous, "dee@live.com", words()).await;
    let message = desk.message(answer["id"].as_str().unwrap());
    if message.row.state == State::Pending {
        desk.decide("Rita", &message, countersign::domain::messages::DecisionKind::Approve).unwrap();
    }
    desk.drain().await;
    assert_eq!(desk.message(message.row.id.as_str()).row.state, State::Failed);
    assert!(is_stopped(&desk, Mode::Autonomous) && suppressed(&desk, "dee@live.com").is_none());
    let stops = desk.read(|conn| mailboxes::stops::in_force(conn, &OPERATOR));
    assert!(stops.iter().all(|stop| stop.reason.contains("5.7.515")), "{stops:?}");
}

/// RFC 3834: our notices say that a machine wrote them, and an absence is no reply, no wish and no bounce.
#[actix_web::test]
async fn l_30_what_machines_write_says_so_and_is_not_answered() {
    let desk = Desk::new().await;
    let (id, about) = sent(&desk, "ana@example.com", words()).await;
    let away = reply("ana@example.com", &about, "Automatic reply: Hello", "I am out of the office. Please stop by when I am back.")
        .replace("In-Reply-To", "Auto-Submitted: auto-replied\nIn-Reply-To");
    assert_eq!(arrive(&desk, Mode::Autonomous, &away).kind, EmailKind::AutoReply);
    assert_eq!((suppressed(&desk, "ana@example.com"), desk.message(id.as_str()).row.state), (None, State::Sent));
    assert_eq!(desk.catcher.messages().len(), 1, "nothing is answered");
    let real = reply("ana@example.com", &about, "Re: Hello", "Thank you, tell me more.");
    assert_eq!(arrive(&desk, Mode::Autonomous, &real).kind, EmailKind::Reply);
}

/// RFC 3461-3464: a report has an effect only where it names a message of ours, and only a lasting failure ends mail.
#[actix_web::test]
async fn l_33_only_a_lasting_failure_of_our_own_message_suppresses() {
    let desk = Desk::new().await;
    let (_, ana) = sent(&desk, "ana@example.com", words()).await;
    let (_, bo) = sent(&desk, "bo@example.com", words()).await;
    arrive(&desk, Mode::Autonomous, &bounce(&ana, "ana@example.com", "5.1.1", "550 5.1.1 user unknown"));
    assert_eq!(suppressed(&desk, "ana@example.com"), Some(suppressions::Reason::Bounced));
    arrive(&desk, Mode::Autonomous, &bounce("nothing@elsewhere.example", "bo@example.com", "5.1.1", "550 5.1.1 user unknown"));
    arrive(&desk, Mode::Autonomous, &bounce(&bo, "bo@example.com", "5.2.2", "552 5.2.2 Mailbox full"));
    assert_eq!(suppressed(&desk, "bo@example.com"), None);
}

/// RFC 5965: a report of abuse suppresses for ever; other feedback does not.
#[actix_web::test]
async fn l_34_only_a_report_of_abuse_suppresses() {
    let desk = Desk::new().await;
    let (id, about) = sent(&desk, "ana@example.com", words()).await;
    for kind in ["not-spam", "auth-failure"] {
        arrive(&desk, Mode::Autonomous, &feedback(&about, kind));
        assert_eq!(suppressed(&desk, "ana@example.com"), None, "{kind}");
    }
    arrive(&desk, Mode::Autonomous, &feedback(&about, "abuse"));
    assert_eq!(suppressed(&desk, "ana@example.com"), Some(suppressions::Reason::Complained));
    assert_eq!(desk.message(id.as_str()).row.state, State::Complained);
}
