//! Mail to reviewers: who gets it, when, what stands in it, and that nothing else leaves this way.

use countersign::catcher::{Action, Behaviour, Caught, Rule, Verb};
use countersign::clock::Time;
use countersign::domain::accounts::settings::{self, NoticeChoice, Profile};
use countersign::domain::accounts::users;
use countersign::domain::actor::{Actor, Role};
use countersign::domain::ids::{MailboxId, MessageId, UserId};
use countersign::domain::mailboxes::{self, MailboxChange, Mode, Notify};
use countersign::domain::messages::content::Words;
use countersign::domain::messages::decide::{Decide, decide};
use countersign::domain::messages::edit::edit;
use countersign::domain::messages::{self, DecisionKind, State};
use countersign::domain::notices::{self, Kind, mails};
use countersign::domain::outbox::WorkerId;
use countersign::email::offer_notice;
use countersign::on_either;
use countersign::worker;
use diesel::RunQueryDsl;
use mail_parser::{Address, HeaderName, Message, MessageParser};
use serde_json::json;

use crate::support::{Browser, Desk, OPERATOR, address};

fn mailbox(desk: &Desk, mode: Mode) -> MailboxId {
    desk.read(|conn| mailboxes::resolve(conn, &OPERATOR, Some(&address(mode)))).id
}

/// What the mailbox says to everybody.
fn set_mailbox(desk: &Desk, mode: Mode, notify: Notify) {
    let id = mailbox(desk, mode);
    let change = MailboxChange { undo_seconds: 60, notify, ..MailboxChange::from(&desk.mailbox(mode)) };
    desk.write(|conn| mailboxes::change(conn, &OPERATOR, &id, &change, desk.now())).unwrap();
}

/// What one person says about one mailbox, and their hour.
fn choose(desk: &Desk, who: &str, notices: bool, digest_hour: i64, own: &[(Mode, Option<Notify>)]) {
    let mailboxes = own.iter().map(|(mode, notify)| (mailbox(desk, *mode), *notify)).collect();
    let choice = NoticeChoice { notices, digest_hour, weekly: None, mailboxes };
    desk.write(|conn| settings::set_notices(conn, &desk.person(who), &choice, desk.now())).unwrap();
}

fn id_of(desk: &Desk, who: &str) -> UserId {
    UserId::from(desk.person(who).id())
}

fn email(who: &str) -> String {
    format!("{}@desk.example", who.to_lowercase())
}

/// One look of the worker at this moment.
async fn step_at(desk: &Desk, at: Time) {
    let (_sender, stop) = tokio::sync::watch::channel(false);
    worker::notices::step(&desk.state, &desk.transport(), &WorkerId::new(), &stop, move || at).await.unwrap();
}

fn mails_to(desk: &Desk, who: &str) -> Vec<Caught> {
    desk.catcher.messages().into_iter().filter(|mail| mail.to == [email(who)]).collect()
}

fn text_of(mail: &Caught) -> String {
    let parsed: Message<'_> = MessageParser::default().parse(&mail.raw).unwrap();
    parsed.body_text(0).unwrap().replace("\r\n", "\n")
}

async fn pending(desk: &Desk, to: &str, subject: &str) -> MessageId {
    let (status, answer) = desk.send(Mode::GatedSend, to, json!({"subject": subject})).await;
    assert_eq!((status, answer["status"].as_str()), (202, Some("pending")), "{answer}");
    MessageId::from(answer["id"].as_str().unwrap())
}

fn reject(desk: &Desk, who: &str, id: &MessageId) {
    let hash = desk.read(|conn| messages::get(conn, &OPERATOR, id)).row.content_hash;
    let decision = Decide { reason: Some("because"), content_hash: Some(&hash), ..Decide::on(id, DecisionKind::Reject) };
    desk.write(|conn| decide(conn, &desk.person(who), &decision, desk.now())).unwrap();
}

fn tell(desk: &Desk, who: &str, kind: Kind, message: &MessageId, by: &str, words: Option<&str>) {
    desk.write(|conn| notices::tell(conn, &id_of(desk, who), kind, message, by, words, desk.now())).unwrap();
}

#[actix_web::test]
async fn what_is_new_comes_in_one_mail_and_the_next_mail_waits_five_minutes() {
    let desk = Desk::new().await;
    set_mailbox(&desk, Mode::GatedSend, Notify::Immediate);
    let start = desk.now();
    step_at(&desk, start).await;
    assert!(desk.catcher.messages().is_empty(), "nothing waits, so nobody is mailed");
    let mut first = vec![];
    for n in 0..12 {
        first.push(pending(&desk, &format!("c{n}@example.com"), &format!("Subject {n}")).await);
    }
    step_at(&desk, start.plus_seconds(15)).await;
    for who in ["Ada", "Max", "Rita", "Rob"] {
        let mails = mails_to(&desk, who);
        assert_eq!(mails.len(), 1, "{who}");
        assert_eq!(mails[0].subject, "12 messages wait for you");
        let text = text_of(&mails[0]);
        assert!(text.contains(&format!("https://desk.example.com/messages/{}\n", first[0])), "{text}");
        assert_eq!(text.matches("/messages/").count(), 10, "{text}");
        assert!(text.contains("- and 2 more"), "{text}");
    }
    let late = pending(&desk, "late@example.com", "Late").await;
    for seconds in [30, 60, 314] {
        step_at(&desk, start.plus_seconds(seconds)).await;
        assert_eq!(mails_to(&desk, "Rita").len(), 1, "{seconds} s is too soon");
    }
    step_at(&desk, start.plus_seconds(316)).await;
    let mails = mails_to(&desk, "Rita");
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[1].subject, "1 message waits for you");
    let text = text_of(&mails[1]);
    assert!(text.contains(late.as_str()) && !text.contains(first[0].as_str()), "{text}");
    step_at(&desk, start.plus_seconds(3600)).await;
    assert_eq!(mails_to(&desk, "Rita").len(), 2, "nothing is told twice");
}

#[actix_web::test]
async fn a_message_that_waits_again_under_a_new_version_is_told_again_but_not_to_its_editor() {
    let desk = Desk::new().await;
    set_mailbox(&desk, Mode::GatedSend, Notify::Immediate);
    let id = pending(&desk, "a@example.com", "First words").await;
    step_at(&desk, desk.now()).await;
    let words = Words { subject: "Other words".into(), text: Some("Changed.".into()), html: None };
    desk.write(|conn| edit(conn, &desk.person("Rita"), &id, &words, None, desk.now())).unwrap();
    step_at(&desk, desk.now().plus_seconds(400)).await;
    assert_eq!((mails_to(&desk, "Rob").len(), mails_to(&desk, "Rita").len()), (2, 1));
    assert!(text_of(&mails_to(&desk, "Rob")[1]).contains("\"Other words\""));
}

#[actix_web::test]
async fn only_people_who_can_sign_in_reach_the_mailbox_and_want_mail_get_it() {
    let desk = Desk::new().await;
    set_mailbox(&desk, Mode::GatedSend, Notify::Immediate);
    choose(&desk, "Rob", true, 8, &[(Mode::GatedSend, Some(Notify::Off))]);
    let rita = id_of(&desk, "Rita");
    let others = [mailbox(&desk, Mode::GatedAll)];
    desk.write(|conn| users::change(conn, &OPERATOR, &rita, Role::Reviewer, &others, desk.now())).unwrap();
    let max = id_of(&desk, "Max");
    desk.write(|conn| users::set_disabled(conn, &OPERATOR, &max, true, desk.now())).unwrap();
    let invited = users::NewUser {
        email: "ina@desk.example".into(),
        name: "Ina".into(),
        role: Role::Reviewer,
        password: None,
        mailboxes: vec![mailbox(&desk, Mode::GatedSend)],
    };
    desk.write(|conn| users::add(conn, &OPERATOR, &invited, desk.now())).unwrap();
    pending(&desk, "a@example.com", "Hello").await;
    step_at(&desk, desk.now()).await;
    let to: Vec<Vec<String>> = desk.catcher.messages().into_iter().map(|mail| mail.to).collect();
    assert_eq!(to, [["ada@desk.example".to_owned()]]);
    // The choice of a person goes before that of the mailbox the other way round, too.
    set_mailbox(&desk, Mode::GatedSend, Notify::Off);
    choose(&desk, "Rob", true, 8, &[(Mode::GatedSend, Some(Notify::Immediate))]);
    pending(&desk, "b@example.com", "Hello again").await;
    step_at(&desk, desk.now().plus_seconds(400)).await;
    assert_eq!((mails_to(&desk, "Rob").len(), desk.catcher.messages().len()), (1, 2));
    // "As the mailbox says" again, and then no mail at all.
    choose(&desk, "Rob", true, 8, &[(Mode::GatedSend, None)]);
    set_mailbox(&desk, Mode::GatedSend, Notify::Immediate);
    choose(&desk, "Ada", false, 8, &[]);
    let id = pending(&desk, "c@example.com", "Once more").await;
    tell(&desk, "Ada", Kind::Mentioned, &id, "Rob", None);
    step_at(&desk, desk.now().plus_seconds(900)).await;
    assert_eq!((mails_to(&desk, "Rob").len(), mails_to(&desk, "Ada").len()), (2, 1));
}

#[actix_web::test]
async fn what_was_decided_before_the_mail_was_written_is_not_in_it() {
    let desk = Desk::new().await;
    set_mailbox(&desk, Mode::GatedSend, Notify::Immediate);
    let (one, two) = (pending(&desk, "a@example.com", "One").await, pending(&desk, "b@example.com", "Two").await);
    reject(&desk, "Rob", &one);
    step_at(&desk, desk.now()).await;
    let mail = &mails_to(&desk, "Rita")[0];
    assert_eq!(mail.subject, "1 message waits for you");
    assert!(!text_of(mail).contains(one.as_str()) && text_of(mail).contains(two.as_str()));
    let three = pending(&desk, "c@example.com", "Three").await;
    tell(&desk, "Rita", Kind::Assigned, &three, "Max", None);
    tell(&desk, "Rita", Kind::Mentioned, &three, "Max", None);
    reject(&desk, "Rita", &three);
    step_at(&desk, desk.now().plus_seconds(400)).await;
    assert_eq!(mails_to(&desk, "Rita").len(), 1, "she decided everything already");
}

#[actix_web::test]
async fn the_digest_comes_once_a_day_at_the_hour_of_its_reader_and_only_when_something_waits() {
    let desk = Desk::new().await;
    set_mailbox(&desk, Mode::GatedSend, Notify::Digest);
    for who in ["Ada", "Max", "Rob"] {
        choose(&desk, who, false, 8, &[]);
    }
    let rita = desk.person("Rita");
    let profile = Profile { time_zone: "asia/kolkata".into(), shortcuts: true };
    desk.write(|conn| settings::set_profile(conn, &rita, &profile, desk.now())).unwrap();
    choose(&desk, "Rita", true, 9, &[]);
    // Nine in India is half past three in the morning, all year.
    let day = Time::from_date(desk.now().date());
    let slot = |days: i64| day.plus_days(days).plus_seconds(3 * 3600 + 1800);
    step_at(&desk, slot(1).plus_seconds(3600)).await;
    let ids = [pending(&desk, "a@example.com", "One").await, pending(&desk, "b@example.com", "Two").await];
    step_at(&desk, slot(2).plus_seconds(-1)).await;
    assert!(desk.catcher.messages().is_empty(), "a digest does not come early");
    step_at(&desk, slot(2)).await;
    step_at(&desk, slot(2).plus_seconds(15)).await;
    let mails = mails_to(&desk, "Rita");
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].subject, "2 messages wait for you");
    let text = text_of(&mails[0]);
    assert!(text.contains("gated-send@sender.example: 2 messages wait, the oldest since "), "{text}");
    assert!(text.contains(" IST") && text.contains(ids[0].as_str()) && text.contains(ids[1].as_str()), "{text}");
    // They lapse after 72 hours; three days on that is within a day, wherever in the day this runs.
    let expires = desk.read(|conn| messages::get(conn, &OPERATOR, &ids[0])).row.expires_at.unwrap();
    assert_eq!(text.contains("2 expire within 24 hours"), expires <= slot(2).plus_days(1), "{text}");
    step_at(&desk, slot(3).plus_seconds(11 * 3600)).await;
    assert_eq!(mails_to(&desk, "Rita").len(), 2, "an outage of some hours is made up for");
    assert!(text_of(&mails_to(&desk, "Rita")[1]).contains("2 expire within 24 hours"));
    step_at(&desk, slot(4).plus_seconds(13 * 3600)).await;
    assert_eq!(mails_to(&desk, "Rita").len(), 2, "a longer one waits for the next day");
    for id in &ids {
        reject(&desk, "Rob", id);
    }
    step_at(&desk, slot(5)).await;
    assert_eq!(mails_to(&desk, "Rita").len(), 2, "nothing waits");
    // Something that waits later in the day waits for the next digest.
    pending(&desk, "c@example.com", "Three").await;
    step_at(&desk, slot(5).plus_seconds(3600)).await;
    assert_eq!(mails_to(&desk, "Rita").len(), 2);
    step_at(&desk, slot(6)).await;
    assert_eq!(mails_to(&desk, "Rita").len(), 3);
}

#[actix_web::test]
async fn a_new_hour_that_is_past_today_begins_tomorrow() {
    let desk = Desk::new().await;
    set_mailbox(&desk, Mode::GatedSend, Notify::Digest);
    pending(&desk, "a@example.com", "One").await;
    let noon = Time::from_date(desk.now().date()).plus_days(1).plus_seconds(12 * 3600);
    step_at(&desk, noon).await;
    let rita = desk.person("Rita");
    let choice = |hour| NoticeChoice { notices: true, digest_hour: hour, weekly: None, mailboxes: vec![] };
    desk.write(|conn| settings::set_notices(conn, &rita, &choice(11), noon)).unwrap();
    step_at(&desk, noon.plus_seconds(60)).await;
    assert!(mails_to(&desk, "Rita").is_empty());
    step_at(&desk, noon.plus_seconds(23 * 3600)).await;
    assert_eq!(mails_to(&desk, "Rita").len(), 1);
}

#[actix_web::test]
async fn who_is_mentioned_or_asked_is_mailed_though_the_mailbox_is_silent() {
    let desk = Desk::new().await;
    let id = pending(&desk, "a@example.com", "Look at me").await;
    tell(&desk, "Rita", Kind::Mentioned, &id, "Max", Some("is 20% right?"));
    tell(&desk, "Rita", Kind::Assigned, &id, "Max", Some("while I am away"));
    let rob = id_of(&desk, "Rob");
    desk.write(|conn| users::change(conn, &OPERATOR, &rob, Role::Reviewer, &[], desk.now())).unwrap();
    tell(&desk, "Rob", Kind::Mentioned, &id, "Max", Some("cannot see it"));
    let start = desk.now();
    step_at(&desk, start).await;
    assert_eq!(desk.catcher.messages().len(), 1, "Rob does not reach the mailbox");
    let mail = &mails_to(&desk, "Rita")[0];
    assert_eq!(mail.subject, "You were mentioned; 1 message was handed to you");
    let text = text_of(mail);
    for wanted in ["Max mentioned you in a comment:", "Max wrote: is 20% right?", "Max asks you to decide:", "while I am away", "\"Look at me\""] {
        assert!(text.contains(wanted), "{wanted} is missing in\n{text}");
    }
    tell(&desk, "Rita", Kind::Mentioned, &id, "Ada", None);
    step_at(&desk, start.plus_seconds(100)).await;
    assert_eq!(mails_to(&desk, "Rita").len(), 1, "bundled like all news");
    step_at(&desk, start.plus_seconds(300)).await;
    assert_eq!(mails_to(&desk, "Rita")[1].subject, "You were mentioned");
    // What could not be told for a day is old news.
    tell(&desk, "Rita", Kind::Mentioned, &id, "Ada", None);
    step_at(&desk, start.plus_days(1).plus_seconds(60)).await;
    assert_eq!(mails_to(&desk, "Rita").len(), 2);
}

#[actix_web::test]
async fn a_message_that_leaves_by_mode_monitored_is_told_with_the_time_to_stop_it() {
    let desk = Desk::new().await;
    set_mailbox(&desk, Mode::Monitored, Notify::Immediate);
    let (_, answer) = desk.send(Mode::Monitored, "a@example.com", json!({"consent_basis": "consent", "subject": "Off it goes"})).await;
    let id = MessageId::from(answer["id"].as_str().unwrap());
    assert_eq!(desk.read(|conn| messages::get(conn, &OPERATOR, &id)).row.state, State::Queued);
    step_at(&desk, desk.now()).await;
    let mail = &mails_to(&desk, "Rita")[0];
    assert_eq!(mail.subject, "1 message leaves without a decision");
    let text = text_of(mail);
    assert!(text.contains("can be stopped until ") && text.contains(&format!("/messages/{id}\n")), "{text}");
    step_at(&desk, desk.now().plus_seconds(400)).await;
    assert_eq!(mails_to(&desk, "Rita").len(), 1);
}

#[actix_web::test]
async fn stopping_all_sending_does_not_stop_notices() {
    let desk = Desk::new().await;
    set_mailbox(&desk, Mode::GatedSend, Notify::Immediate);
    pending(&desk, "a@example.com", "One").await;
    desk.write(|conn| mailboxes::stops::stop(conn, &OPERATOR, None, "a test", desk.now())).unwrap();
    step_at(&desk, desk.now()).await;
    assert_eq!(mails_to(&desk, "Rita").len(), 1);
}

/// Gives a message a subject that no surface would take.
fn plant_subject(desk: &Desk, id: &MessageId, subject: &str) {
    let columns = "content_hash, from_address, from_name, to_address, to_name, %, text_body, html_body, headers, footer, editor_kind, editor_id, \
                   editor_name, created_at";
    let copy = format!(
        "INSERT INTO message_versions (message_id, version, {}) SELECT message_id, 2, {} FROM message_versions WHERE message_id = '{id}'",
        columns.replace('%', "subject"),
        columns.replace('%', &format!("'{subject}'"))
    );
    let renumber = format!("UPDATE messages SET version = 2 WHERE id = '{id}'");
    for text in [copy, renumber] {
        desk.state.db.read(|conn| on_either!(conn, inner => diesel::sql_query(&text).execute(inner))).unwrap();
    }
}

#[actix_web::test]
async fn words_of_agents_stay_words_in_the_bytes_that_leave() {
    let desk = Desk::new().await;
    set_mailbox(&desk, Mode::GatedSend, Notify::Immediate);
    let id = pending(&desk, "a@example.com", "Harmless").await;
    plant_subject(&desk, &id, "Hi\r\nBcc: all@evil.example\r\n\r\n.\r\nhttps://evil.example/login \u{202e}gnp");
    tell(&desk, "Rita", Kind::Mentioned, &id, "Max\r\nSubject: Won", Some("see\r\n.\r\nMAIL FROM:<x@evil.example>\u{0007} www.evil.example"));
    step_at(&desk, desk.now()).await;
    let mail = &mails_to(&desk, "Rita")[0];
    let raw = String::from_utf8(mail.raw.clone()).unwrap();
    let (head, _) = raw.split_once("\r\n\r\n").unwrap();
    let mut names: Vec<&str> = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t'])).map(|line| line.split_once(':').unwrap().0).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["Auto-Submitted", "Content-Transfer-Encoding", "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Subject", "To"],
        "{raw}"
    );
    for wanted in [
        "From: Countersign <gated-send@sender.example>",
        "To: rita@desk.example",
        "Auto-Submitted: auto-generated",
        "Subject: You were mentioned; 1 message waits for you",
        "Content-Type: text/plain; charset=utf-8",
    ] {
        assert!(head.contains(wanted), "{wanted} is missing in\n{head}");
    }
    let parsed = MessageParser::default().parse(&mail.raw).unwrap();
    assert!(parsed.message_id().unwrap().ends_with(".notice@sender.example"));
    assert!(matches!(parsed.to(), Some(Address::List(list)) if list.len() == 1));
    assert!(parsed.header(HeaderName::Bcc).is_none());
    assert_eq!((parsed.text_body.len(), parsed.attachments.len(), mail.from.as_str()), (1, 0, "gated-send@sender.example"));
    let text = text_of(mail);
    assert!(text.contains("- \"Hi Bcc: all@evil[.]example . https[:]//evil[.]example/login gnp\" in gated-send@sender.example"), "{text}");
    assert!(text.contains("Max Subject: Won wrote: see . MAIL FROM:<x@evil[.]example> www[.]evil[.]example\n"), "{text}");
    for link in text.split_whitespace().filter(|word| word.contains("://")) {
        let ours = format!("https://desk.example.com/messages/{id}");
        assert!(link == ours || link == "https://desk.example.com/account", "{link}");
    }
    assert_eq!(desk.catcher.messages().len(), 4, "one to each person and to nobody else");
}

#[actix_web::test]
async fn a_restart_between_claim_and_dot_gives_one_mail_and_one_at_the_dot_no_second() {
    let desk = Desk::new().await;
    for who in ["Ada", "Max", "Rob"] {
        choose(&desk, who, false, 8, &[]);
    }
    set_mailbox(&desk, Mode::GatedSend, Notify::Immediate);
    pending(&desk, "a@example.com", "One").await;
    let start = desk.now();
    let due = desk.read(|conn| notices::due(conn, start));
    for due in &due {
        desk.write(|conn| notices::write(conn, due, start)).unwrap();
    }
    let claim = |at: Time| desk.write(|conn| mails::claim(conn, &WorkerId::new(), at)).unwrap();
    let silent = claim(start).unwrap();
    assert_eq!(silent.to_address(), "rita@desk.example");
    assert!(claim(start).is_none(), "one worker has it");
    desk.write(|conn| notices::tidy(conn, start.plus_seconds(61))).unwrap();
    // The worker comes back and finds that it was given up.
    let dot = desk.write(|conn| mails::permit_dot(conn, silent, start.plus_seconds(62))).unwrap();
    assert!(dot.is_none());
    let second = claim(start.plus_seconds(63)).unwrap();
    let dot = desk.write(|conn| mails::permit_dot(conn, second, start.plus_seconds(63))).unwrap();
    assert!(dot.is_some());
    desk.write(|conn| notices::tidy(conn, start.plus_seconds(200))).unwrap();
    for seconds in [201, 600, 7200] {
        step_at(&desk, start.plus_seconds(seconds)).await;
    }
    assert!(desk.catcher.messages().is_empty(), "it may have arrived, so it is not sent again");
    let last = desk.read(|conn| mails::latest(conn, &id_of(&desk, "Rita"))).unwrap();
    assert_eq!(last.state, "uncertain");
}

#[actix_web::test]
async fn the_permission_for_one_notice_finishes_no_other() {
    let desk = Desk::new().await;
    set_mailbox(&desk, Mode::GatedSend, Notify::Immediate);
    pending(&desk, "a@example.com", "One").await;
    let now = desk.now();
    for due in &desk.read(|conn| notices::due(conn, now)) {
        desk.write(|conn| notices::write(conn, due, now)).unwrap();
    }
    let claim = || desk.write(|conn| mails::claim(conn, &WorkerId::new(), now)).unwrap().unwrap();
    let (one, other) = (claim(), claim());
    let dot = desk.write(|conn| mails::permit_dot(conn, other, now)).unwrap().unwrap();
    let mut connection = desk.transport().connect().await.unwrap();
    let ready = offer_notice(&mut connection, &one).await.unwrap();
    assert!(ready.dot(&dot).await.is_err());
    assert!(desk.catcher.messages().is_empty());
}

#[actix_web::test]
async fn silence_after_the_dot_gives_no_second_mail() {
    let desk = Desk::with(Behaviour::new().with(Rule::at(Verb::Dot, Action::KeepAndClose).times(1))).await;
    for who in ["Ada", "Max", "Rob"] {
        choose(&desk, who, false, 8, &[]);
    }
    set_mailbox(&desk, Mode::GatedSend, Notify::Immediate);
    pending(&desk, "a@example.com", "One").await;
    for seconds in [0, 120, 3600] {
        step_at(&desk, desk.now().plus_seconds(seconds)).await;
    }
    assert_eq!(desk.catcher.messages().len(), 1);
}

#[actix_web::test]
async fn whoever_is_disabled_or_loses_the_mailbox_meanwhile_gets_nothing() {
    let desk = Desk::new().await;
    set_mailbox(&desk, Mode::GatedSend, Notify::Immediate);
    for who in ["Ada", "Max"] {
        choose(&desk, who, false, 8, &[]);
    }
    pending(&desk, "a@example.com", "One").await;
    let now = desk.now();
    for due in &desk.read(|conn| notices::due(conn, now)) {
        desk.write(|conn| notices::write(conn, due, now)).unwrap();
    }
    let rob = id_of(&desk, "Rob");
    desk.write(|conn| users::change(conn, &OPERATOR, &rob, Role::Reviewer, &[], now)).unwrap();
    let claimed = desk.write(|conn| mails::claim(conn, &WorkerId::new(), now)).unwrap().unwrap();
    assert_eq!(claimed.to_address(), "rita@desk.example");
    let rita = id_of(&desk, "Rita");
    desk.write(|conn| users::set_disabled(conn, &OPERATOR, &rita, true, now)).unwrap();
    assert!(desk.write(|conn| mails::permit_dot(conn, claimed, now)).unwrap().is_none());
    step_at(&desk, now).await;
    assert!(desk.catcher.messages().is_empty());
    for user in [rita, rob] {
        assert_eq!(desk.read(|conn| mails::latest(conn, &user)).unwrap().state, "failed");
    }
}

#[actix_web::test]
async fn a_refusal_for_now_is_tried_again_and_what_comes_meanwhile_is_in_the_next_mail() {
    let desk = Desk::with(Behaviour::new().with(Rule::at(Verb::Rcpt, Action::Reply("450 4.2.1 busy".into())).times(3))).await;
    for who in ["Ada", "Max", "Rob"] {
        choose(&desk, who, false, 8, &[]);
    }
    set_mailbox(&desk, Mode::GatedSend, Notify::Immediate);
    let one = pending(&desk, "a@example.com", "One").await;
    let start = desk.now();
    // The attempts come at once, after one minute, after two more, after four more.
    for seconds in [0, 59, 61, 182] {
        step_at(&desk, start.plus_seconds(seconds)).await;
    }
    let two = pending(&desk, "b@example.com", "Two").await;
    for seconds in [301, 421] {
        step_at(&desk, start.plus_seconds(seconds)).await;
        assert!(desk.catcher.messages().is_empty(), "one mail at a time waits for the mail server");
    }
    step_at(&desk, start.plus_seconds(423)).await;
    step_at(&desk, start.plus_seconds(438)).await;
    let texts: Vec<String> = mails_to(&desk, "Rita").iter().map(text_of).collect();
    assert_eq!(texts.len(), 2);
    assert!(texts[0].contains(one.as_str()) && !texts[0].contains(two.as_str()), "{}", texts[0]);
    assert!(!texts[1].contains(one.as_str()) && texts[1].contains(two.as_str()), "{}", texts[1]);
}

#[actix_web::test]
async fn what_waits_for_a_day_already_is_no_news() {
    let desk = Desk::new().await;
    set_mailbox(&desk, Mode::GatedSend, Notify::Immediate);
    pending(&desk, "a@example.com", "One").await;
    step_at(&desk, desk.now().plus_seconds(24 * 3600 + 60)).await;
    assert!(desk.catcher.messages().is_empty());
}

#[actix_web::test]
async fn without_a_mail_server_nothing_piles_up_and_what_is_a_day_old_is_given_up() {
    let mut desk = Desk::new().await;
    for who in ["Ada", "Max", "Rob"] {
        choose(&desk, who, false, 8, &[]);
    }
    set_mailbox(&desk, Mode::GatedSend, Notify::Immediate);
    pending(&desk, "a@example.com", "One").await;
    let start = desk.now();
    desk.relay = Some(std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    for hours in 0..30 {
        pending(&desk, "a@example.com", "One more").await;
        let at = start.plus_seconds(hours * 3600);
        step_at(&desk, at).await;
        desk.write(|conn| notices::tidy(conn, at)).unwrap();
    }
    desk.relay = None;
    step_at(&desk, start.plus_days(3)).await;
    desk.write(|conn| notices::tidy(conn, start.plus_days(3))).unwrap();
    assert!(desk.catcher.messages().is_empty(), "old news is not told");
    assert_eq!(desk.read(|conn| mails::latest(conn, &id_of(&desk, "Rita"))).unwrap().state, "failed");
}

#[actix_web::test]
async fn several_workers_at_once_write_and_send_each_mail_once() {
    let desk = Desk::new().await;
    set_mailbox(&desk, Mode::GatedSend, Notify::Immediate);
    set_mailbox(&desk, Mode::GatedAll, Notify::Digest);
    // The rows of these people are made by whoever looks first.
    let (now, step) = (desk.now(), |at| step_at(&desk, at));
    tokio::join!(step(now), step(now), step(now), step(now));
    pending(&desk, "a@example.com", "One").await;
    let (status, _) = desk.send(Mode::GatedAll, "b@example.com", json!({})).await;
    assert_eq!(status, 202);
    // The next eight o'clock, so that what is new now is no day old by then.
    let eight = Time::from_date(now.date()).plus_seconds(8 * 3600);
    let at = if eight > now { eight } else { eight.plus_days(1) };
    tokio::join!(step(at), step(at), step(at), step(at));
    for who in ["Ada", "Max", "Rita", "Rob"] {
        assert_eq!(mails_to(&desk, who).len(), 2, "{who}: one mail about news, one digest");
    }
}

#[actix_web::test]
async fn a_link_leads_through_the_sign_in_to_the_message_and_decides_nothing() {
    let desk = Desk::new().await;
    let id = pending(&desk, "a@example.com", "One").await;
    let path = format!("/messages/{id}");
    let mut browser = Browser::new(desk.app().await);
    let page = browser.get(&path).await;
    let login = format!("/login?next=%2Fmessages%2F{id}");
    assert_eq!((page.status, page.location.as_deref()), (303, Some(login.as_str())));
    let page = browser.get(&login).await;
    let next = page.body.split("name=\"next\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
    assert_eq!(next, path);
    let fields = [("email", "rita@desk.example"), ("password", crate::support::PASSWORD), ("next", next.as_str())];
    let page = browser.post(&login, "/login", &fields).await;
    assert_eq!((page.status, page.location.as_deref()), (303, Some(path.as_str())));
    assert_eq!(browser.get(&path).await.status, 200);
    assert_eq!(desk.read(|conn| messages::get(conn, &OPERATOR, &id)).row.state, State::Pending);
}

#[actix_web::test]
async fn people_choose_on_their_account_and_administrators_on_the_mailbox() {
    let desk = Desk::new().await;
    let boxed = mailbox(&desk, Mode::GatedSend);
    let mut browser = Browser::new(desk.app().await);
    browser.sign_in("rita").await;
    let page = browser.get("/account").await;
    assert!(page.body.contains("As the mailbox says: Off") && page.body.contains("<option>Europe/Berlin</option>"), "{}", page.body);
    let field = format!("notify-{boxed}");
    let page = browser.post("/account", "/account/notices", &[("notices", "yes"), ("digest_hour", "6"), (field.as_str(), "digest")]).await;
    assert_eq!((page.status, page.location.as_deref()), (303, Some("/account")));
    let page = browser.post("/account", "/account/profile", &[("time_zone", "Europe/Berlin")]).await;
    assert_eq!(page.status, 303);
    let rita = desk.person("Rita");
    let own = desk.read(|conn| settings::own(conn, &rita));
    assert_eq!((own.digest_hour, own.profile.time_zone.as_str(), own.profile.shortcuts), (6, "Europe/Berlin", false));
    assert_eq!(own.mailboxes.iter().filter_map(|row| row.own).collect::<Vec<_>>(), [Notify::Digest]);
    assert_eq!(desk.read(|conn| settings::profile(conn, &id_of(&desk, "Rita"))), own.profile);
    let page = browser.get("/account").await;
    assert!(page.body.contains("<option selected>Europe/Berlin</option>") && page.body.contains("In Europe/Berlin."), "{}", page.body);
    for (path, fields, wanted) in [
        ("/account/profile", [("time_zone", "Mars/Olympus"), ("x", "")], "Time zone must be a zone such as Europe/Berlin; got"),
        ("/account/profile", [("time_zone", "../../etc/passwd"), ("x", "")], "Time zone must be a zone such as"),
        ("/account/notices", [("digest_hour", "24"), ("x", "")], "Digest hour must be 0 to 23; got 24."),
        ("/account/notices", [("digest_hour", "8"), (field.as_str(), "often")], "must be one of off, digest, immediate"),
    ] {
        let page = browser.post("/account", path, &fields).await;
        assert!(page.status == 422 && page.body.contains(wanted), "{path} {}: {}", page.status, page.body);
    }
    let log = desk.read(|conn| crate::support::log_of(conn, &OPERATOR, Some(rita.id()), 10));
    let actions: Vec<&str> = log.iter().map(|line| line.action.as_str()).collect();
    assert!(actions.starts_with(&["user.set_profile", "user.set_notices"]), "{actions:?}");
    // A mailbox out of reach cannot be chosen, whatever a form says.
    let choice = NoticeChoice { notices: true, digest_hour: 8, weekly: None, mailboxes: vec![(MailboxId::from("nowhere"), Some(Notify::Immediate))] };
    assert_eq!(desk.write(|conn| settings::set_notices(conn, &rita, &choice, desk.now())).unwrap_err().code, "not_found");
    let key = Actor::System("x");
    assert_eq!(desk.write(|conn| settings::set_notices(conn, &key, &choice, desk.now())).unwrap_err().code, "person_required");

    let mut browser = Browser::new(desk.app().await);
    browser.sign_in("ada").await;
    let (page, path) = (browser.get(&format!("/mailboxes/{boxed}")).await, format!("/mailboxes/{boxed}"));
    assert!(page.body.contains("Mail to its reviewers about what waits"));
    let fields = [("name", "Sender"), ("postal_address", "1 Main Street"), ("undo_seconds", "0"), ("notify", "immediate")];
    assert_eq!(browser.post(&path, &path, &fields).await.status, 303);
    let mailbox = desk.read(|conn| mailboxes::get(conn, &OPERATOR, &boxed));
    assert_eq!(mailbox.notify, Notify::Immediate);
}
