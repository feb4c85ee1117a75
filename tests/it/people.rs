//! Several people on one queue: presence, taking, assigning, comments, putting off.

use std::sync::{Arc, Barrier};

use countersign::clock::Time;
use countersign::domain::accounts::users;
use countersign::domain::actor::{Actor, Mailboxes, Scope};
use countersign::domain::audit;
use countersign::domain::desk::comments::{self, mentions};
use countersign::domain::desk::{Colleague, assignment, presence, snooze};
use countersign::domain::error::{Error, Kind};
use countersign::domain::ids::{MessageId, UserId};
use countersign::domain::mailboxes::{self, Mode};
use countersign::domain::messages::content::Words;
use countersign::domain::messages::decide::{Decide, decide};
use countersign::domain::messages::edit::edit;
use countersign::domain::messages::list::{self, Filter};
use countersign::domain::messages::{self, DecisionKind, State};
use countersign::domain::settings;
use countersign::on_either;
use diesel::RunQueryDsl;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::support::{Browser, Desk, OPERATOR, address};

/// A message that waits; the mailbox is that of this mode.
pub async fn pending(desk: &Desk, mode: Mode, to: &str) -> MessageId {
    let (status, answer) = desk.send(mode, to, json!({"oversight_mode": "gated_send"})).await;
    assert_eq!(status, 202, "{answer}");
    MessageId::from(answer["id"].as_str().unwrap())
}

pub fn id_of(actor: &Actor) -> UserId {
    UserId::from(actor.id())
}

/// Leaves a person with the mailbox of this mode alone.
pub fn only(desk: &Desk, name: &str, mode: Mode) {
    desk.write(|conn| {
        let box_id = mailboxes::list(conn, &OPERATOR)?.into_iter().find(|one| one.address == address(mode)).unwrap().id;
        let user = users::list(conn, &OPERATOR)?.into_iter().find(|user| user.row.name == name).unwrap();
        users::change(conn, &OPERATOR, &user.row.id, user.row.role, &[box_id], desk.now())
    })
    .unwrap();
}

fn actions(desk: &Desk, id: &MessageId) -> Vec<String> {
    let lines = desk.read(|conn| crate::support::log_of(conn, &OPERATOR, Some(id.as_str()), 100));
    lines.into_iter().rev().map(|line| line.action).collect()
}

fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    result.unwrap_err().code
}

fn sql(desk: &Desk, text: &str) -> Result<usize, String> {
    desk.state
        .db
        .write(|conn| on_either!(conn, inner => diesel::sql_query(text).execute(inner)))
        .map_err(|error: diesel::result::Error| error.to_string())
}

#[actix_web::test]
async fn a_chore_that_fails_holds_up_no_other() {
    let desk = Desk::new().await;
    let id = pending(&desk, Mode::GatedSend, "a@example.com").await;
    let (rita, long_ago) = (desk.person("Rita"), desk.now().plus_days(-1));
    desk.write(|conn| presence::look(conn, &rita, &id, long_ago)).unwrap();
    let kept = || desk.read(|conn| Ok(presence::live(conn, long_ago)?.contains_key(&id)));
    assert!(kept());
    // What forgets old ids of usage runs before what forgets who was there.
    sql(&desk, "ALTER TABLE usage_taken RENAME TO usage_elsewhere").unwrap();
    desk.drain().await;
    assert!(!kept());
}

#[actix_web::test]
async fn presence_ends_by_itself_and_holding_a_message_lapses_unless_its_holder_stays() {
    let desk = Desk::new().await;
    let id = pending(&desk, Mode::GatedSend, "a@example.com").await;
    let (rita, start) = (desk.person("Rita"), desk.now());
    let at = |seconds: i64| {
        let around = desk.read(|conn| presence::of_messages(conn, std::slice::from_ref(&id), start.plus_seconds(seconds)));
        let around = around.get(&id).cloned().unwrap_or_default();
        (around.here.into_iter().map(|(_, name)| name).collect::<Vec<_>>(), around.taken.map(|taken| taken.name))
    };
    let look = |seconds: i64| desk.write(|conn| presence::look(conn, &rita, &id, start.plus_seconds(seconds))).unwrap();
    assert_eq!(at(0), (vec![], None));
    look(0);
    assert_eq!(at(44), (vec!["Rita".to_owned()], None));
    assert_eq!(at(45), (vec![], None), "45 s after the last heartbeat");

    let taken = desk.write(|conn| presence::take(conn, &rita, &id, false, start)).unwrap();
    assert_eq!(taken.until, start.plus_seconds(900));
    assert_eq!(at(899).1.as_deref(), Some("Rita"));
    assert_eq!(at(900).1, None, "it lapses by itself");
    look(600);
    assert_eq!(at(1499).1.as_deref(), Some("Rita"), "a heartbeat renews it");
    look(1501);
    assert_eq!(at(1501), (vec!["Rita".to_owned()], None), "what lapsed is not renewed");

    desk.write(|conn| presence::leave(conn, &rita, &id)).unwrap();
    assert_eq!(at(1502), (vec![], None));
    let other = pending(&desk, Mode::GatedSend, "b@example.com").await;
    desk.write(|conn| presence::look(conn, &rita, &other, start.plus_seconds(10))).unwrap();
    // Asked as of a time when she was there: only a swept row is missing.
    let kept = || desk.read(|conn| Ok(presence::live(conn, start.plus_seconds(10))?.contains_key(&other)));
    desk.write(|conn| presence::sweep(conn, start.plus_seconds(54))).unwrap();
    assert!(kept(), "still present");
    desk.write(|conn| presence::sweep(conn, start.plus_seconds(55))).unwrap();
    assert!(!kept());
    assert_eq!(at(899).1.as_deref(), Some("Rita"), "what somebody holds is not swept");
    assert_eq!(actions(&desk, &id), ["message.submit", "message.take"], "being there is no change of state");
}

#[actix_web::test]
async fn a_second_person_is_told_who_has_it_and_may_take_it_over_and_may_decide_it_anyway() {
    let desk = Desk::new().await;
    let id = pending(&desk, Mode::GatedSend, "a@example.com").await;
    let (rita, rob, now) = (desk.person("Rita"), desk.person("Rob"), desk.now());
    desk.write(|conn| presence::take(conn, &rita, &id, false, now)).unwrap();
    let refused = desk.write(|conn| presence::take(conn, &rob, &id, false, now)).unwrap_err();
    assert_eq!((refused.code, refused.kind), ("taken", Kind::Conflict));
    assert_eq!(refused.detail, format!("Rita has this message until {}. Choose another one, or take it over.", now.plus_seconds(900).for_people()));
    let holder = |at: Time| desk.read(|conn| Ok(presence::of_messages(conn, std::slice::from_ref(&id), at)?[&id].taken.clone().unwrap()));
    assert_eq!((holder(now).name.as_str(), holder(now).from), ("Rita", None));

    desk.write(|conn| presence::take(conn, &rob, &id, true, now)).unwrap();
    assert_eq!((holder(now).name.as_str(), holder(now).from), ("Rob", Some(id_of(&rita))), "the first one sees by whom");
    let line = desk.read(|conn| crate::support::log_of(conn, &OPERATOR, Some(id.as_str()), 1)).remove(0);
    assert_eq!(
        (line.action.as_str(), line.actor_name.as_str(), line.detail.contains("\"over\":\"Rita\"")),
        ("message.take", "Rob", true),
        "{}",
        line.detail
    );
    // Rita's page is open still: her heartbeat takes nothing back.
    desk.write(|conn| presence::look(conn, &rita, &id, now)).unwrap();
    assert_eq!(holder(now).name, "Rob");
    // Releasing what one does not have changes nothing, and nobody else's.
    desk.write(|conn| presence::release(conn, &rita, &id, now)).unwrap();
    assert_eq!(holder(now).name, "Rob");
    let message = desk.read(|conn| messages::get(conn, &rita, &id));
    let decision = Decide { content_hash: Some(&message.row.content_hash), ..Decide::on(&id, DecisionKind::Approve) };
    let decided = desk.write(|conn| decide(conn, &rita, &decision, now)).unwrap();
    assert_eq!(decided.row.state, State::Approved, "taking binds nobody");

    assert_eq!(code(desk.write(|conn| presence::take(conn, &rita, &id, true, now))), "state_conflict");
    assert_eq!(code(desk.write(|conn| assignment::assign(conn, &rita, &id, None, None, now))), "state_conflict");
    assert_eq!(code(desk.write(|conn| snooze::snooze(conn, &rita, &id, now.plus_seconds(60), now))), "state_conflict");
    desk.write(|conn| presence::release(conn, &rob, &id, now)).unwrap();
    desk.write(|conn| presence::release(conn, &rob, &id, now)).unwrap();
    assert_eq!(actions(&desk, &id), ["message.submit", "message.take", "message.take", "message.approve", "message.release"]);
}

#[actix_web::test]
async fn of_two_who_take_it_at_once_one_has_it_and_the_other_hears_of_them() {
    let desk = Desk::new().await;
    let people = [desk.person("Rita"), desk.person("Rob")];
    for number in 0..10 {
        let id = pending(&desk, Mode::GatedSend, &format!("a{number}@example.com")).await;
        let (barrier, now) = (Arc::new(Barrier::new(2)), desk.now());
        let tries: Vec<_> = people
            .clone()
            .into_iter()
            .map(|actor| {
                let (db, id, barrier) = (desk.state.db.clone(), id.clone(), barrier.clone());
                std::thread::spawn(move || {
                    barrier.wait();
                    db.write(|conn| presence::take(conn, &actor, &id, false, now)).map(|taken| taken.name)
                })
            })
            .collect();
        let done: Vec<_> = tries.into_iter().map(|one| one.join().unwrap()).collect();
        let won: Vec<_> = done.iter().flatten().collect();
        let lost: Vec<_> = done.iter().filter_map(|one| one.as_ref().err()).collect();
        assert_eq!((won.len(), lost.len()), (1, 1), "{done:?}");
        assert!(lost[0].code == "taken" && lost[0].detail.starts_with(won[0].as_str()), "{done:?}");
    }
}

#[actix_web::test]
async fn what_is_out_of_reach_is_not_there_and_keys_are_no_people() {
    let desk = Desk::new().await;
    let id = pending(&desk, Mode::GatedSend, "a@example.com").await;
    only(&desk, "Rob", Mode::Monitored);
    let now = desk.now();
    let key =
        Actor::Key { id: "k".into(), name: "key".into(), scopes: vec![Scope::Oversight, Scope::Admin], mailboxes: Mailboxes::All, is_test: false };
    for (actor, wanted) in [(desk.person("Rob"), "not_found"), (key, "person_required"), (OPERATOR, "person_required")] {
        let until = now.plus_seconds(60);
        let mailbox = desk.read(|conn| Ok(messages::get(conn, &OPERATOR, &id)?.row.mailbox_id));
        assert_eq!(code(desk.write(|conn| presence::look(conn, &actor, &id, now))), wanted);
        assert_eq!(code(desk.write(|conn| presence::take(conn, &actor, &id, true, now))), wanted);
        assert_eq!(code(desk.write(|conn| presence::release(conn, &actor, &id, now))), wanted);
        assert_eq!(code(desk.write(|conn| assignment::take_on(conn, &actor, &id, true, now))), wanted);
        assert_eq!(code(desk.write(|conn| assignment::assign(conn, &actor, &id, None, None, now))), wanted);
        assert_eq!(code(desk.write(|conn| assignment::assignable(conn, &actor, &mailbox))), wanted);
        assert_eq!(code(desk.write(|conn| comments::comment(conn, &actor, &id, "Hm.", now))), wanted);
        assert_eq!(code(desk.write(|conn| comments::of_message(conn, &actor, &id))), wanted);
        assert_eq!(code(desk.write(|conn| snooze::snooze(conn, &actor, &id, until, now))), wanted);
        assert_eq!(code(desk.write(|conn| snooze::unsnooze(conn, &actor, &id, now))), wanted);
    }
    assert_eq!(actions(&desk, &id), ["message.submit"]);
}

#[actix_web::test]
async fn a_message_is_given_only_to_somebody_who_can_decide_it() {
    let desk = Desk::new().await;
    let id = pending(&desk, Mode::GatedSend, "a@example.com").await;
    let (rita, rob, max, now) = (desk.person("Rita"), desk.person("Rob"), desk.person("Max"), desk.now());
    let assign = |to: Option<&Actor>, note: Option<&str>| {
        let to = to.map(id_of);
        desk.write(|conn| assignment::assign(conn, &max, &id, to.as_ref(), note, now))
    };
    let assigned = || desk.read(|conn| Ok(messages::get(conn, &OPERATOR, &id)?.row.assignee_id));
    assert_eq!(assign(Some(&rita), Some("  They asked twice.\r\n")).unwrap().unwrap().name, "Rita");
    assert_eq!(assigned(), Some(id_of(&rita)));
    let said = desk.read(|conn| comments::of_message(conn, &rob, &id));
    assert_eq!((said.len(), said[0].row.body.as_str(), said[0].row.author_name.as_str()), (1, "They asked twice.", "Max"));

    only(&desk, "Rob", Mode::Monitored);
    let refused = assign(Some(&rob), Some("Please.")).unwrap_err();
    assert_eq!((refused.code, refused.kind), ("assignee_unable", Kind::Invalid));
    let words = Words { subject: "Better".into(), text: Some("Better words.".into()), html: None };
    desk.write(|conn| edit(conn, &rita, &id, &words, None, now)).unwrap();
    assert_eq!(assign(None, None).unwrap(), None);
    let refused = assign(Some(&rita), None).unwrap_err();
    assert_eq!(refused.detail, "Rita wrote or edited this version, so someone else must decide it. Ask somebody else.");
    assert_eq!(assigned(), None);
    desk.write(|conn| settings::set(conn, settings::FOUR_EYES, "off")).unwrap();
    assign(Some(&rita), None).unwrap();
    desk.write(|conn| users::set_disabled(conn, &OPERATOR, &id_of(&rob), true, now)).unwrap();
    only(&desk, "Rob", Mode::GatedSend);
    assert_eq!(code(assign(Some(&rob), None)), "assignee_unable", "who cannot sign in");
    let names = |actor: &Actor| {
        let row = desk.read(|conn| messages::get(conn, &OPERATOR, &id)).row;
        desk.read(|conn| assignment::assignable(conn, actor, &row.mailbox_id)).into_iter().map(|one| one.name).collect::<Vec<_>>()
    };
    assert_eq!(names(&rita), ["Ada", "Max", "Rita"]);
    assert_eq!(actions(&desk, &id).iter().filter(|action| *action == "message.assign").count(), 3);
    assert_eq!(desk.read(|conn| comments::of_message(conn, &max, &id)).len(), 1, "a refused note is not kept");
}

#[actix_web::test]
async fn taking_it_on_makes_it_mine_to_decide_where_nobody_was_asked() {
    let desk = Desk::new().await;
    let (rita, rob, now) = (desk.person("Rita"), desk.person("Rob"), desk.now());
    let assigned = |id: &MessageId| desk.read(|conn| Ok(messages::get(conn, &OPERATOR, id)?.row.assignee_id));
    let id = pending(&desk, Mode::GatedSend, "a@example.com").await;
    desk.write(|conn| assignment::take_on(conn, &rita, &id, false, now)).unwrap();
    assert_eq!(assigned(&id), Some(id_of(&rita)));
    desk.write(|conn| assignment::take_on(conn, &rob, &id, true, now)).unwrap();
    assert_eq!(assigned(&id), Some(id_of(&rita)), "somebody was asked already");
    // Nobody decides what they edited last, but they may hold it.
    let id = pending(&desk, Mode::GatedSend, "b@example.com").await;
    let words = Words { subject: "Better".into(), text: Some("Better words.".into()), html: None };
    desk.write(|conn| edit(conn, &rita, &id, &words, None, now)).unwrap();
    desk.write(|conn| assignment::take_on(conn, &rita, &id, false, now)).unwrap();
    assert_eq!(assigned(&id), None);
}

#[test]
fn a_mention_is_an_at_sign_and_a_name_that_only_one_person_has() {
    let person = |name: &str, email: &str| Colleague { id: email.into(), name: name.into(), email: email.into() };
    let people = [
        person("Rita Lee", "rita.lee@desk.example"),
        person("Rob", "rob@desk.example"),
        person("Anne-Marie O'Brien", "amo@desk.example"),
        person("Zoë Åberg", "zoe@desk.example"),
        person("Max Moor", "max@desk.example"),
        person("Max Miller", "miller@other.example"),
        person("Rita-Lee Stone", "stone@desk.example"),
    ];
    for (text, wanted) in [
        ("Nobody.", &[][..]),
        ("@Rita Lee, please", &["Rita Lee"]),
        ("@rita lee", &["Rita Lee"]),
        ("@Rita please", &["Rita Lee"]),
        ("(@Rita)", &["Rita Lee"]),
        ("@Rita's words", &["Rita Lee"]),
        ("@Rita.", &["Rita Lee"]),
        ("@Rita.Then", &[]),
        ("@Ritas", &[]),
        ("@Rita_x", &[]),
        ("@rita.lee@desk.example", &["Rita Lee"]),
        ("@rita.lee", &["Rita Lee"]),
        ("@rita.lee@elsewhere.example", &[]),
        ("@rita-lee", &["Rita-Lee Stone"]),
        ("write to rita.lee@desk.example", &[]),
        ("a@rob", &[]),
        ("@@rob", &[]),
        ("@rob and @ROB", &["Rob"]),
        ("@robert", &[]),
        ("@Anne-Marie", &["Anne-Marie O'Brien"]),
        ("@Anne", &[]),
        ("@anne-marie o'brien", &["Anne-Marie O'Brien"]),
        ("@ZOË", &["Zoë Åberg"]),
        ("@zoe", &["Zoë Åberg"]),
        // Two have this first name, one of them also as the part before the @: it fits several.
        ("@Max", &[]),
        ("@Max Moor and @Max Miller", &["Max Moor", "Max Miller"]),
        ("@max@desk.example", &["Max Moor"]),
        ("@miller", &["Max Miller"]),
        ("@", &[]),
        ("@ rob", &[]),
        ("line\n@rob\n@rita", &["Rita Lee", "Rob"]),
    ] {
        let found: Vec<&str> = mentions(text, &people).into_iter().map(|one| one.name.as_str()).collect();
        assert_eq!(found, wanted, "{text:?}");
    }
}

#[actix_web::test]
async fn a_comment_is_text_that_stays_at_the_desk() {
    let desk = Desk::new().await;
    let id = pending(&desk, Mode::GatedSend, "a@example.com").await;
    let (rita, now) = (desk.person("Rita"), desk.now());
    let mut browser = Browser::new(desk.app().await);
    browser.sign_in("rita").await;
    let people = format!("/messages/{id}");
    let post = format!("/messages/{id}/comments");
    let said = "<script>alert(1)</script> @rob & @max, look: {{ 7 * 7 }}";
    let page = browser.post(&people, &post, &[("body", said), ("back", &people)]).await;
    assert_eq!((page.status, page.location.as_deref()), (303, Some(people.as_str())));
    let page = browser.get(&people).await.body;
    assert!(page.contains("Posted. Mentioned: Max, Rob."), "{page}");
    assert!(!page.contains("<script>alert") && page.contains("&#60;script&#62;alert(1)"), "{page}");
    assert!(page.contains("Mentioned: Max, Rob</p>"), "{page}");

    // Two characters for a line break, as a form sends it, count as one.
    let longest = format!("{}\r\n{}", "x".repeat(2000), "ä".repeat(1999));
    assert_eq!(browser.post(&people, &post, &[("body", &longest)]).await.status, 303);
    for (body, problem) in [(format!("{longest}x"), "Comment must be at most 4000 characters; got 4001."), ("  \n ".into(), "The comment is empty.")]
    {
        let page = browser.post(&people, &post, &[("body", &body)]).await;
        assert!(page.status == 422 && page.body.contains(problem), "{} {}", page.status, page.body);
    }
    assert_eq!(desk.read(|conn| comments::of_message(conn, &rita, &id)).len(), 2);
    for table in ["message_comments", "message_mentions"] {
        let changed = sql(&desk, &format!("UPDATE {table} SET message_id = message_id")).unwrap_err();
        assert!(changed.contains("A comment cannot be changed."), "{changed}");
        let gone = sql(&desk, &format!("DELETE FROM {table}")).unwrap_err();
        assert!(gone.contains("A comment cannot be changed."), "{gone}");
    }

    // No key sees it, and no customer.
    for key in [&desk.agent, &desk.oversight] {
        for path in [format!("/v1/emails/{id}"), "/v1/emails".to_owned()] {
            let (_, answer) = desk.call(key, "GET", &path, Value::Null).await;
            assert!(!answer.to_string().contains("alert(1)"), "{path}");
        }
    }
    let hash = desk.read(|conn| messages::get(conn, &rita, &id)).row.content_hash;
    desk.write(|conn| decide(conn, &rita, &Decide { content_hash: Some(&hash), ..Decide::on(&id, DecisionKind::Approve) }, now)).unwrap();
    desk.drain().await;
    // People of the desk may be told of a comment by mail; customers are not.
    let mail: Vec<_> = desk.catcher.messages().into_iter().filter(|mail| mail.to.iter().any(|to| to.contains("a@example.com"))).collect();
    assert_eq!(mail.len(), 1);
    assert!(!format!("{mail:?}").contains("alert(1)"));
}

#[actix_web::test]
async fn what_somebody_puts_off_leaves_their_queue_alone_and_comes_back_by_itself() {
    let desk = Desk::new().await;
    let id = pending(&desk, Mode::GatedSend, "a@example.com").await;
    let (rita, rob, now) = (desk.person("Rita"), desk.person("Rob"), desk.now());
    let queue = |actor: &Actor, at: Time| {
        let filter = Filter { states: vec![State::Pending], snoozes: list::Snoozes::Hidden(at), limit: 10, ..Filter::default() };
        desk.read(|conn| list::list(conn, actor, &filter)).0.len()
    };
    let until = now.plus_seconds(3600);
    desk.write(|conn| snooze::snooze(conn, &rita, &id, until, now)).unwrap();
    assert_eq!((queue(&rita, now), queue(&rob, now)), (0, 1), "out of one queue alone");
    assert_eq!((queue(&rita, until.plus_seconds(-1)), queue(&rita, until)), (0, 1));
    assert_eq!(desk.read(|conn| snooze::until(conn, &rita, &id, now)), Some(until));
    // Again for longer, then back at once.
    desk.write(|conn| snooze::snooze(conn, &rita, &id, now.plus_seconds(7200), now)).unwrap();
    assert_eq!(queue(&rita, until), 0);
    desk.write(|conn| snooze::unsnooze(conn, &rita, &id, now)).unwrap();
    desk.write(|conn| snooze::unsnooze(conn, &rita, &id, now)).unwrap();
    assert_eq!(queue(&rita, now), 1);
    assert_eq!(actions(&desk, &id), ["message.submit", "message.snooze", "message.snooze", "message.unsnooze"]);

    let expires = desk.read(|conn| messages::get(conn, &rita, &id)).row.expires_at.unwrap();
    let refused = |until: Time| desk.write(|conn| snooze::snooze(conn, &rita, &id, until, now)).unwrap_err().detail;
    assert_eq!(refused(now), "The time to come back must be in the future. Choose a later one.");
    assert_eq!(refused(expires), format!("This message expires at {}. Choose an earlier time.", expires.for_people()));
    sql(&desk, &format!("UPDATE messages SET expires_at = {} WHERE id = '{id}'", now.plus_days(60).micros())).unwrap();
    assert_eq!(refused(now.plus_days(30).plus_seconds(1)), "A message can be put off for at most 30 days. Choose an earlier time.");
    desk.write(|conn| snooze::snooze(conn, &rita, &id, now.plus_days(30), now)).unwrap();
    desk.write(|conn| presence::sweep(conn, now.plus_days(30))).unwrap();
    assert_eq!(queue(&rita, now), 1, "what came back is swept");
}

#[test]
fn a_message_comes_back_at_the_hour_the_clock_on_the_wall_shows() {
    let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
    let choices = |now: &str, zone: &TimeZone| {
        let offered = snooze::choices(Time::parse(now).unwrap(), zone);
        offered.into_iter().map(|(label, at)| format!("{label} = {at}")).collect::<Vec<_>>()
    };
    // Friday, 27 March 2026, 10:30 in Berlin. The clocks go forward on Sunday.
    assert_eq!(
        choices("2026-03-27T09:30:00Z", &berlin),
        [
            "In 1 hour = 2026-03-27T10:30:00Z",
            "This afternoon, 14:00 = 2026-03-27T13:00:00Z",
            "Tomorrow, 9:00 = 2026-03-28T08:00:00Z",
            "Monday, 9:00 = 2026-03-30T07:00:00Z",
        ]
    );
    // Saturday, half past one at night: tomorrow is the day that lacks an hour, and at 1:30 on it
    // one hour on is 3:30.
    assert_eq!(choices("2026-03-28T00:30:00Z", &berlin)[2], "Tomorrow, 9:00 = 2026-03-29T07:00:00Z");
    assert_eq!(choices("2026-03-29T00:30:00Z", &berlin)[0], "In 1 hour = 2026-03-29T01:30:00Z");
    // Sunday afternoon: no afternoon is left, and Monday is tomorrow.
    assert_eq!(choices("2026-10-25T12:15:00Z", &berlin), ["In 1 hour = 2026-10-25T13:15:00Z", "Tomorrow, 9:00 = 2026-10-26T08:00:00Z"]);
    // On a Monday the next one is meant; the day is that of the zone, not of UTC.
    assert_eq!(choices("2026-10-25T23:30:00Z", &berlin)[3], "Monday, 9:00 = 2026-11-02T08:00:00Z");
    let auckland = TimeZone::posix("NZST-12NZDT,M9.5.0,M4.1.0/3").unwrap();
    assert_eq!(choices("2026-04-03T20:00:00Z", &auckland)[2], "Tomorrow, 9:00 = 2026-04-04T21:00:00Z", "the clocks go back that night");

    let parsed = |given: &str| snooze::parse(given, &berlin).map(|at| at.to_string());
    assert_eq!(parsed("2026-03-30T09:00").unwrap(), "2026-03-30T07:00:00Z");
    assert_eq!(parsed("2026-03-29T02:30").unwrap(), "2026-03-29T01:30:00Z", "an hour that is skipped");
    assert_eq!(parsed("2026-10-25T02:30").unwrap(), "2026-10-25T00:30:00Z", "an hour that comes twice");
    for odd in ["", "soon", "2026-13-30T09:00", "2026-03-30T25:00"] {
        assert!(parsed(odd).is_err(), "{odd}");
    }
}

#[actix_web::test]
async fn forms_lead_back_to_where_they_were_and_nowhere_else() {
    let desk = Desk::new().await;
    let id = pending(&desk, Mode::GatedSend, "a@example.com").await;
    let own = format!("/messages/{id}");
    let mut browser = Browser::new(desk.app().await);
    browser.sign_in("rita").await;
    for (given, wanted) in [
        ("/queue", "/queue"),
        ("/queue?mailbox=1&q=a%20b", "/queue?mailbox=1&q=a%20b"),
        ("/messages/abc", "/messages/abc"),
        ("", own.as_str()),
        ("/users", &own),
        ("//evil.example", &own),
        ("https://evil.example/queue", &own),
        ("/queue.evil.example", &own),
        ("/messages/\\evil.example", &own),
        ("/queue?\r\nSet-Cookie: a=b", &own),
        ("/messages/\u{e9}", &own),
    ] {
        let page = browser.post("/queue", &format!("{own}/take"), &[("back", given)]).await;
        assert_eq!((page.status, page.location.as_deref()), (303, Some(wanted)), "{given:?}");
    }
    for (path, fields, said) in [
        ("release", &[][..], "Released. Anybody can take it."),
        ("assignment", &[("assignee", "")][..], "It is assigned to nobody."),
        ("snooze", &[("until", "2099-01-01T00:00:00Z")][..], ""),
        ("unsnooze", &[][..], "It is back in your queue."),
    ] {
        let page = browser.post("/queue", &format!("{own}/{path}"), fields).await;
        if said.is_empty() {
            assert_eq!(page.status, 422, "{path}");
        } else {
            assert_eq!((page.status, page.location.as_deref()), (303, Some(own.as_str())), "{path}");
            assert!(browser.get("/queue").await.body.contains(said), "{path}");
        }
    }
    let tomorrow = desk.now().plus_days(1).to_string();
    assert_eq!(browser.post("/queue", &format!("{own}/snooze"), &[("at", &tomorrow[..16]), ("zone", "UTC")]).await.status, 303);
    assert_eq!(browser.post("/queue", &format!("{own}/snooze"), &[("at", &tomorrow[..16]), ("zone", "Nowhere/Else")]).await.status, 422);
    let page = browser.get(&own).await.body;
    assert!(page.contains("Snoozed until <time"), "{page}");

    let page = browser.post("/queue", &format!("{own}/presence"), &[]).await;
    assert_eq!((page.status, page.body.as_str()), (204, ""));
    let mut other = Browser::new(desk.app().await);
    other.sign_in("rob").await;
    assert!(other.get(&own).await.body.contains("Rita is reading"));
    assert!(!browser.get(&own).await.body.contains("is reading<"), "one does not read beside oneself");
    browser.post("/queue", &format!("{own}/presence"), &[("leave", "yes")]).await;
    assert!(!other.get(&own).await.body.contains("Rita is reading"));
}

#[actix_web::test]
async fn who_comes_second_is_offered_to_take_over_and_the_first_sees_it() {
    let desk = Desk::new().await;
    let id = pending(&desk, Mode::GatedSend, "a@example.com").await;
    let (take, people) = (format!("/messages/{id}/take"), format!("/messages/{id}"));
    let (mut rita, mut rob) = (Browser::new(desk.app().await), Browser::new(desk.app().await));
    rita.sign_in("rita").await;
    rob.sign_in("rob").await;
    assert_eq!(rita.post("/queue", &take, &[]).await.status, 303);
    assert!(rita.get(&people).await.body.contains("You have it until"));
    let page = rob.post("/queue", &take, &[("back", "/queue")]).await;
    assert_eq!(page.status, 409);
    assert!(page.body.contains("Rita has this message until") && page.body.contains("name=\"over\""), "{}", page.body);
    assert_eq!(rob.post("/queue", &take, &[("over", "yes")]).await.status, 303);
    let page = rita.get(&people).await.body;
    assert!(page.contains("Rob took it over from you.") && page.contains("Taken by Rob until"), "{page}");
}

#[actix_web::test]
async fn several_at_once_each_stand_alone_and_failures_are_named() {
    let desk = Desk::new().await;
    let mut ids = vec![];
    for number in 0..3 {
        ids.push(pending(&desk, Mode::GatedSend, &format!("a{number}@example.com")).await);
    }
    let rob = desk.person("Rob");
    desk.write(|conn| presence::take(conn, &rob, &ids[1], false, desk.now())).unwrap();
    let mut browser = Browser::new(desk.app().await);
    browser.sign_in("rita").await;
    let mut fields: Vec<(&str, &str)> = ids.iter().map(|id| ("id", id.as_str())).collect();
    fields.push(("id", "nothing"));
    let page = browser.post("/queue", "/queue/take", &fields).await;
    assert_eq!((page.status, page.location.as_deref()), (303, Some("/queue")));
    let page = browser.get("/queue").await.body;
    assert!(page.contains("Took 2. 2 left as it was: a1@example.com: Rob has this message until"), "{page}");
    assert!(page.contains("One: There is no such message."), "{page}");
    let holders = desk.read(|conn| presence::of_messages(conn, &ids, desk.now()));
    let names: Vec<&str> = ids.iter().map(|id| holders[id].taken.as_ref().unwrap().name.as_str()).collect();
    assert_eq!(names, ["Rita", "Rob", "Rita"]);
    assert!(holders[&ids[0]].here.is_empty(), "taking is not reading");

    fields.push(("until", "2020-01-01T00:00:00Z"));
    browser.post("/queue", "/queue/snooze", &fields).await;
    assert!(browser.get("/queue").await.body.contains("Put off 0. 4 left as it was"));
    let soon = desk.now().plus_seconds(3600).to_string();
    *fields.last_mut().unwrap() = ("until", &soon);
    browser.post("/queue", "/queue/snooze", &fields).await;
    assert!(browser.get("/queue").await.body.contains("Put off 3. 1 left as it was: One"));
    assert_eq!(browser.post("/queue", "/queue/take", &[]).await.status, 422);
    let many: Vec<(&str, &str)> = vec![("id", "x"); 101];
    assert_eq!(browser.post("/queue", "/queue/take", &many).await.status, 422);
}

#[actix_web::test]
async fn only_keys_of_the_oversight_see_whom_a_message_is_given_to() {
    let desk = Desk::new().await;
    let id = pending(&desk, Mode::GatedSend, "a@example.com").await;
    let rita = desk.person("Rita");
    desk.write(|conn| assignment::assign(conn, &rita, &id, Some(&id_of(&rita)), None, desk.now())).unwrap();
    let (_, answer) = desk.call(&desk.oversight, "GET", &format!("/v1/emails/{id}"), Value::Null).await;
    assert_eq!(answer["assignee"], "Rita");
    let (status, answer) = desk.call(&desk.agent, "GET", &format!("/v1/emails/{id}"), Value::Null).await;
    assert!(status == 200 && answer.get("assignee").is_none(), "{answer}");
}

#[actix_web::test]
async fn a_line_of_the_log_that_appears_late_under_a_lower_number_is_read_once() {
    let desk = Desk::new().await;
    pending(&desk, Mode::GatedSend, "a@example.com").await;
    let now = desk.now();
    let mut position = desk.read(|conn| audit::end(conn, now));
    let mut read = |at: Time| desk.read(|conn| audit::since(conn, &mut position, at)).into_iter().map(|line| line.action).collect::<Vec<_>>();
    let last = desk.read(|conn| crate::support::log_of(conn, &OPERATOR, None, 1))[0].seq;
    let write = |after: i64, action: &str| {
        let columns = "seq, at, actor_kind, actor_id, actor_name, action, target_kind, target_id, detail";
        sql(&desk, &format!("INSERT INTO audit_log ({columns}) VALUES ({}, 0, 'system', 't', 't', '{action}', 'test', 't', '')", last + after))
            .unwrap();
    };
    assert!(read(now).is_empty());
    write(3, "third");
    assert_eq!(read(now), ["third"]);
    write(1, "first");
    assert_eq!(read(now), ["first"]);
    assert!(read(now).is_empty(), "once");
    write(4, "fourth");
    write(2, "second");
    assert_eq!(read(now.plus_seconds(59)), ["second", "fourth"]);
    write(6, "sixth");
    assert_eq!(read(now), ["sixth"]);
    write(5, "fifth");
    assert!(read(now.plus_seconds(60)).is_empty(), "nobody waits for ever");
    // Whoever begins to read looks for what was missing just before.
    write(8, "eighth");
    let mut fresh = desk.read(|conn| audit::end(conn, now));
    write(7, "seventh");
    let late = desk.read(|conn| audit::since(conn, &mut fresh, now));
    assert_eq!(late.into_iter().map(|line| line.action).collect::<Vec<_>>(), ["seventh"]);
}
