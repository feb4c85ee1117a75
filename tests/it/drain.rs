//! The delivery engine: many messages looked at together, many connections written down together, one relay apart from
//! another.

use std::sync::Arc;
use std::time::Duration;

use countersign::catcher::{Action, Behaviour, Catcher, Rule, Verb};
use countersign::domain::actor::Scope;
use countersign::domain::contacts::suppressions::{self, Reason};
use countersign::domain::ids::MessageId;
use countersign::domain::keys::{self, NewKey};
use countersign::domain::mailboxes::{self, MailboxChange, Mode, OnUncertain};
use countersign::domain::messages::State;
use countersign::domain::outbox::{self, Examined, Served, Step, Taken, WorkerId, verify};
use countersign::email::{Timeouts, Transport};
use countersign::worker::{self, Relays};
use serde_json::json;

use crate::support::{Browser, Desk, OPERATOR, address};

/// Messages that leave without a decision, so that a test can have many.
async fn cleared(desk: &Desk, mode: Mode, names: std::ops::Range<usize>) -> Vec<MessageId> {
    let mut ids = vec![];
    for n in names {
        let (status, answer) = desk.send(mode, &format!("p{n}@example.com"), json!({"consent_basis": "consent"})).await;
        assert_eq!(status, 202, "{answer}");
        ids.push(MessageId::from(answer["id"].as_str().unwrap()));
    }
    ids
}

fn choose(desk: &Desk, mode: Mode, choice: OnUncertain) {
    let mailbox = desk.mailbox(mode);
    let change = MailboxChange { on_uncertain: choice, ..MailboxChange::from(&mailbox) };
    desk.write(|conn| mailboxes::change(conn, &OPERATOR, &mailbox.id, &change, desk.now())).unwrap();
}

/// A worker, and what keeps it running.
fn started(desk: &Desk, relays: impl Into<Relays>) -> (tokio::sync::watch::Sender<bool>, actix_web::rt::task::JoinHandle<()>) {
    let (stop, stopped) = tokio::sync::watch::channel(false);
    (stop, actix_web::rt::spawn(worker::run(desk.state.clone(), relays.into(), stopped)))
}

/// How many outbox rows are in this state.
fn in_state(desk: &Desk, ids: &[MessageId], state: &str) -> usize {
    ids.iter().filter(|id| desk.read(|conn| outbox::waiting(conn, id)).unwrap().state == state).count()
}

/// Waits until something holds, and fails when it never does.
async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..1500 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it never came to this: {what}");
}

fn statements_of(desk: &Desk, work: impl FnOnce(&mut countersign::db::Conn)) -> usize {
    use diesel::Connection;
    use diesel::connection::InstrumentationEvent;
    let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = count.clone();
    desk.read(|conn| {
        conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if matches!(event, InstrumentationEvent::StartQuery { .. }) {
                counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            }
        });
        work(conn);
        conn.set_instrumentation(|_: InstrumentationEvent<'_>| {});
        Ok(())
    });
    count.load(std::sync::atomic::Ordering::SeqCst)
}

#[actix_web::test]
async fn many_messages_take_as_many_statements_as_few() {
    let desk = Desk::new().await;
    let mut counts = vec![];
    for (begin, many) in [(0, 3), (100, 30)] {
        let ids = cleared(&desk, Mode::Autonomous, begin..begin + many).await;
        let worker = WorkerId::new();
        let mut all = vec![];
        let claiming = statements_of(&desk, |conn| all = outbox::claim(conn, &worker, 100, desk.now()).unwrap());
        assert_eq!(all.len(), many);
        let steps: Vec<Step> = all.into_iter().map(|claimed| Step::Dot(Box::new(claimed))).collect();
        let mut permitted = vec![];
        let marking = statements_of(&desk, |conn| {
            let marked = outbox::record_steps(conn, &steps.iter().collect::<Vec<_>>(), desk.now()).unwrap();
            permitted = steps.into_iter().filter_map(|step| marked.permit(step)).collect();
        });
        assert_eq!(permitted.len(), many);
        let steps: Vec<Step> = permitted.into_iter().map(|at_dot| Step::Sent(at_dot, "250 ok".into())).collect();
        let taken: Vec<Taken> = steps.iter().filter_map(Taken::of).collect();
        assert_eq!(taken.len(), many);
        let recording = statements_of(&desk, |conn| {
            outbox::record_steps(conn, &steps.iter().collect::<Vec<_>>(), desk.now()).unwrap();
            outbox::finish(conn, &taken, desk.now()).unwrap();
        });
        assert_eq!(in_state(&desk, &ids, "sent"), many);
        counts.push((claiming, marking, recording));
    }
    assert_eq!(counts[0], counts[1], "claiming, marking and recording");
}

/// On SQLite plans do not depend on what is in the tables, so one look holds for a million rows.
#[actix_web::test]
async fn no_statement_of_the_hot_path_walks_along_what_waits() {
    use diesel::Connection;
    use diesel::connection::InstrumentationEvent;
    use diesel::sql_types::Text;
    #[derive(diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        detail: String,
    }
    let desk = Desk::new().await;
    let ids = cleared(&desk, Mode::Autonomous, 0..3).await;
    let heard = Arc::new(std::sync::Mutex::new(vec![]));
    let hear = heard.clone();
    let worker = WorkerId::new();
    desk.read(|conn| {
        conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::StartQuery { query, .. } = event {
                hear.lock().unwrap().push(query.to_string());
            }
        });
        let steps: Vec<Step> = outbox::claim(conn, &worker, 10, desk.now())?.into_iter().map(|one| Step::Dot(Box::new(one))).collect();
        outbox::slow(conn, desk.now())?;
        let marked = outbox::record_steps(conn, &steps.iter().collect::<Vec<_>>(), desk.now())?;
        let sent: Vec<Step> = steps.into_iter().filter_map(|step| marked.permit(step)).map(|dot| Step::Sent(dot, "250 ok".into())).collect();
        outbox::record_steps(conn, &sent.iter().collect::<Vec<_>>(), desk.now())?;
        outbox::finish(conn, &sent.iter().filter_map(Taken::of).collect::<Vec<_>>(), desk.now())?;
        outbox::finish_all(conn, desk.now())?;
        outbox::renew(conn, &worker, desk.now())?;
        outbox::recover(conn, desk.now())?;
        outbox::is_drained(conn, countersign::clock::now())?;
        conn.set_instrumentation(|_: InstrumentationEvent<'_>| {});
        Ok(())
    });
    assert_eq!(in_state(&desk, &ids, "sent"), 3);
    let heard: Vec<String> = heard.lock().unwrap().iter().map(|sql| sql.split("-- binds").next().unwrap().trim().to_owned()).collect();
    assert!(heard.iter().any(|sql| sql.contains("UPDATE messages SET state = 'sent'")), "{heard:?}");
    if !desk.state.db.url().starts_with("sqlite://") {
        return;
    }
    for sql in heard.iter().filter(|sql| ["SELECT", "UPDATE", "INSERT", "DELETE"].iter().any(|verb| sql.starts_with(verb))) {
        let plan: Vec<Row> = desk.read(|conn| {
            let mut explain = countersign::db::statement::Statement::default();
            explain.push("EXPLAIN QUERY PLAN ").push(sql);
            Ok(explain.load(conn)?)
        });
        for Row { detail } in plan {
            let walks = detail.contains("messages_by_") || detail.starts_with("SCAN messages") || detail.starts_with("SCAN m ");
            let all = detail.starts_with("SCAN outbox") || detail.starts_with("SCAN o");
            let few = ["outbox_held", "outbox_due", "outbox_unfinished"].iter().any(|index| detail.contains(index));
            assert!(!walks && (!all || few), "{detail} in {sql}");
        }
    }
}

#[actix_web::test]
async fn what_a_check_speaks_against_is_taken_out_and_the_others_go() {
    let desk = Desk::new().await;
    let ids = cleared(&desk, Mode::Autonomous, 0..6).await;
    let worker = WorkerId::new();
    let leave = |n: usize| {
        let who = format!("p{n}@example.com");
        desk.write(|conn| suppressions::add(conn, &OPERATOR, &who, Reason::Unsubscribed, "test", None, desk.now())).unwrap();
    };
    leave(1);
    let claimed = desk.write(|conn| outbox::claim(conn, &worker, 100, desk.now())).unwrap();
    assert_eq!(claimed.len(), 5);
    leave(4);
    let steps: Vec<Step> = claimed.into_iter().map(|claimed| Step::Dot(Box::new(claimed))).collect();
    let marked = desk.write(|conn| outbox::record_steps(conn, &steps.iter().collect::<Vec<_>>(), desk.now())).unwrap();
    let permitted: Vec<_> = steps.into_iter().filter_map(|step| marked.permit(step)).collect();
    assert_eq!(permitted.len(), 4);
    let states: Vec<State> = ids.iter().map(|id| desk.message(id.as_str()).row.state).collect();
    assert_eq!((states[1], states[4]), (State::Skipped, State::Skipped));
    assert_eq!((in_state(&desk, &ids, "dot"), in_state(&desk, &ids, "skipped")), (4, 2));
}

#[actix_web::test]
async fn a_stop_before_the_dots_holds_back_all_of_them() {
    let desk = Desk::new().await;
    let ids = cleared(&desk, Mode::Autonomous, 0..5).await;
    let claimed = desk.write(|conn| outbox::claim(conn, &WorkerId::new(), 100, desk.now())).unwrap();
    desk.write(|conn| mailboxes::stops::stop(conn, &OPERATOR, None, "a test", desk.now())).unwrap();
    let steps: Vec<Step> = claimed.into_iter().map(|claimed| Step::Dot(Box::new(claimed))).collect();
    let marked = desk.write(|conn| outbox::record_steps(conn, &steps.iter().collect::<Vec<_>>(), desk.now())).unwrap();
    assert_eq!(steps.into_iter().filter_map(|step| marked.permit(step)).count(), 0);
    assert_eq!(in_state(&desk, &ids, "queued"), 5);
}

#[actix_web::test]
async fn a_full_mailbox_does_not_hold_up_another() {
    let desk = Desk::new().await;
    cleared(&desk, Mode::Autonomous, 0..12).await;
    let late = cleared(&desk, Mode::Monitored, 20..22).await;
    let leased = desk.write(|conn| outbox::lease(conn, &WorkerId::new(), &Served::all(), 6, desk.now())).unwrap();
    assert_eq!(leased.len(), 6);
    assert!(late.iter().all(|id| leased.contains(id)), "each mailbox has its turn");
}

#[actix_web::test]
async fn what_was_claimed_and_not_offered_goes_back_as_it_was() {
    let desk = Desk::new().await;
    let ids = cleared(&desk, Mode::Autonomous, 0..3).await;
    let before = desk.read(|conn| outbox::waiting(conn, &ids[0])).unwrap();
    let worker = WorkerId::new();
    let leased = desk.write(|conn| outbox::lease(conn, &worker, &Served::all(), 10, desk.now())).unwrap();
    let Examined { claimed, .. } = desk.read(|conn| outbox::examine(conn, &worker, &leased, None, desk.now()));
    desk.write(|conn| outbox::show_slow(conn, &ids[..1], desk.now())).unwrap();
    assert_eq!(desk.message(ids[0].as_str()).row.state, State::Sending);
    desk.write(|conn| outbox::release(conn, &claimed, desk.now())).unwrap();
    assert_eq!(in_state(&desk, &ids, "queued"), 3);
    let after = desk.read(|conn| outbox::waiting(conn, &ids[0])).unwrap();
    assert_eq!((after.attempts, after.not_before), (before.attempts, before.not_before));
    assert!(ids.iter().all(|id| desk.message(id.as_str()).row.state == State::Queued));
}

#[actix_web::test]
async fn a_connection_has_at_most_one_message_at_the_dot() {
    let hang = Rule::at(Verb::Dot, Action::Hang(Duration::from_secs(3600)));
    let desk = Desk::with(Behaviour::new().with(hang)).await;
    let ids = cleared(&desk, Mode::Autonomous, 0..20).await;
    let relays = Relays::from(desk.transport()).with_connections(3);
    let running = started(&desk, relays);
    until("three at the dot", || in_state(&desk, &ids, "dot") == 3).await;
    until("more are claimed", || in_state(&desk, &ids, "sending") > 0).await;
    running.1.abort();
    assert_eq!(in_state(&desk, &ids, "dot"), 3);
    let later = desk.now().plus_seconds(outbox::LEASE_SECONDS + 30);
    desk.write(|conn| outbox::recover(conn, later)).unwrap();
    let uncertain = ids.iter().filter(|id| desk.message(id.as_str()).row.state == State::Uncertain).count();
    // The worker still runs and may have claimed some of the others again.
    let unsent = in_state(&desk, &ids, "queued") + in_state(&desk, &ids, "sending");
    assert_eq!((uncertain, unsent), (3, 17));
}

#[actix_web::test]
async fn a_message_that_takes_long_is_shown_as_being_sent() {
    let hang = Rule::at(Verb::Dot, Action::Hang(Duration::from_secs(3600)));
    let desk = Desk::with(Behaviour::new().with(hang)).await;
    let ids = cleared(&desk, Mode::Autonomous, 0..1).await;
    let transport = desk.transport();
    let running = started(&desk, transport);
    until("it is shown", || desk.message(ids[0].as_str()).row.state == State::Sending).await;
    running.1.abort();
}

#[actix_web::test]
async fn a_mailbox_that_would_rather_have_it_twice_gets_it_again() {
    for (choice, copies) in [(OnUncertain::Resend, 2), (OnUncertain::RelayKey, 2), (OnUncertain::Ask, 1)] {
        let desk = Desk::with(Behaviour::new().with(Rule::at(Verb::Dot, Action::KeepAndClose).times(1))).await;
        choose(&desk, Mode::Autonomous, choice);
        let ids = cleared(&desk, Mode::Autonomous, 0..1).await;
        let settled = if choice == OnUncertain::Ask { "uncertain" } else { "queued" };
        let (stop, running) = started(&desk, desk.transport());
        until(settled, || !desk.catcher.messages().is_empty() && in_state(&desk, &ids, settled) == 1).await;
        stop.send_replace(true);
        running.await.unwrap();
        // The next attempt, without waiting a minute for it.
        let worker = WorkerId::new();
        let later = desk.now().plus_seconds(120);
        let again = desk.write(|conn| outbox::claim(conn, &worker, 10, later)).unwrap();
        assert_eq!(again.len(), copies - 1, "{choice}");
        desk.write(|conn| outbox::release(conn, &again, later)).unwrap();
        let caught = desk.catcher.messages();
        let raw = String::from_utf8(caught[0].raw.clone()).unwrap();
        let key = format!("Idempotency-Key: {}", ids[0]);
        assert_eq!(raw.contains(&key), choice == OnUncertain::RelayKey, "{raw}");
    }
}

#[actix_web::test]
async fn a_whole_batch_may_be_at_the_dot_where_the_mailbox_would_rather_have_it_twice() {
    let hang = Rule::at(Verb::Dot, Action::Hang(Duration::from_secs(3600)));
    let desk = Desk::with(Behaviour::new().with(hang)).await;
    choose(&desk, Mode::Autonomous, OnUncertain::Resend);
    let ids = cleared(&desk, Mode::Autonomous, 0..8).await;
    let relays = Relays::from(desk.transport()).with_connections(8);
    let running = started(&desk, relays);
    until("all at the dot", || in_state(&desk, &ids, "dot") == 8).await;
    running.1.abort();
    let later = desk.now().plus_seconds(outbox::LEASE_SECONDS + 30);
    desk.write(|conn| outbox::recover(conn, later)).unwrap();
    assert_eq!(in_state(&desk, &ids, "queued"), 8, "they are sent again");
    // A third copy would be too much: after the second time a person says what becomes of them.
    let much_later = later.plus_seconds(outbox::LEASE_SECONDS + 30);
    let again = desk.write(|conn| outbox::claim(conn, &WorkerId::new(), 8, later)).unwrap();
    for claimed in again {
        assert!(matches!(desk.write(|conn| outbox::reach_dot(conn, claimed, later)).unwrap(), outbox::Dot::Go(_)));
    }
    desk.write(|conn| outbox::recover(conn, much_later)).unwrap();
    assert_eq!(in_state(&desk, &ids, "uncertain"), 8);
}

#[actix_web::test]
async fn only_a_person_has_uncertain_messages_sent_again() {
    let desk = Desk::new().await;
    let admin = desk.write(|conn| keys::add(conn, &OPERATOR, &NewKey::named("admin", &[Scope::Read, Scope::Admin]), desk.now())).unwrap().1;
    let path = format!("/v1/mailboxes/{}", address(Mode::GatedSend));
    for looser in ["resend", "relay_key"] {
        let (status, answer) = desk.call(&admin, "PATCH", &path, json!({"on_uncertain": looser})).await;
        assert_eq!((status, answer["code"].as_str()), (403, Some("mode_loosening")));
    }
    assert_eq!(desk.mailbox(Mode::GatedSend).on_uncertain, OnUncertain::Ask);
    let mut browser = Browser::new(desk.app().await);
    browser.sign_in("ada").await;
    let id = desk.mailbox(Mode::GatedSend).id;
    let page = format!("/mailboxes/{id}");
    assert!(browser.get(&page).await.body.contains("When the mail server falls silent"));
    let fields = [("name", "Sender"), ("postal_address", "1 Main Street"), ("undo_seconds", "0"), ("notify", "off"), ("on_uncertain", "resend")];
    browser.post(&page, &page, &fields).await;
    assert_eq!(desk.mailbox(Mode::GatedSend).on_uncertain, OnUncertain::Resend);
    let (status, answer) = desk.call(&admin, "PATCH", &path, json!({"on_uncertain": "ask"})).await;
    assert_eq!((status, answer["on_uncertain"].as_str()), (200, Some("ask")));
}

#[actix_web::test]
async fn a_relay_that_hangs_holds_up_no_other_mailbox() {
    let desk = Desk::new().await;
    let hang = Rule::at(Verb::Rcpt, Action::Hang(Duration::from_secs(3600)));
    let slow = Catcher::start_with("127.0.0.1:0", Behaviour::new().with(hang)).await.unwrap();
    let held = cleared(&desk, Mode::Monitored, 0..30).await;
    let quick = cleared(&desk, Mode::Autonomous, 30..60).await;
    let other = Transport::parse(&format!("smtp://{}", slow.addr())).unwrap();
    let relays = Relays::from(desk.transport()).with(&address(Mode::Monitored), other).with_connections(2);
    let running = started(&desk, relays);
    until("the other mailbox is empty", || in_state(&desk, &quick, "sent") == 30).await;
    running.1.abort();
    assert_eq!(in_state(&desk, &held, "sent"), 0);
    assert_eq!((desk.catcher.messages().len(), slow.messages().len()), (30, 0));
}

#[actix_web::test]
async fn a_relay_that_takes_two_connections_gets_all_over_two() {
    let crowded = Rule::at(Verb::Connect, Action::Reply("421 4.7.0 too many connections".into())).after(2);
    let desk = Desk::with(Behaviour::new().with(crowded)).await;
    let ids = cleared(&desk, Mode::Autonomous, 0..40).await;
    let relays = Relays::from(desk.transport()).with_connections(6);
    let running = started(&desk, relays);
    // Until the first connection is open, nobody knows that it is not the relay itself: four may have to wait.
    until("nearly all are sent", || in_state(&desk, &ids, "sent") >= 36).await;
    running.1.abort();
}

#[actix_web::test]
async fn a_dead_relay_is_left_alone_and_costs_few_attempts() {
    let desk = Desk::new().await;
    let ids = cleared(&desk, Mode::Autonomous, 0..40).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let timeouts = Timeouts { connect: Duration::from_millis(500), ..Timeouts::default() };
    let transport = Transport::parse(&format!("smtp://{closed}")).unwrap().with_timeouts(timeouts);
    let (stop, running) = started(&desk, Relays::from(transport).with_connections(2));
    let tried = || ids.iter().filter(|id| desk.read(|conn| outbox::waiting(conn, id)).unwrap().attempts > 0).count();
    until("somebody was tried", || tried() > 0).await;
    let before = tried();
    stop.send_replace(true);
    running.await.unwrap();
    // One on each connection may have been on its way.
    assert!(tried() <= before + 2, "{before}, then {}", tried());
    assert_eq!(in_state(&desk, &ids, "queued"), 40);
}

#[actix_web::test]
async fn a_step_that_fails_takes_no_other_with_it() {
    let desk = Desk::new().await;
    let ids = cleared(&desk, Mode::Autonomous, 0..3).await;
    let worker = WorkerId::new();
    let claimed = desk.write(|conn| outbox::claim(conn, &worker, 10, desk.now())).unwrap();
    let steps: Vec<Step> = claimed.into_iter().map(|claimed| Step::Dot(Box::new(claimed))).collect();
    let marked = desk.write(|conn| outbox::record_steps(conn, &steps.iter().collect::<Vec<_>>(), desk.now())).unwrap();
    let sent: Vec<Step> = steps.into_iter().filter_map(|step| marked.permit(step)).map(|at_dot| Step::Sent(at_dot, "250 ok".into())).collect();
    desk.write(|conn| outbox::record_steps(conn, &[&sent[0]], desk.now())).unwrap();
    // The first is sent already, so that recording it again is a fault; nothing of the group is then half-recorded.
    assert!(desk.write(|conn| outbox::record_steps(conn, &sent.iter().collect::<Vec<_>>(), desk.now())).is_err());
    assert_eq!(in_state(&desk, &ids, "dot"), 2);
    desk.write(|conn| outbox::record_steps(conn, &[&sent[1], &sent[2]], desk.now())).unwrap();
    assert_eq!(in_state(&desk, &ids, "sent"), 3);
    desk.write(|conn| outbox::finish_all(conn, desk.now())).unwrap();
    let report = desk.read(verify::verify);
    assert_eq!((report.sent, report.exceptions.len()), (3, 0));
}

#[actix_web::test]
async fn another_process_is_heard_without_looking() {
    if std::env::var("COUNTERSIGN_TEST_DATABASE_URL").is_err() {
        let desk = Desk::new().await;
        desk.state.db.listen("countersign_outbox", || false, || panic!("nobody rings on SQLite"));
        return;
    }
    let desk = Desk::new().await;
    let other = desk.restarted();
    let (heard, rings) = std::sync::mpsc::channel();
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stopped = stop.clone();
    let listening = std::thread::spawn(move || {
        let ended = || stopped.load(std::sync::atomic::Ordering::SeqCst);
        other.db.listen("countersign_outbox", ended, || heard.send(()).unwrap());
    });
    rings.recv_timeout(Duration::from_secs(30)).expect("it listens");
    cleared(&desk, Mode::Autonomous, 0..1).await;
    rings.recv_timeout(Duration::from_secs(30)).expect("it hears what enters the outbox");
    stop.store(true, std::sync::atomic::Ordering::SeqCst);
    listening.join().unwrap();
}
