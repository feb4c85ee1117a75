//! Sequences: one step after the other, each once, each through the gate.

use countersign::domain::actor::Scope;
use countersign::domain::contacts::{self, ContactInput, suppressions};
use countersign::domain::ids::{EnrollmentId, SequenceId};
use countersign::domain::keys::{self, NewKey};
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::{DecisionKind, State};
use countersign::domain::sequences::{self, NewSequence, Step};
use countersign::domain::threads::{self, Exchange};
use serde_json::{Value, json};

use crate::mcp::{Client, serve};
use crate::programs::sql;
use crate::support::{Browser, Desk, OPERATOR, address, count};

async fn post(desk: &Desk, path: &str, body: Value) -> (u16, Value) {
    desk.call(&desk.agent, "POST", path, body).await
}

async fn get(desk: &Desk, path: &str) -> Value {
    let (status, answer) = desk.call(&desk.agent, "GET", path, json!(null)).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

fn steps() -> Value {
    json!([
        {"subject": "Welcome, {{ name }}", "body": "Hi {{ name }},\n\nwe write to {{ email }}."},
        {"subject": "Your first guide", "body": "Here it is.", "wait_days": 3},
        {"subject": "Are you getting value?", "body": "Tell us."},
    ])
}

/// A sequence; its path.
async fn sequence(desk: &Desk, mode: Mode) -> String {
    let (status, made) = post(desk, "/v1/sequences", json!({"name": "Welcome", "mailbox": address(mode), "steps": steps()})).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!((&made["campaign"], &made["steps"][1]["wait_days"]), (&json!("Welcome"), &json!(3)));
    format!("/v1/sequences/{}", made["id"].as_str().unwrap())
}

/// Enrolls somebody with a name; the path of the enrollment.
async fn enrolled(desk: &Desk, sequence: &str, email: &str) -> String {
    let input = ContactInput { email: email.into(), name: Some("Ana".into()), ..ContactInput::default() };
    desk.write(|conn| contacts::upsert(conn, &OPERATOR, &input, desk.now())).unwrap();
    let (status, made) = post(desk, &format!("{sequence}/enrollments"), json!({"email": email})).await;
    assert_eq!(status, 201, "{made}");
    format!("{sequence}/enrollments/{}", made["id"].as_str().unwrap())
}

async fn standing(desk: &Desk, enrollment: &str) -> Value {
    let (all, id) = enrollment.rsplit_once('/').unwrap();
    let answer = get(desk, all).await;
    answer["enrollments"].as_array().unwrap().iter().find(|one| one["id"] == id).unwrap().clone()
}

async fn send_next(desk: &Desk, enrollment: &str) -> (u16, Value) {
    post(desk, &format!("{enrollment}/send-next"), json!({})).await
}

async fn tags_of(desk: &Desk, email: &str) -> Value {
    get(desk, &format!("/v1/contacts/search?email={email}")).await["contacts"][0]["tags"].clone()
}

async fn tag(desk: &Desk, email: &str, tag: &str) {
    let found = get(desk, &format!("/v1/contacts/search?email={email}")).await;
    let path = format!("/v1/contacts/{}/tags", found["contacts"][0]["id"].as_str().unwrap());
    let (status, answer) = post(desk, &path, json!({"tags": [tag]})).await;
    assert!(status < 300, "{answer}");
}

/// Makes every wait of the enrollments pass.
fn let_time_pass(desk: &Desk) {
    sql(desk, "UPDATE enrollments SET ready_at = 0 WHERE ready_at IS NOT NULL").unwrap();
}

#[actix_web::test]
async fn a_sequence_goes_step_by_step_to_its_end() {
    let desk = Desk::new().await;
    let sequence = sequence(&desk, Mode::GatedSend).await;
    let enrollment = enrolled(&desk, &sequence, "ana@example.com").await;
    let due = get(&desk, &format!("{sequence}/due")).await;
    assert_eq!((&due["due"][0]["step"], &due["due"][0]["subject"]), (&json!(1), &json!("Welcome, Ana")));
    assert_eq!((&due["due"][0]["body"], &due["due"][0]["obstacle"]), (&json!("Hi Ana,\n\nwe write to ana@example.com."), &json!(null)));

    let (status, sent) = send_next(&desk, &enrollment).await;
    assert_eq!((status, &sent["message"]["status"], &sent["message"]["held"]), (202, &json!("pending"), &json!(true)), "{sent}");
    assert_eq!((&sent["enrollment"]["steps_done"], &sent["enrollment"]["due_at"]), (&json!(1), &json!(null)));
    assert_eq!(tags_of(&desk, "ana@example.com").await, json!(["campaign_drip", "drip_step_0"]));
    let message = desk.message(sent["message"]["id"].as_str().unwrap());
    assert_eq!(
        (message.row.campaign.as_deref(), message.tags.as_slice()),
        (Some("Welcome"), &["campaign_drip".to_owned(), "drip_step_0".to_owned()][..])
    );
    // The wait begins when the step before has left.
    let (status, refused) = send_next(&desk, &enrollment).await;
    assert_eq!((status, &refused["code"]), (409, &json!("step_not_due")), "{refused}");
    assert_eq!(get(&desk, &format!("{sequence}/due")).await["due"], json!([]));
    desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    desk.drain().await;
    let (status, refused) = send_next(&desk, &enrollment).await;
    assert_eq!((status, &refused["code"]), (409, &json!("step_not_due")));
    assert!(refused["detail"].as_str().unwrap().starts_with("The next step is due at"), "{refused}");
    let list = get(&desk, &format!("{sequence}/enrollments?state=active")).await;
    let due_at = countersign::clock::Time::parse(list["enrollments"][0]["due_at"].as_str().unwrap()).unwrap();
    let left_at = desk.message(message.row.id.as_str()).row.sent_at.unwrap();
    assert_eq!(due_at.seconds(), left_at.plus_days(3).seconds());

    for step in [2, 3] {
        let_time_pass(&desk);
        assert_eq!(get(&desk, &format!("{sequence}/due")).await["due"][0]["step"], step);
        let (status, sent) = send_next(&desk, &enrollment).await;
        assert_eq!(status, 202, "{sent}");
        let message = desk.message(sent["message"]["id"].as_str().unwrap());
        desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
        desk.drain().await;
    }
    assert_eq!(desk.catcher.messages().len(), 3);
    assert_eq!(tags_of(&desk, "ana@example.com").await, json!(["campaign_drip", "drip_complete", "drip_step_0", "drip_step_1", "drip_step_2"]));
    let (status, refused) = send_next(&desk, &enrollment).await;
    assert_eq!((status, &refused["code"]), (409, &json!("enrollment_ended")));
    let counted = get(&desk, &sequence).await;
    assert_eq!((&counted["active"], &counted["complete"], &counted["stopped"]), (&json!(0), &json!(1), &json!(0)));
    // What the tags say holds: nobody goes through it twice by accident.
    let (status, refused) = post(&desk, &format!("{sequence}/enrollments"), json!({"email": "ana@example.com"})).await;
    assert_eq!((status, &refused["code"]), (409, &json!("sequence_complete")));
}

#[actix_web::test]
async fn two_calls_at_once_hand_in_a_step_once() {
    let desk = Desk::new().await;
    let sequence = sequence(&desk, Mode::GatedSend).await;
    let enrollment = enrolled(&desk, &sequence, "ana@example.com").await;
    let id = SequenceId::from(sequence.rsplit('/').next().unwrap());
    let who = EnrollmentId::from(enrollment.rsplit('/').next().unwrap());
    let start = std::sync::Barrier::new(6);
    let (db, now) = (&desk.state.db, desk.now());
    let results: Vec<_> = std::thread::scope(|scope| {
        let ask = || {
            start.wait();
            db.write(|conn| sequences::send_next(conn, &OPERATOR, &id, &who, now))
        };
        let asked: Vec<_> = (0..6).map(|_| scope.spawn(ask)).collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let (good, bad): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!(good.len(), 1);
    for refused in bad {
        assert_eq!(refused.unwrap_err().code, "step_not_due");
    }
    let pending = desk.call(&desk.oversight, "GET", "/v1/oversight/pending", json!(null)).await.1;
    assert_eq!(pending["messages"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn the_database_itself_keeps_a_step_single() {
    let desk = Desk::new().await;
    let sequence = sequence(&desk, Mode::GatedSend).await;
    let enrollment = enrolled(&desk, &sequence, "ana@example.com").await;
    assert_eq!(send_next(&desk, &enrollment).await.0, 202);
    let other = desk.pending("b@example.com", json!({})).await;
    let who = enrollment.rsplit('/').next().unwrap();
    let again = format!("INSERT INTO sequence_sends (enrollment_id, step, message_id) VALUES ('{who}', 0, '{}')", other.row.id);
    assert!(sql(&desk, &again).unwrap_err().to_lowercase().contains("unique"));
    // As if the row said that nothing was handed in: the tags say more.
    sql(&desk, "UPDATE enrollments SET position = 0, ready_at = 0").unwrap();
    let (status, sent) = send_next(&desk, &enrollment).await;
    assert_eq!((status, &sent["enrollment"]["steps_done"]), (202, &json!(2)), "the next step, not the same again");
    // And if the tags were gone as well, the step is refused.
    sql(&desk, "UPDATE enrollments SET position = 0, ready_at = 0").unwrap();
    sql(&desk, "DELETE FROM contact_tags").unwrap();
    let (status, refused) = send_next(&desk, &enrollment).await;
    assert_eq!((status, &refused["code"]), (409, &json!("conflict")));
}

#[actix_web::test]
async fn a_sequence_ends_for_whoever_left_answered_or_is_done() {
    let desk = Desk::new().await;
    let sequence = sequence(&desk, Mode::GatedSend).await;
    let left = enrolled(&desk, &sequence, "left@example.com").await;
    let done = enrolled(&desk, &sequence, "done@example.com").await;
    let answered = enrolled(&desk, &sequence, "answered@example.com").await;
    let fine = enrolled(&desk, &sequence, "fine@example.com").await;
    desk.write(|conn| suppressions::add(conn, &OPERATOR, "left@example.com", suppressions::Reason::Complained, "test", None, desk.now())).unwrap();
    let find = get(&desk, "/v1/contacts/search?email=done@example.com").await;
    post(&desk, &format!("/v1/contacts/{}/tags", find["contacts"][0]["id"].as_str().unwrap()), json!({"tags": ["drip_complete"]})).await;
    for enrollment in [&answered, &fine] {
        let (_, sent) = send_next(&desk, enrollment).await;
        desk.decide("Rita", &desk.message(sent["message"]["id"].as_str().unwrap()), DecisionKind::Approve).unwrap();
    }
    desk.drain().await;
    let_time_pass(&desk);
    // Support history in another conversation is no answer; a mail in the step's own is.
    let find = get(&desk, "/v1/contacts/search?email=fine@example.com").await;
    let contact = find["contacts"][0]["id"].as_str().unwrap().into();
    let history = [Exchange { from_customer: true, subject: "Help".into(), text: "Please.".into(), at: desk.now(), message_id: None }];
    let mailbox = desk.mailbox(Mode::GatedSend).id;
    desk.write(|conn| threads::record_history(conn, &OPERATOR, &mailbox, &contact, "fine@example.com", &history, desk.now())).unwrap();
    sql(
        &desk,
        "INSERT INTO inbound_emails (id, mailbox_id, thread_id, from_address, from_key, to_address, subject, text_body, received_at) \
         SELECT 'in', mailbox_id, thread_id, 'answered@example.com', 'answered@example.com', 'x@sender.example', 'Re: Welcome', 'Thanks', 1 \
         FROM messages WHERE id IN (SELECT message_id FROM sequence_sends s JOIN enrollments e ON e.id = s.enrollment_id \
         JOIN contacts c ON c.id = e.contact_id WHERE c.email = 'answered@example.com')",
    )
    .unwrap();
    let due = get(&desk, &format!("{sequence}/due")).await;
    let obstacles: Vec<bool> = due["due"].as_array().unwrap().iter().map(|due| due["obstacle"].is_string()).collect();
    assert_eq!(obstacles, [true, true, true, false], "{due}");
    for (enrollment, why) in [(&left, "must not be mailed"), (&done, "drip_complete"), (&answered, "They answered.")] {
        let (status, ended) = send_next(&desk, enrollment).await;
        assert_eq!((status, &ended["message"], &ended["enrollment"]["state"]), (200, &json!(null), &json!("stopped")), "{ended}");
        assert!(ended["enrollment"]["stopped_because"].as_str().unwrap().contains(why), "{ended}");
        let (status, refused) = send_next(&desk, enrollment).await;
        assert_eq!((status, &refused["code"]), (409, &json!("enrollment_ended")));
    }
    assert_eq!(send_next(&desk, &fine).await.0, 202);
    // Who left is not enrolled anew.
    let (status, refused) = post(&desk, &format!("{sequence}/enrollments"), json!({"email": "left@example.com"})).await;
    assert_eq!((status, &refused["code"]), (409, &json!("recipient_suppressed")));
}

#[actix_web::test]
async fn a_sequence_ends_for_whoever_comes_back_and_a_step_that_waits_is_taken_back() {
    let desk = Desk::new().await;
    let sequence = sequence(&desk, Mode::GatedSend).await;
    let stays = enrolled(&desk, &sequence, "stays@example.com").await;
    let mut left = vec![];
    for (n, email) in ["told@example.com", "paid@example.com"].into_iter().enumerate() {
        let given = json!({"customer_email": email, "provider": "x", "provider_customer_id": format!("c{n}"), "event_type": "cancelled", "cancel_reason": "too_expensive"});
        let (status, event) = post(&desk, "/api/v1/churn-events", given).await;
        assert_eq!(status, 201, "{event}");
        let enrollment = enrolled(&desk, &sequence, email).await;
        let (_, sent) = send_next(&desk, &enrollment).await;
        left.push((event["id"].as_str().unwrap().to_owned(), enrollment, sent["message"]["id"].as_str().unwrap().to_owned()));
    }
    // One step waits for a person, the other for its time.
    desk.decide("Rita", &desk.message(&left[1].2), DecisionKind::Approve).unwrap();
    for (event, enrollment, message) in &left {
        let (status, recovered) = post(&desk, &format!("/api/v1/churn-events/{event}/recovered"), json!({})).await;
        assert_eq!(status, 200, "{recovered}");
        let shown = standing(&desk, enrollment).await;
        assert_eq!((&shown["state"], &shown["stopped_because"]), (&json!("stopped"), &json!("They came back.")), "{shown}");
        assert!([State::Withdrawn, State::Cancelled].contains(&desk.message(message).row.state), "{:?}", desk.message(message).row.state);
    }
    desk.drain().await;
    assert!(desk.catcher.messages().is_empty());
    assert_eq!(standing(&desk, &stays).await["state"], json!("active"));
    assert_eq!(count(&desk, "SELECT CAST(sum(number) AS BIGINT) AS n FROM program_days WHERE what = 'stopped' AND word = 'recovered'"), 2);
}

#[actix_web::test]
async fn the_last_step_is_taken_back_too_from_whoever_comes_back_or_gets_a_tag_that_ends_it() {
    let desk = Desk::new().await;
    let one = json!({"name": "One", "mailbox": address(Mode::GatedSend), "steps": [{"subject": "Hello", "body": "Hi."}], "stop_tags": ["customer"]});
    let (_, made) = post(&desk, "/v1/sequences", one).await;
    let sequence = format!("/v1/sequences/{}", made["id"].as_str().unwrap());
    let given = json!({"customer_email": "back@example.com", "provider": "x", "provider_customer_id": "c", "event_type": "cancelled"});
    let (_, event) = post(&desk, "/api/v1/churn-events", given).await;
    let mut steps = vec![];
    for email in ["back@example.com", "bought@example.com", "stays@example.com"] {
        let enrollment = enrolled(&desk, &sequence, email).await;
        let (_, sent) = send_next(&desk, &enrollment).await;
        assert_eq!(sent["enrollment"]["state"], "complete");
        let id = sent["message"]["id"].as_str().unwrap().to_owned();
        desk.decide("Rita", &desk.message(&id), DecisionKind::Approve).unwrap();
        steps.push(id);
    }
    post(&desk, &format!("/api/v1/churn-events/{}/recovered", event["id"].as_str().unwrap()), json!({})).await;
    tag(&desk, "bought@example.com", "customer").await;
    desk.drain().await;
    let sent: Vec<bool> = steps.iter().map(|id| desk.message(id).row.state == State::Sent).collect();
    assert_eq!(sent, [false, false, true]);
}

#[actix_web::test]
async fn a_step_that_a_person_rejects_ends_the_sequence() {
    let desk = Desk::new().await;
    let sequence = sequence(&desk, Mode::GatedSend).await;
    let enrollment = enrolled(&desk, &sequence, "ana@example.com").await;
    let (_, sent) = send_next(&desk, &enrollment).await;
    desk.decide("Rita", &desk.message(sent["message"]["id"].as_str().unwrap()), DecisionKind::Reject).unwrap();
    let list = get(&desk, &format!("{sequence}/enrollments")).await;
    let ended = &list["enrollments"][0];
    assert_eq!((&ended["state"], &ended["stopped_because"]), (&json!("stopped"), &json!("Step 1 did not leave: rejected.")));
}

#[actix_web::test]
async fn a_tag_that_one_chose_ends_a_sequence_at_once_and_keeps_others_out() {
    let desk = Desk::new().await;
    let given = json!({"name": "Trial", "mailbox": address(Mode::GatedSend), "steps": steps(), "stop_tags": ["customer", " in-talks", "customer"]});
    let (status, made) = post(&desk, "/v1/sequences", given).await;
    assert_eq!((status, &made["stop_tags"]), (201, &json!(["customer", "in-talks"])), "{made}");
    let sequence = format!("/v1/sequences/{}", made["id"].as_str().unwrap());
    let (buys, stays) = (enrolled(&desk, &sequence, "buys@example.com").await, enrolled(&desk, &sequence, "stays@example.com").await);
    let (_, sent) = send_next(&desk, &buys).await;
    let waiting = sent["message"]["id"].as_str().unwrap().to_owned();
    tag(&desk, "buys@example.com", "something-else").await;
    assert_eq!(standing(&desk, &buys).await["state"], "active", "another tag ends nothing");
    tag(&desk, "buys@example.com", "customer").await;
    let shown = standing(&desk, &buys).await;
    assert_eq!((&shown["state"], &shown["stopped_because"]), (&json!("stopped"), &json!("The contact has the tag customer.")), "{shown}");
    assert_eq!(desk.message(&waiting).row.state, State::Withdrawn, "the step that waits is taken back");
    // Who has such a tag does not come in, and who has one before it counts leaves with the next step.
    let (status, refused) = post(&desk, &format!("{sequence}/enrollments"), json!({"email": "buys@example.com"})).await;
    assert_eq!((status, &refused["code"]), (409, &json!("stop_tag")), "{refused}");
    tag(&desk, "stays@example.com", "vip").await;
    let (status, changed) = desk.call(&desk.agent, "PATCH", &sequence, json!({"stop_tags": ["vip"]})).await;
    assert_eq!((status, &changed["stop_tags"], changed["steps"].as_array().unwrap().len()), (200, &json!(["vip"]), 3), "{changed}");
    assert_eq!(get(&desk, &format!("{sequence}/due")).await["due"][0]["obstacle"], "The contact has the tag vip.");
    let (status, ended) = send_next(&desk, &stays).await;
    assert_eq!((status, &ended["message"], &ended["enrollment"]["state"]), (200, &json!(null), &json!("stopped")), "{ended}");
    let why = format!("SELECT count(*) AS n FROM enrollments WHERE stopped_why = 'tagged' AND sequence_id = '{}'", made["id"].as_str().unwrap());
    assert_eq!(count(&desk, &why), 2);

    for (wrong, part) in [(json!(["drip_step_3"]), "the sequence itself gives"), (json!(["a,b"]), "without a comma"), (json!([""]), "stop_tags")] {
        let (status, refused) = desk.call(&desk.agent, "PATCH", &sequence, json!({"stop_tags": wrong})).await;
        assert_eq!((status, &refused["field"]), (422, &json!("stop_tags")), "{refused}");
        assert!(refused["detail"].as_str().unwrap().contains(part), "{refused}");
    }
    let many: Vec<String> = (0..21).map(|n| format!("t{n}")).collect();
    assert_eq!(desk.call(&desk.agent, "PATCH", &sequence, json!({"stop_tags": many})).await.1["field"], "stop_tags");
    assert_eq!(get(&desk, &sequence).await["stop_tags"], json!(["vip"]), "what was refused changed nothing");
}

#[actix_web::test]
async fn a_person_says_on_the_page_which_tags_end_a_sequence() {
    let desk = Desk::new().await;
    let sequence = sequence(&desk, Mode::GatedSend).await;
    let path = sequence["/v1".len()..].to_owned();
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let fields = |tags: &'static str| [("was", "1"), ("row", "1"), ("subject", "Welcome"), ("body", "Hello."), ("stop_tags", tags)];
    let refused = max.post(&format!("{path}/edit"), &path, &fields("customer, -no")).await;
    assert!(refused.body.contains("without a minus in front") && refused.body.contains("value=\"customer, -no\""), "{}", refused.body);
    let saved = max.post(&format!("{path}/edit"), &path, &fields("customer, in talks,")).await;
    assert_eq!(saved.status, 303, "{}", saved.body);
    assert_eq!(get(&desk, &sequence).await["stop_tags"], json!(["customer", "in talks"]));
    assert!(max.get(&path).await.body.contains("They get the tag <b>customer</b> or <b>in talks</b>; a step that waits is taken back."));
    assert!(max.get(&format!("{path}/edit")).await.body.contains("value=\"customer, in talks\""));
}

#[actix_web::test]
async fn whoever_wrote_a_sequence_decides_none_of_its_messages() {
    let desk = Desk::new().await;
    let (ada, mailbox) = (desk.person("Ada"), address(Mode::GatedSend));
    let steps = vec![Step { subject: "Hello".into(), body: "Words".into(), ..Step::default() }];
    let new = NewSequence { name: "Hers".into(), mailbox: Some(mailbox), campaign: None, steps, automatic: false, stop_tags: vec![] };
    let made = desk.write(|conn| sequences::create(conn, &ada, &new, desk.now())).unwrap();
    let enrollment = enrolled(&desk, &format!("/v1/sequences/{}", made.id), "ana@example.com").await;
    let (status, sent) = send_next(&desk, &enrollment).await;
    assert_eq!((status, &sent["message"]["held"]), (202, &json!(true)));
    let message = desk.message(sent["message"]["id"].as_str().unwrap());
    assert_eq!(desk.decide("Ada", &message, DecisionKind::Approve).unwrap_err().code, "four_eyes");
    assert_eq!(desk.decide("Rita", &message, DecisionKind::Approve).unwrap().row.state, State::Approved);
    // What an agent wrote is an agent's, also when a person hands it in.
    let theirs = sequence(&desk, Mode::GatedSend).await;
    let enrollment = enrolled(&desk, &theirs, "ben@example.com").await;
    let (id, who) = (SequenceId::from(theirs.rsplit('/').next().unwrap()), EnrollmentId::from(enrollment.rsplit('/').next().unwrap()));
    let sent = desk.write(|conn| sequences::send_next(conn, &ada, &id, &who, desk.now())).unwrap();
    assert_eq!(sent.message.unwrap().row.state, State::Pending);
}

#[actix_web::test]
async fn the_first_message_of_a_sequence_is_held_in_a_looser_mode_too() {
    let desk = Desk::new().await;
    let sequence = sequence(&desk, Mode::Monitored).await;
    let enrollment = enrolled(&desk, &sequence, "ana@example.com").await;
    let (_, sent) = send_next(&desk, &enrollment).await;
    // The next step waits for it, and whoever looks is led to it.
    let waits_for = json!({"message_id": sent["message"]["id"], "status": "pending"});
    assert_eq!(standing(&desk, &enrollment).await["waits_for"], waits_for);
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let page = max.get(&sequence["/v1".len()..]).await.body;
    assert!(page.contains(&format!("it is <a href=\"/messages/{}\">", sent["message"]["id"].as_str().unwrap())), "{page}");
    assert_eq!((&sent["message"]["held"], &sent["message"]["reason"]), (&json!(true), &json!("It is the first message of a new campaign.")));
    // That a message with its label was approved says nothing about another sequence with this label.
    desk.decide("Rita", &desk.message(sent["message"]["id"].as_str().unwrap()), DecisionKind::Approve).unwrap();
    let next = enrolled(&desk, &sequence, "ben@example.com").await;
    assert_ne!(send_next(&desk, &next).await.1["message"]["reason"], sent["message"]["reason"]);
    let other = json!({"name": "Other", "campaign": "Welcome", "mailbox": address(Mode::Monitored), "steps": steps()});
    let (_, made) = post(&desk, "/v1/sequences", other).await;
    let first = enrolled(&desk, &format!("/v1/sequences/{}", made["id"].as_str().unwrap()), "cem@example.com").await;
    assert_eq!(send_next(&desk, &first).await.1["message"]["reason"], sent["message"]["reason"]);
}

#[actix_web::test]
async fn only_name_and_address_are_filled_in() {
    let desk = Desk::new().await;
    for (subject, body, field) in
        [("Hi {first_name}", "x", "steps[0].subject"), ("Hi", "{{ plan }}", "steps[0].body"), ("Hi", "{% if name %}a", "steps[0].body")]
    {
        let new = json!({"name": "n", "mailbox": address(Mode::GatedSend), "steps": [{"subject": subject, "body": body}]});
        let (status, refused) = post(&desk, "/v1/sequences", new).await;
        assert_eq!((status, &refused["code"], &refused["field"]), (422, &json!("placeholder_unknown"), &json!(field)), "{refused}");
    }
    let sequence = sequence(&desk, Mode::GatedSend).await;
    // A name is filled in as it is, whatever it looks like.
    let tricky = ContactInput { email: "t@example.com".into(), name: Some("{email} <b>".into()), ..ContactInput::default() };
    desk.write(|conn| contacts::upsert(conn, &OPERATOR, &tricky, desk.now())).unwrap();
    post(&desk, &format!("{sequence}/enrollments"), json!({"email": "t@example.com"})).await;
    let due = get(&desk, &format!("{sequence}/due")).await;
    assert_eq!(due["due"][0]["subject"], "Welcome, {email} <b>");
    // Nobody is greeted by a name that is not on record.
    let (_, nameless) = post(&desk, &format!("{sequence}/enrollments"), json!({"email": "nameless@example.com"})).await;
    let path = format!("{sequence}/enrollments/{}", nameless["id"].as_str().unwrap());
    let (status, refused) = send_next(&desk, &path).await;
    assert_eq!((status, &refused["code"]), (409, &json!("name_missing")));
    assert_eq!(get(&desk, &format!("{sequence}/due")).await["due"][1]["subject"], json!(null));
    // Unless the step asks whether there is one.
    let asks = json!([{"was": 1, "subject": "Welcome{% if name %}, {{ name }}{% endif %}", "body": "Hi."}, {"was": 2, "subject": "s", "body": "b"}]);
    let (status, changed) = desk.call(&desk.agent, "PATCH", &sequence, json!({"steps": asks})).await;
    assert_eq!(status, 200, "{changed}");
    let due = get(&desk, &format!("{sequence}/due")).await;
    assert_eq!((&due["due"][0]["subject"], &due["due"][1]["subject"]), (&json!("Welcome, {email} <b>"), &json!("Welcome")));
}

#[actix_web::test]
async fn the_first_notation_of_steps_goes_on_in_that_of_templates() {
    let desk = Desk::new().await;
    let old = json!([{"subject": "Hi {name}", "body": "To {email}.", "variants": [{"subject": "Hello {name}", "body": "B", "share": 50}]}]);
    let new = json!({"name": "Old", "mailbox": address(Mode::GatedSend), "steps": old});
    let (status, made) = post(&desk, "/v1/sequences", new).await;
    assert_eq!((status, &made["steps"][0]["subject"]), (201, &json!("Hi {{ name }}")), "clients that know the first notation are understood");
    // As steps were kept before there was one language, with a message that is counted for their words.
    let path = format!("/v1/sequences/{}", made["id"].as_str().unwrap());
    let kept =
        json!([{"subject": "Hi {name}", "body": "To {email}.", "wait_days": 0, "variants": [{"subject": "Hello {name}", "body": "B", "share": 50}]}]);
    sql(&desk, &format!("UPDATE sequences SET steps = '{kept}'")).unwrap();
    enrolled(&desk, &path, "ana@example.com").await;
    let hash = |words: &str| countersign::domain::ids::sha256_hex(words.as_bytes()).chars().take(16).collect::<String>();
    let (status, message) = desk.send(Mode::GatedSend, "ana@example.com", json!({})).await;
    assert_eq!(status, 202);
    sql(
        &desk,
        &format!(
            "INSERT INTO sequence_sends (enrollment_id, step, message_id, variant) SELECT id, 0, '{}', '{}' FROM enrollments",
            message["id"].as_str().unwrap(),
            hash("Hi {name}\nTo {email}.")
        ),
    )
    .unwrap();
    sql(&desk, "UPDATE messages SET sent_at = created_at").unwrap();
    sql(&desk, include_str!("../../migrations/sqlite/2026-11-22-000067_step_places/up.sql")).unwrap();
    let after = get(&desk, &path).await;
    let step = &after["steps"][0];
    let words = (&step["subject"], &step["body"], &step["variants"][0]["subject"]);
    assert_eq!(words, (&json!("Hi {{ name }}"), &json!("To {{ email }}."), &json!("Hello {{ name }}")));
    assert_eq!(after["comparisons"][0]["variants"][0]["sent"], 1, "what was counted for the words stays: {after}");
    let preview = get(&desk, &format!("{path}/preview?contact=ana@example.com")).await;
    assert!(["Hi Ana", "Hello Ana"].contains(&preview["steps"][0]["subject"].as_str().unwrap()), "{preview}");
}

#[actix_web::test]
async fn a_contact_is_in_one_sequence_at_a_time_and_begins_where_its_tags_say() {
    let desk = Desk::new().await;
    let first = sequence(&desk, Mode::GatedSend).await;
    let new = json!({"name": "Other", "mailbox": address(Mode::GatedSend), "steps": steps()});
    let (_, second) = post(&desk, "/v1/sequences", new).await;
    let second = format!("/v1/sequences/{}", second["id"].as_str().unwrap());
    let enrollment = enrolled(&desk, &first, "ana@example.com").await;
    let (status, again) = post(&desk, &format!("{first}/enrollments"), json!({"email": "ANA@example.com"})).await;
    assert_eq!((status, again["id"].as_str()), (200, enrollment.rsplit('/').next()));
    let (status, refused) = post(&desk, &format!("{second}/enrollments"), json!({"email": "ana@example.com"})).await;
    assert_eq!((status, &refused["code"]), (409, &json!("already_enrolled")));
    let (status, stopped) = post(&desk, &format!("{enrollment}/stop"), json!({"reason": "moved"})).await;
    assert_eq!((status, &stopped["state"], &stopped["stopped_because"]), (200, &json!("stopped"), &json!("moved")));
    // As agents count it: two steps were sent elsewhere.
    contacts_tagged(&desk, "ana@example.com", &["drip_step_0", "drip_step_1"]);
    let (status, moved) = post(&desk, &format!("{second}/enrollments"), json!({"email": "ana@example.com"})).await;
    assert_eq!((status, &moved["steps_done"]), (201, &json!(2)));
    // Nobody is enrolled in what was put away, and nothing of it is sent.
    let (status, away) = desk.call(&desk.agent, "PATCH", &second, json!({"archived": true})).await;
    assert_eq!((status, &away["archived"]), (200, &json!(true)));
    let path = format!("{second}/enrollments/{}", moved["id"].as_str().unwrap());
    assert_eq!(send_next(&desk, &path).await.1["code"], "sequence_archived");
    assert_eq!(post(&desk, &format!("{second}/enrollments"), json!({"email": "b@example.com"})).await.1["code"], "sequence_archived");
}

fn contacts_tagged(desk: &Desk, email: &str, tags: &[&str]) {
    let input = ContactInput { email: email.into(), tags: tags.iter().map(|&tag| tag.to_owned()).collect(), ..ContactInput::default() };
    desk.write(|conn| contacts::upsert(conn, &OPERATOR, &input, desk.now())).unwrap();
}

#[actix_web::test]
async fn a_sequence_of_a_mailbox_out_of_reach_is_not_there() {
    let desk = Desk::new().await;
    let sequence = sequence(&desk, Mode::GatedAll).await;
    let enrollment = enrolled(&desk, &sequence, "ana@example.com").await;
    let new = NewKey { mailboxes: vec![desk.mailbox(Mode::GatedSend).id], ..NewKey::named("narrow", &[Scope::Read, Scope::Draft]) };
    let narrow = desk.write(|conn| keys::add(conn, &OPERATOR, &new, desk.now())).unwrap().1;
    for (method, path) in [
        ("GET", sequence.clone()),
        ("GET", format!("{sequence}/due")),
        ("GET", format!("{sequence}/enrollments")),
        ("POST", format!("{enrollment}/send-next")),
        ("POST", format!("{enrollment}/stop")),
    ] {
        let (status, answer) = desk.call(&narrow, method, &path, json!(null)).await;
        assert_eq!((status, &answer["detail"]), (404, &json!("There is no such sequence.")), "{path}");
    }
    assert_eq!(desk.call(&narrow, "GET", "/v1/sequences", json!(null)).await.1["sequences"], json!([]));
}

#[actix_web::test]
async fn agents_work_a_sequence_over_mcp() {
    let desk = Desk::new().await;
    let agent = Client::with(&serve(&desk).await, &desk.agent).await;
    let (made, _) = agent
        .call(
            "create_sequence",
            json!({"name": "Short", "mailbox": address(Mode::GatedSend), "steps": [{"subject": "Hi", "body": "To {{ email }}"}]}),
        )
        .await;
    let (who, _) = agent.call("enroll_contact", json!({"sequence_id": made["id"], "email": "ana@example.com"})).await;
    let (due, _) = agent.call("list_due_steps", json!({"sequence_id": made["id"]})).await;
    assert_eq!(due["due"][0]["body"], "To ana@example.com");
    let ids = json!({"sequence_id": made["id"], "enrollment_id": who["id"]});
    let (sent, next) = agent.call("send_next_step", ids.clone()).await;
    assert!(next.starts_with("Held for review; do not send it again."), "{next}");
    assert_eq!(sent["enrollment"]["state"], "complete");
    assert_eq!(agent.refused("send_next_step", ids.clone()).await.0["code"], "enrollment_ended");
    assert_eq!(agent.call("stop_enrollment", ids).await.0["state"], "complete", "what ended stays as it is");
    assert_eq!(agent.call("get_sequence", json!({"sequence_id": made["id"]})).await.0["complete"], 1);
    assert_eq!(agent.call("list_sequences", json!({})).await.0["sequences"][0]["name"], "Short");
}
