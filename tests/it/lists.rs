//! Lists: order, pages, filters, search, what comes next, and by which path the database finds them.

use std::sync::{Arc, Mutex};

use countersign::clock::Time;
use countersign::db::{Conn, schema};
use countersign::domain::actor::{Actor, Mailboxes};
use countersign::domain::ids::{MailboxId, MessageId, UserId};
use countersign::domain::mailboxes::{self, Mode};
use countersign::domain::messages::content::Words;
use countersign::domain::messages::list::{self, Assignee, Claims, Filter, ListRow, Snoozes, Sort};
use countersign::domain::messages::{self, Origin, State};
use countersign::domain::settings;
use countersign::domain::views::{self, NewView, View};
use countersign::web::list_query::ListQuery;
use countersign::web::views::tabs;
use diesel::connection::{Connection, InstrumentationEvent};
use diesel::prelude::*;
use serde_json::{Value, json};

use crate::support::{Browser, Desk, OPERATOR, address};

fn sql(desk: &Desk, text: &str) {
    desk.write(|conn| Ok(diesel::sql_query(text).execute(conn)?)).unwrap();
}

async fn held(desk: &Desk, mode: Mode, to: &str, more: Value) -> MessageId {
    let (status, answer) = desk.send(mode, to, more).await;
    assert_eq!(answer["status"], "pending", "{status} {answer}");
    MessageId::from(answer["id"].as_str().unwrap())
}

/// Held messages to n1@…, n2@… and so on.
async fn several(desk: &Desk, many: usize) -> Vec<MessageId> {
    let mut ids = vec![];
    for n in 1..=many {
        ids.push(held(desk, Mode::GatedAll, &format!("n{n}@example.com"), json!({})).await);
    }
    ids
}

fn queue() -> Filter {
    Filter { states: vec![State::Pending], sort: Sort::Oldest, ..Filter::default() }
}

fn ids(rows: &[ListRow]) -> Vec<MessageId> {
    rows.iter().map(|row| row.id.clone()).collect()
}

fn listed(desk: &Desk, actor: &Actor, filter: &Filter) -> Vec<MessageId> {
    desk.read(|conn| Ok(ids(&list::list(conn, actor, filter)?.0)))
}

fn user_id(actor: &Actor) -> UserId {
    UserId::from(actor.id())
}

/// The same person with only this mailbox.
fn only_in(desk: &Desk, actor: &Actor, mode: Mode) -> Actor {
    let wanted = address(mode);
    let mailbox = desk.read(|conn| Ok(mailboxes::list(conn, &OPERATOR)?.into_iter().find(|m| m.address == wanted).unwrap().id));
    let mut actor = actor.clone();
    if let Actor::User { mailboxes, .. } = &mut actor {
        *mailboxes = Mailboxes::These(vec![mailbox]);
    }
    actor
}

/// Copies of a message with new ids, as many as wanted.
fn copies(desk: &Desk, of: &MessageId, many: usize) {
    desk.write(|conn| {
        let message = messages::get(conn, &OPERATOR, of)?;
        for _ in 0..many {
            let mut row = message.row.clone();
            row.id = MessageId::new();
            let mut version = message.current.clone();
            version.message_id = row.id.clone();
            diesel::insert_into(schema::messages::table).values(row).execute(conn)?;
            diesel::insert_into(schema::message_versions::table).values(version).execute(conn)?;
        }
        Ok(())
    })
    .unwrap();
}

#[actix_web::test]
async fn pages_lead_forwards_and_back_in_each_order() {
    let desk = Desk::new().await;
    let made = several(&desk, 7).await;
    let rita = desk.person("Rita");
    // They lapse in another order than they came, some at the same time.
    let now = desk.now().micros();
    for (id, hours) in made.iter().zip([5, 3, 3, 9, 1, 3, 7]) {
        sql(&desk, &format!("UPDATE messages SET expires_at = {} WHERE id = '{id}'", now + hours * 3_600_000_000));
    }
    let at = |places: [usize; 7]| places.map(|place| made[place].clone());
    for (sort, order) in
        [(Sort::Oldest, at([0, 1, 2, 3, 4, 5, 6])), (Sort::Newest, at([6, 5, 4, 3, 2, 1, 0])), (Sort::Expiring, at([4, 1, 2, 5, 0, 6, 3]))]
    {
        for words in [None, Some("example".to_owned())] {
            let filter = Filter { sort, limit: 3, words, ..queue() };
            let page = |after: Option<&MessageId>, before: Option<&MessageId>| {
                let filter = Filter { after: after.cloned(), before: before.cloned(), ..filter.clone() };
                desk.read(|conn| list::page(conn, &rita, &filter))
            };
            let first = page(None, None);
            assert_eq!((ids(&first.rows).as_slice(), first.earlier, first.later), (&order[..3], false, true), "{sort}");
            let second = page(Some(&order[2]), None);
            assert_eq!((ids(&second.rows).as_slice(), second.earlier, second.later), (&order[3..6], true, true), "{sort}");
            let third = page(Some(&order[5]), None);
            assert_eq!((ids(&third.rows).as_slice(), third.earlier, third.later), (&order[6..], true, false), "{sort}");
            let back = page(None, Some(&order[6]));
            assert_eq!((ids(&back.rows).as_slice(), back.earlier, back.later), (&order[3..6], true, true), "{sort}");
            let start = page(None, Some(&order[3]));
            assert_eq!((ids(&start.rows).as_slice(), start.earlier, start.later), (&order[..3], false, true), "{sort}");
        }
    }
}

#[actix_web::test]
async fn however_messages_are_spread_over_mailboxes_their_order_is_one() {
    let desk = Desk::new().await;
    let id = held(&desk, Mode::GatedAll, "a@example.com", json!({})).await;
    copies(&desk, &id, 79);
    let all = listed(&desk, &OPERATOR, &Filter { limit: 100, ..queue() });
    let mailboxes = desk.read(|conn| mailboxes::list(conn, &OPERATOR));
    // A long run in one mailbox, then in turns, one mailbox almost empty; some at the same time.
    for (place, id) in all.iter().enumerate() {
        let mailbox = &mailboxes[if place < 40 { 0 } else { [0, 1, 1, 2, 3, 0, 2][place * place / 30 % 7] }].id;
        let at = 1_000_000 + place / 3;
        sql(&desk, &format!("UPDATE messages SET mailbox_id = '{mailbox}', submitted_at = {at}, expires_at = {at} WHERE id = '{id}'"));
    }
    sql(&desk, &format!("UPDATE messages SET mailbox_id = '{}' WHERE id = '{}'", mailboxes[4].id, all[70]));
    let rita = desk.person("Rita");
    for sort in Sort::ALL {
        for states in [vec![State::Pending], vec![]] {
            let whole = listed(&desk, &OPERATOR, &Filter { sort: *sort, states: states.clone(), limit: 100, ..queue() });
            assert_eq!(whole.len(), 80);
            for limit in [1, 2, 3, 7, 20, 50, 79, 80, 100] {
                let filter = Filter { sort: *sort, states: states.clone(), limit, ..queue() };
                let mut walked: Vec<MessageId> = vec![];
                loop {
                    let page = desk.read(|conn| list::page(conn, &rita, &Filter { after: walked.last().cloned(), ..filter.clone() }));
                    walked.extend(ids(&page.rows));
                    if !page.later {
                        break;
                    }
                }
                assert_eq!(walked, whole, "{sort} {limit}");
                let back = listed(&desk, &rita, &Filter { before: Some(whole[60].clone()), ..filter });
                assert_eq!(back, whole[60 - limit.min(60)..60], "{sort} {limit}");
            }
        }
    }
}

#[actix_web::test]
async fn a_common_word_is_found_in_a_large_view_as_in_a_small_one() {
    let desk = Desk::new().await;
    let id = held(&desk, Mode::GatedAll, "a@example.com", json!({"text_body": "A common thing."})).await;
    let other = held(&desk, Mode::GatedSend, "b@example.com", json!({"text_body": "A common thing.", "tags": ["vip"]})).await;
    let rare = held(&desk, Mode::GatedSend, "c@example.com", json!({"text_body": "A rare thing."})).await;
    copies(&desk, &id, 2100);
    let third = held(&desk, Mode::Monitored, "d@example.com", json!({"text_body": "A common thing.", "campaign": "first"})).await;
    copies(&desk, &third, 99);
    let middle = only_in(&desk, &desk.person("Rita"), Mode::Monitored);
    let (rita, few) = (desk.person("Rita"), only_in(&desk, &desk.person("Rita"), Mode::GatedSend));
    for sort in Sort::ALL {
        let filter = |words: &str| Filter { sort: *sort, words: Some(words.into()), limit: 3000, ..queue() };
        assert_eq!(listed(&desk, &few, &filter("common")), std::slice::from_ref(&other), "{sort}");
        assert_eq!(listed(&desk, &few, &filter("thing")).len(), 2);
        assert_eq!(listed(&desk, &rita, &filter("rare")), std::slice::from_ref(&rare));
        let (many, all) = (listed(&desk, &rita, &filter("common")), listed(&desk, &OPERATOR, &filter("common")));
        assert_eq!((many.len(), many == all), (2202, true), "{sort}");
        let (found, whole) = (listed(&desk, &middle, &filter("common")), listed(&desk, &middle, &Filter { words: None, ..filter("") }));
        assert_eq!((found.len(), found == whole), (100, true), "{sort}");
        assert!(listed(&desk, &middle, &filter("common rare")).is_empty());
        assert_eq!(listed(&desk, &rita, &Filter { tag: Some("vip".into()), ..filter("comm thin") }), std::slice::from_ref(&other));
        let around = desk.read(|conn| Ok(ids(&list::around(conn, &rita, &filter("common"), &many[1000], 3)?)));
        assert_eq!(around, many[999..1002], "{sort}");
        let around = desk.read(|conn| Ok(ids(&list::around(conn, &few, &filter("common"), &rare, 3)?)));
        assert_eq!(around, std::slice::from_ref(&other), "{sort}");
    }
}

#[actix_web::test]
async fn a_cursor_that_is_gone_or_out_of_reach_leads_to_the_first_page() {
    let desk = Desk::new().await;
    let made = several(&desk, 2).await;
    let foreign = held(&desk, Mode::GatedSend, "b@example.com", json!({})).await;
    let rita = only_in(&desk, &desk.person("Rita"), Mode::GatedAll);
    for sort in Sort::ALL {
        for words in [None, Some("example".to_owned())] {
            let first = listed(&desk, &rita, &Filter { sort: *sort, words: words.clone(), ..queue() });
            assert_eq!(first.len(), 2);
            for cursor in [foreign.clone(), MessageId::new(), MessageId::from("'; -- "), MessageId::from("\0")] {
                let filter = Filter { sort: *sort, words: words.clone(), after: Some(cursor.clone()), ..queue() };
                assert_eq!(listed(&desk, &rita, &filter), first, "{sort} {cursor}");
                let filter = Filter { after: None, before: Some(cursor), ..filter };
                assert_eq!(listed(&desk, &rita, &filter), first);
            }
        }
    }
    // One that was decided meanwhile keeps its place.
    sql(&desk, &format!("UPDATE messages SET state = 'rejected' WHERE id = '{}'", made[0]));
    for sort in [Sort::Oldest, Sort::Expiring] {
        assert_eq!(listed(&desk, &rita, &Filter { sort, after: Some(made[0].clone()), ..queue() }), [made[1].clone()]);
    }
}

#[actix_web::test]
async fn each_filter_leaves_what_it_says() {
    let desk = Desk::new().await;
    let made = several(&desk, 4).await;
    let there = held(&desk, Mode::GatedSend, "other@example.com", json!({"campaign": "winback", "tags": ["vip"]})).await;
    let (rita, rob) = (desk.person("Rita"), desk.person("Rob"));
    let (now, day) = (desk.now(), 24 * 3_600_000_000_i64);
    sql(&desk, &format!("UPDATE messages SET assignee_id = '{}' WHERE id = '{}'", rita.id(), made[0]));
    sql(&desk, &format!("UPDATE messages SET assignee_id = '{}' WHERE id = '{}'", rob.id(), made[1]));
    sql(&desk, &format!("UPDATE messages SET claims_open = 2, origin = 'model' WHERE id = '{}'", made[2]));
    sql(&desk, &format!("UPDATE messages SET submitted_at = {} WHERE id = '{}'", now.micros() - 3 * day, made[1]));
    sql(&desk, &format!("UPDATE messages SET submitted_at = {} WHERE id = '{}'", now.micros() - day - 1_000_000, made[2]));
    sql(&desk, &format!("UPDATE messages SET expires_at = {} WHERE id = '{}'", now.micros() + day / 2, made[3]));
    sql(&desk, &format!("INSERT INTO message_snoozes (user_id, message_id, until) VALUES ('{}', '{}', {})", rita.id(), made[3], now.micros() + day));
    sql(&desk, &format!("INSERT INTO message_snoozes (user_id, message_id, until) VALUES ('{}', '{}', {})", rita.id(), made[0], now.micros() - day));
    for (comment, to) in [("c1", &rita), ("c2", &rita), ("c3", &rob)] {
        sql(
            &desk,
            &format!(
                "INSERT INTO message_comments (id, message_id, author_id, author_name, body, created_at) VALUES ('{comment}', '{}', '{}', 'Rob', '@Rita', 1)",
                made[1],
                rob.id()
            ),
        );
        sql(&desk, &format!("INSERT INTO message_mentions (comment_id, user_id, message_id) VALUES ('{comment}', '{}', '{}')", to.id(), made[1]));
    }
    let all: Vec<usize> = vec![0, 1, 2, 3, 4];
    let mailbox = desk.read(|conn| Ok(messages::get(conn, &OPERATOR, &there)?.row.mailbox_id));
    let contact = desk.read(|conn| Ok(messages::get(conn, &OPERATOR, &made[2])?.row.contact_id));
    let cases: Vec<(&str, Filter, Vec<usize>)> = vec![
        ("all", queue(), all.clone()),
        ("rita's", Filter { assignee: Some(Assignee::User(user_id(&rita))), ..queue() }, vec![0]),
        ("nobody's", Filter { assignee: Some(Assignee::Nobody), ..queue() }, vec![2, 3, 4]),
        ("open", Filter { claims: Some(Claims::Open), ..queue() }, vec![2]),
        ("clean", Filter { claims: Some(Claims::Clean), ..queue() }, vec![0, 1, 3, 4]),
        ("model", Filter { origin: Some(Origin::Model), ..queue() }, vec![2]),
        ("over two days", Filter { older_than: Some(now.plus_days(-2)), ..queue() }, vec![1]),
        ("one to two days", Filter { older_than: Some(now.plus_days(-1)), newer_than: Some(now.plus_days(-2)), ..queue() }, vec![2]),
        ("under a day", Filter { newer_than: Some(now.plus_days(-1)), ..queue() }, vec![0, 3, 4]),
        ("lapses", Filter { expires_before: Some(now.plus_days(1)), ..queue() }, vec![3]),
        ("lapses, in that order", Filter { expires_before: Some(now.plus_days(1)), sort: Sort::Expiring, ..queue() }, vec![3]),
        ("not put off", Filter { snoozes: Snoozes::Hidden(now), ..queue() }, vec![0, 1, 2, 4]),
        ("put off", Filter { snoozes: Snoozes::Only(now), ..queue() }, vec![3]),
        ("mentions", Filter { mentions: Some(user_id(&rita)), ..queue() }, vec![1]),
        ("mentions that lapse", Filter { mentions: Some(user_id(&rita)), sort: Sort::Expiring, ..queue() }, vec![1]),
        ("mentions of nobody", Filter { mentions: Some(UserId::new()), ..queue() }, vec![]),
        ("campaign", Filter { campaign: Some("winback".into()), ..queue() }, vec![4]),
        ("tag", Filter { tag: Some("vip".into()), ..queue() }, vec![4]),
        ("tag and words", Filter { tag: Some("vip".into()), words: Some("other".into()), ..queue() }, vec![4]),
        ("tag and other words", Filter { tag: Some("vip".into()), words: Some("n1".into()), ..queue() }, vec![]),
        ("mailbox", Filter { mailbox: Some(mailbox.clone()), ..queue() }, vec![4]),
        ("contact", Filter { contact: Some(contact), ..queue() }, vec![2]),
        ("ids", Filter { ids: Some(vec![made[3].clone(), made[1].clone(), MessageId::new()]), ..queue() }, vec![1, 3]),
        ("a campaign that cannot be", Filter { campaign: Some("win\0back".into()), tag: Some("\0".into()), ..queue() }, vec![]),
        ("no ids", Filter { ids: Some(vec![]), ..queue() }, vec![]),
        ("any state", Filter { states: vec![], ..queue() }, all.clone()),
        ("two states", Filter { states: vec![State::Sent, State::Pending], ..queue() }, all),
        ("another state", Filter { states: vec![State::Sent], ..queue() }, vec![]),
        ("what never lapses", Filter { states: vec![State::Sent], sort: Sort::Expiring, ..queue() }, vec![]),
        ("together", Filter { mailbox: Some(mailbox), assignee: Some(Assignee::Nobody), claims: Some(Claims::Clean), ..queue() }, vec![4]),
    ];
    let wanted: Vec<MessageId> = made.iter().cloned().chain([there]).collect();
    // Two of them were submitted long before, and so come first.
    let order = [1, 2, 0, 3, 4];
    for (name, filter, places) in cases {
        let expected: Vec<MessageId> = order.iter().filter(|place| places.contains(place)).map(|place| wanted[*place].clone()).collect();
        assert_eq!(listed(&desk, &rita, &filter), expected, "{name}");
    }
    // Rob put nothing off, and a key never does.
    assert_eq!(listed(&desk, &rob, &Filter { snoozes: Snoozes::Hidden(now), ..queue() }).len(), 5);
    assert!(listed(&desk, &rob, &Filter { snoozes: Snoozes::Only(now), ..queue() }).is_empty());
    assert!(listed(&desk, &OPERATOR, &Filter { snoozes: Snoozes::Only(now), ..queue() }).is_empty());
    let mut rows = desk.read(|conn| Ok(list::list(conn, &rita, &queue())?.0));
    rows.sort_by_key(|row| row.id.clone());
    assert_eq!((rows[0].assignee.as_deref(), rows[1].comments, rows[2].comments), (Some("Rita"), Some(3), Some(0)));
    assert_eq!((rows[3].snoozed_until, rows[4].snoozed_until), (Some(Time::from_micros(now.micros() + day)), None));
    assert!(rows.iter().all(|row| row.author_kind == "key" && row.expires_at.is_some()));
}

#[actix_web::test]
async fn a_reviewer_sees_only_their_mailboxes_in_every_list() {
    let desk = Desk::new().await;
    let mine = held(&desk, Mode::GatedAll, "a@example.com", json!({"campaign": "ours", "tags": ["both"]})).await;
    let foreign = held(&desk, Mode::GatedSend, "b@example.com", json!({"campaign": "theirs", "tags": ["both"]})).await;
    let rita = only_in(&desk, &desk.person("Rita"), Mode::GatedAll);
    let theirs = desk.read(|conn| Ok(messages::get(conn, &OPERATOR, &foreign)?.row.mailbox_id));
    for filter in [
        queue(),
        Filter { sort: Sort::Expiring, ..queue() },
        Filter { states: vec![], ..queue() },
        Filter { tag: Some("both".into()), ..queue() },
        Filter { words: Some("example".into()), ..queue() },
        Filter { assignee: Some(Assignee::Nobody), ..queue() },
        Filter { ids: Some(vec![mine.clone(), foreign.clone()]), ..queue() },
    ] {
        assert_eq!(listed(&desk, &rita, &filter), std::slice::from_ref(&mine));
        let around = desk.read(|conn| list::around(conn, &rita, &filter, &mine, 9));
        assert_eq!(ids(&around), std::slice::from_ref(&mine));
        assert_eq!(desk.read(|conn| list::neighbours(conn, &rita, &filter, &mine)), (None, None));
        assert_eq!(desk.read(|conn| list::neighbours(conn, &rita, &filter, &foreign)), (None, None));
    }
    assert!(listed(&desk, &rita, &Filter { mailbox: Some(theirs), ..queue() }).is_empty());
    assert!(listed(&desk, &rita, &Filter { campaign: Some("theirs".into()), ..queue() }).is_empty());
    assert_eq!(desk.read(|conn| list::campaigns(conn, &rita)), ["ours"]);
    assert_eq!(desk.read(|conn| list::campaigns(conn, &OPERATOR)), ["ours", "theirs"]);
    assert_eq!(desk.read(|conn| list::count_pending(conn, &rita)).to_string(), "1");
    let mut nowhere = rita.clone();
    if let Actor::User { mailboxes, .. } = &mut nowhere {
        *mailboxes = Mailboxes::These(vec![]);
    }
    assert!(listed(&desk, &nowhere, &queue()).is_empty());
    assert!(desk.read(|conn| list::count_pending(conn, &nowhere)).is_none());
    assert!(desk.read(|conn| list::campaigns(conn, &nowhere)).is_empty());
}

#[actix_web::test]
async fn the_campaigns_of_the_filter_are_kept_when_a_message_is_submitted() {
    let desk = Desk::new().await;
    for (to, campaign) in [("a@example.com", "spring"), ("b@example.com", "autumn"), ("c@example.com", "spring")] {
        held(&desk, Mode::GatedAll, to, json!({"campaign": campaign})).await;
    }
    held(&desk, Mode::GatedSend, "d@example.com", json!({"campaign": "spring"})).await;
    assert_eq!(desk.read(|conn| list::campaigns(conn, &OPERATOR)), ["autumn", "spring"]);
    assert_eq!(desk.read(|conn| list::campaigns(conn, &desk.person("Rita"))), ["autumn", "spring"]);
}

fn found(desk: &Desk, words: &str) -> Vec<MessageId> {
    listed(desk, &OPERATOR, &Filter { words: Some(words.into()), ..queue() })
}

#[actix_web::test]
async fn a_search_finds_the_beginnings_of_words_in_recipient_subject_and_body() {
    let desk = Desk::new().await;
    let body = |subject: &str, text: &str| json!({"subject": subject, "text_body": text});
    let mara = held(&desk, Mode::GatedAll, "maraqu@example.com", body("Your parcels", "We shipped order sync. It costs 48,210 in total.")).await;
    let contact = json!({"email": "j.oneill+x@test.example", "name": "Jürgen O'Neill-Smith"});
    assert!(desk.call(&desk.agent, "POST", "/v1/contacts", contact).await.0 < 300);
    let words = body("Ärger mit ÉTIQUETTES", "Наша новая метка готова; l'été revient.");
    let juergen = held(&desk, Mode::GatedAll, "j.oneill+x@test.example", words).await;
    let (first, second, both) = (vec![mara.clone()], vec![juergen.clone()], vec![mara.clone(), juergen.clone()]);
    for (words, expected) in [
        ("mara", &first),
        ("MARAQU@example", &first),
        ("maraqu@example.com", &first),
        ("par", &first),
        ("sync ship", &first),
        ("48,210", &first),
        ("48 21", &first),
        ("jürgen", &second),
        ("JÜRGEN", &second),
        ("o'neill", &second),
        ("smi jür", &second),
        ("ärger étiq", &second),
        ("метк", &second),
        ("l'été", &second),
        ("j.oneill+x@test.example", &second),
        ("exam", &both),
        ("e x", &second),
        ("", &both),
        ("  ", &both),
        (" .,;!\"'*&|()-:<> ", &vec![]),
        ("jurgen", &vec![]),
        ("arcels", &vec![]),
        ("mara jürgen", &vec![]),
        ("parcelsx", &vec![]),
    ] {
        assert_eq!(&found(&desk, words), expected, "{words}");
    }
}

#[actix_web::test]
async fn what_is_searched_for_is_never_syntax() {
    let desk = Desk::new().await;
    let id = held(&desk, Mode::GatedAll, "a@example.com", json!({"text_body": "near and or not the words"})).await;
    for words in [
        "NEAR(words the)",
        "near AND words",
        "words OR nothing",
        "NOT words",
        "\"the words\"",
        "word*",
        "^near",
        "words:*",
        "-words",
        "{words}: near",
    ] {
        let expected = if words.contains("nothing") { vec![] } else { vec![id.clone()] };
        assert_eq!(found(&desk, words), expected, "{words}");
    }
    for words in [
        "\"",
        "'",
        "a\" OR \"b",
        "' || 'x",
        "$1",
        "?",
        "%",
        "_",
        "\\",
        "message_index MATCH 'a'",
        "\u{0}near",
        "near\u{301}",
        "नमस्ते",
        "𝔘𝔫𝔦 𓀀",
        "words:near",
        "!!",
        "a & ! b",
        "<->",
    ] {
        let filter = Filter { words: Some(words.into()), ..queue() };
        assert!(desk.state.db.read(|conn| list::list(conn, &OPERATOR, &filter)).is_ok(), "{words}");
    }
    let long = desk.state.db.read(|conn| list::list(conn, &OPERATOR, &Filter { words: Some("w".repeat(201)), ..queue() })).unwrap_err();
    assert_eq!(long.code, "search_too_long");
    let many =
        desk.state.db.read(|conn| list::list(conn, &OPERATOR, &Filter { words: Some("a b c d e f g h i j k".into()), ..queue() })).unwrap_err();
    assert_eq!((many.code, many.field.as_deref()), ("search_too_long", Some("q")));
}

/// The index of SQLite answers a word that it reads as two with an error.
#[actix_web::test]
async fn no_letter_of_any_script_breaks_a_search() {
    let desk = Desk::new().await;
    held(&desk, Mode::GatedAll, "a@example.com", json!({})).await;
    let letters: Vec<char> = ('\u{80}'..=char::MAX).filter(|c| c.is_alphanumeric()).collect();
    let broken = desk.read(|conn| {
        let mut breaks = |words: String| list::list(conn, &OPERATOR, &Filter { words: Some(words), ..queue() }).is_err_and(|e| e.code == "internal");
        let mut broken: Vec<u32> = vec![];
        // Ten words at a time, each with the letter inside; "a" and "b" are two of them where it parts words.
        for some in letters.chunks(8) {
            if breaks(some.iter().map(|c| format!("a{c}b ")).collect()) {
                broken.extend(some.iter().filter(|c| breaks(format!("a{c}b"))).map(|c| u32::from(*c)));
            }
        }
        Ok(broken)
    });
    assert!(letters.len() > 100_000 && broken.is_empty(), "{broken:x?}");
}

#[actix_web::test]
async fn a_search_looks_at_the_current_words_alone() {
    let desk = Desk::new().await;
    let first = held(&desk, Mode::GatedAll, "a@example.com", json!({"text_body": "An early draft about parcels."})).await;
    let second = held(&desk, Mode::GatedAll, "b@example.com", json!({"text_body": "Nothing but parcels."})).await;
    let rita = desk.person("Rita");
    let words = Words { subject: "A later one".into(), text: Some("Now it is about invoices.".into()), html: None };
    desk.write(|conn| messages::edit::edit(conn, &rita, &first, &words, None, countersign::clock::now())).unwrap();
    assert!(found(&desk, "early").is_empty());
    assert_eq!(found(&desk, "parcels"), std::slice::from_ref(&second));
    assert_eq!(found(&desk, "invoices"), std::slice::from_ref(&first));
    let words = Words { text: Some("Now it is about refunds.".into()), ..words };
    desk.write(|conn| messages::edit::edit(conn, &rita, &first, &words, None, countersign::clock::now())).unwrap();
    assert!(found(&desk, "invoices").is_empty());
    // The edited one keeps its place.
    assert_eq!(found(&desk, "example"), [first.clone(), second.clone()]);
    desk.read(|conn| {
        if let Conn::Sqlite(inner) = conn {
            diesel::sql_query("DELETE FROM sessions").execute(inner)?;
            diesel::sql_query("VACUUM").execute(inner)?;
            diesel::sql_query("INSERT INTO message_index (message_index, rank) VALUES ('integrity-check', 1)").execute(inner)?;
            diesel::sql_query("INSERT INTO message_index (message_index) VALUES ('rebuild')").execute(inner)?;
        }
        Ok(())
    });
    assert_eq!(found(&desk, "refunds"), [first]);
    assert_eq!(found(&desk, "parcels"), [second]);
}

#[actix_web::test]
async fn the_rows_around_an_open_message_fill_the_pane() {
    let desk = Desk::new().await;
    let made = several(&desk, 9).await;
    let rita = desk.person("Rita");
    let around = |filter: &Filter, place: usize, n| desk.read(|conn| Ok(ids(&list::around(conn, &rita, filter, &made[place], n)?)));
    for filter in [queue(), Filter { words: Some("hello".into()), ..queue() }, Filter { sort: Sort::Expiring, ..queue() }] {
        assert_eq!(around(&filter, 4, 5), made[2..7]);
        assert_eq!(around(&filter, 0, 5), made[..5]);
        assert_eq!(around(&filter, 7, 5), made[4..]);
        assert_eq!(around(&filter, 8, 20), made);
        assert_eq!(around(&filter, 3, 1), made[3..4]);
        let sides = |place: usize| desk.read(|conn| list::neighbours(conn, &rita, &filter, &made[place]));
        assert_eq!(sides(4), (Some(made[3].clone()), Some(made[5].clone())));
        assert_eq!(sides(0), (None, Some(made[1].clone())));
        assert_eq!(sides(8), (Some(made[7].clone()), None));
    }
    let newest = Filter { sort: Sort::Newest, ..queue() };
    assert_eq!(around(&newest, 4, 3), [made[5].clone(), made[4].clone(), made[3].clone()]);
    assert_eq!(desk.read(|conn| list::neighbours(conn, &rita, &newest, &made[4])), (Some(made[5].clone()), Some(made[3].clone())));
    // One that no longer belongs to the list still has a place in it.
    sql(&desk, &format!("UPDATE messages SET state = 'rejected' WHERE id = '{}'", made[4]));
    assert_eq!(around(&queue(), 4, 4), [&made[2..4], &made[5..7]].concat());
    assert_eq!(desk.read(|conn| list::neighbours(conn, &rita, &queue(), &made[4])), (Some(made[3].clone()), Some(made[5].clone())));
    // One that is not there shows the beginning.
    assert_eq!(desk.read(|conn| Ok(ids(&list::around(conn, &rita, &queue(), &MessageId::new(), 2)?))), made[..2]);
}

#[actix_web::test]
async fn the_next_one_to_decide_is_not_taken_and_not_the_deciders_own() {
    let desk = Desk::new().await;
    let made = several(&desk, 5).await;
    let (rita, rob) = (desk.person("Rita"), desk.person("Rob"));
    let now = desk.now();
    let next = |actor: &Actor, filter: &Filter, after: usize| desk.read(|conn| list::next_pending(conn, actor, filter, &made[after], now));
    assert_eq!(next(&rita, &queue(), 0), Some(made[1].clone()));
    assert_eq!(next(&rita, &queue(), 4), Some(made[0].clone()));
    assert_eq!(next(&rita, &Filter { sort: Sort::Newest, ..queue() }, 3), Some(made[2].clone()));
    let take = |place: usize, by: &Actor, until: i64| {
        sql(
            &desk,
            &format!(
                "INSERT INTO message_readers (message_id, user_id, user_name, seen_at, taken_until) VALUES ('{}', '{}', 'x', 1, {})",
                made[place],
                by.id(),
                now.micros() + until
            ),
        );
    };
    take(1, &rob, 1_000_000);
    take(2, &rob, -1_000_000);
    assert_eq!(next(&rita, &queue(), 0), Some(made[2].clone()));
    assert_eq!(next(&rob, &queue(), 0), Some(made[1].clone()));
    // What Rita wrote or edited is no work for her while four eyes are on.
    sql(&desk, &format!("UPDATE messages SET editor_kind = 'user', editor_id = '{}' WHERE id = '{}'", rita.id(), made[2]));
    sql(&desk, &format!("UPDATE messages SET author_kind = 'user', author_id = '{}' WHERE id = '{}'", rita.id(), made[3]));
    assert_eq!(next(&rita, &queue(), 0), Some(made[4].clone()));
    assert_eq!(next(&rob, &queue(), 1), Some(made[2].clone()));
    // Only what she cannot take is left: still one of these, and never the one she comes from.
    sql(&desk, &format!("UPDATE messages SET state = 'rejected' WHERE id IN ('{}', '{}')", made[0], made[4]));
    assert_eq!(next(&rita, &queue(), 2), Some(made[3].clone()));
    assert_eq!(next(&rita, &queue(), 3), Some(made[1].clone()));
    desk.write(|conn| settings::set(conn, settings::FOUR_EYES, "off")).unwrap();
    assert_eq!(next(&rita, &queue(), 0), Some(made[2].clone()));
    let filter = Filter { words: Some("n4".into()), ..queue() };
    assert_eq!(next(&rob, &filter, 0), Some(made[3].clone()));
    assert_eq!(next(&rob, &filter, 3), None);
}

#[actix_web::test]
async fn the_number_of_waiting_messages_ends_at_a_thousand() {
    let desk = Desk::new().await;
    let id = held(&desk, Mode::GatedAll, "a@example.com", json!({})).await;
    let rita = desk.person("Rita");
    copies(&desk, &id, 998);
    let count = |actor: &Actor| desk.read(|conn| list::count_pending(conn, actor));
    assert_eq!((count(&rita).to_string(), count(&OPERATOR).to_string()), ("999".to_owned(), "999".to_owned()));
    copies(&desk, &id, 1);
    assert_eq!((count(&rita).to_string(), count(&rita).is_more()), ("1,000".to_owned(), false));
    copies(&desk, &id, 1);
    assert_eq!((count(&rita).to_string(), count(&OPERATOR).to_string()), ("1,000+".to_owned(), "1,000+".to_owned()));
    assert_eq!((count(&rita).number(), count(&rita).is_more()), (1000, true));
}

/// How SQLite would walk for each statement of `work`.
fn plans(desk: &Desk, work: impl FnOnce(&mut Conn)) -> Vec<(String, Vec<String>)> {
    #[derive(QueryableByName)]
    struct Step {
        #[diesel(sql_type = diesel::sql_types::Text)]
        detail: String,
    }
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    desk.read(|conn| {
        let Conn::Sqlite(inner) = conn else { return Ok(vec![]) };
        let log = Arc::clone(&seen);
        inner.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::StartQuery { query, .. } = event {
                log.lock().unwrap().push(query.to_string());
            }
        });
        work(conn);
        let Conn::Sqlite(inner) = conn else { return Ok(vec![]) };
        inner.set_instrumentation(|_: InstrumentationEvent<'_>| {});
        let statements = seen.lock().unwrap().clone();
        Ok(statements
            .into_iter()
            .map(|text| {
                let bare = text.split(" -- binds").next().unwrap().to_owned();
                let steps = diesel::sql_query(format!("EXPLAIN QUERY PLAN {bare}")).load::<Step>(inner).unwrap();
                (bare, steps.into_iter().map(|step| step.detail).collect())
            })
            .collect())
    })
}

#[actix_web::test]
async fn every_view_of_the_queue_walks_along_an_index_and_sorts_nothing() {
    let desk = Desk::new().await;
    let made = several(&desk, 3).await;
    let admin = desk.person("Ada");
    let all = desk.person("Rita");
    let one = only_in(&desk, &all, Mode::GatedAll);
    let now = desk.now();
    let me = user_id(&all);
    let views = [
        ("queue", queue()),
        ("without what was put off", Filter { snoozes: Snoozes::Hidden(now), ..queue() }),
        ("newest", Filter { sort: Sort::Newest, ..queue() }),
        ("expiring", Filter { sort: Sort::Expiring, ..queue() }),
        ("expiring soon", Filter { sort: Sort::Expiring, expires_before: Some(now.plus_days(1)), ..queue() }),
        ("mailbox", Filter { mailbox: Some(MailboxId::new()), ..queue() }),
        ("mailbox, expiring", Filter { mailbox: Some(MailboxId::new()), sort: Sort::Expiring, ..queue() }),
        ("campaign", Filter { campaign: Some("winback".into()), ..queue() }),
        ("tag", Filter { tag: Some("vip".into()), ..queue() }),
        ("for me", Filter { assignee: Some(Assignee::User(me.clone())), snoozes: Snoozes::Hidden(now), ..queue() }),
        ("nobody's", Filter { assignee: Some(Assignee::Nobody), ..queue() }),
        ("mentions", Filter { mentions: Some(me.clone()), ..queue() }),
        ("put off", Filter { snoozes: Snoozes::Only(now), ..queue() }),
        ("claims", Filter { claims: Some(Claims::Open), ..queue() }),
        ("age", Filter { older_than: Some(now), newer_than: Some(now), ..queue() }),
        ("search", Filter { words: Some("hello you".into()), ..queue() }),
        ("newest found", Filter { words: Some("hello".into()), sort: Sort::Newest, ..queue() }),
        ("everything", Filter { sort: Sort::Newest, ..Filter::default() }),
        ("sent", Filter { states: vec![State::Sent], sort: Sort::Newest, ..Filter::default() }),
    ];
    let mut walked = 0;
    // Statistics of a handful of rows speak for reading all of them, and the paths stay the same.
    for (actor, analysed) in [(&admin, false), (&all, false), (&one, false), (&admin, true), (&all, true), (&one, true)] {
        if analysed {
            sql(&desk, "ANALYZE");
        }
        for (name, filter) in &views {
            let seen = plans(&desk, |conn| {
                list::list(conn, actor, filter).unwrap();
                list::list(conn, actor, &Filter { after: Some(made[1].clone()), ..filter.clone() }).unwrap();
                list::list(conn, actor, &Filter { before: Some(made[1].clone()), ..filter.clone() }).unwrap();
                list::around(conn, actor, filter, &made[1], 30).unwrap();
                list::neighbours(conn, actor, filter, &made[1]).unwrap();
                list::next_pending(conn, actor, filter, &made[1], now).unwrap();
                list::count_pending(conn, actor).unwrap();
                list::campaigns(conn, actor).unwrap();
            });
            // Which rows are shown is found by then; three of three may well be read in a row.
            for (statement, steps) in seen.into_iter().filter(|(statement, _)| !analysed || !statement.starts_with("SELECT `")) {
                walked += 1;
                for step in steps {
                    let whole = *name == "everything" && step.starts_with("SCAN m USING INDEX messages_by_time");
                    let few = [
                        "SCAN message_index VIRTUAL TABLE",
                        "SCAN mailbox_campaigns USING COVERING INDEX",
                        "SCAN messages USING INDEX messages_waiting",
                    ];
                    let scans = step.starts_with("SCAN m") && !few.iter().any(|few| step.starts_with(few)) && !whole;
                    // One message, or the few that a table beside names for this person or tag.
                    let handful = statement.contains("m.id IN (") || statement.contains(" x CROSS JOIN messages m");
                    let sorts = step.contains("TEMP B-TREE") && !handful;
                    assert!(!scans && !sorts, "{name}: {step}\n{statement}");
                    let by_id = !statement.contains("m.id IN (") || !step.starts_with("SEARCH m ") || step.contains("(id=?)");
                    assert!(by_id, "{name}: {step}\n{statement}");
                }
                assert!(
                    !statement.contains("count(*)") || [" LIMIT 1001)", " LIMIT 2001)", " LIMIT 20001)"].iter().any(|end| statement.contains(end))
                );
            }
        }
    }
    assert!(walked > 500 || std::env::var("COUNTERSIGN_TEST_DATABASE_URL").is_ok(), "{walked}");
}

#[actix_web::test]
async fn what_waits_is_found_by_its_tag_from_the_oldest_of_all_that_wait_on() {
    let desk = Desk::new().await;
    let tagged = Filter { tag: Some("vip".into()), ..queue() };
    let mut made = vec![];
    for n in 1..=4 {
        made.push(held(&desk, Mode::GatedAll, &format!("n{n}@example.com"), json!({"tags": ["vip"]})).await);
    }
    sql(&desk, &format!("UPDATE messages SET state = 'sent' WHERE id = '{}'", made[0]));
    sql(&desk, &format!("UPDATE messages SET state = 'changes_requested' WHERE id = '{}'", made[1]));
    assert_eq!(listed(&desk, &OPERATOR, &tagged), made[2..]);
    assert_eq!(listed(&desk, &OPERATOR, &Filter { states: vec![State::ChangesRequested], ..tagged.clone() }), made[1..2]);
    assert_eq!(listed(&desk, &OPERATOR, &Filter { states: vec![], ..tagged.clone() }), made);
    let seen = plans(&desk, |conn| drop(list::list(conn, &OPERATOR, &tagged).unwrap()));
    let from_there = seen.iter().flat_map(|(_, steps)| steps).filter(|step| step.contains("message_tags_by_tag (tag=? AND message_id>?)")).count();
    assert!(from_there == 2 || !desk.state.db.is_a_file(), "{seen:?}");
    sql(&desk, "UPDATE messages SET state = 'sent'");
    assert!(listed(&desk, &OPERATOR, &tagged).is_empty());
}

#[actix_web::test]
async fn a_page_takes_the_same_number_of_statements_however_many_rows() {
    let desk = Desk::new().await;
    let id = held(&desk, Mode::GatedAll, "a@example.com", json!({})).await;
    let rita = desk.person("Rita");
    let statements = || plans(&desk, |conn| drop(list::list(conn, &rita, &queue()).unwrap())).len();
    let few = statements();
    copies(&desk, &id, 120);
    assert!(few <= 2 && statements() <= 3, "{few} {}", statements());
}

#[actix_web::test]
async fn the_api_searches_and_sorts_what_waits() {
    let desk = Desk::new().await;
    let made = several(&desk, 3).await;
    sql(&desk, &format!("UPDATE messages SET expires_at = 1 WHERE id = '{}'", made[1]));
    let ask = async |query: &str| {
        let (status, answer) = desk.call(&desk.oversight, "GET", &format!("/v1/oversight/pending{query}"), Value::Null).await;
        let ids: Vec<String> = answer["messages"].as_array().into_iter().flatten().map(|m| m["id"].as_str().unwrap().to_owned()).collect();
        (status, ids, answer)
    };
    let text = |places: &[usize]| places.iter().map(|place| made[*place].to_string()).collect::<Vec<_>>();
    assert_eq!(ask("").await.1, text(&[0, 1, 2]));
    assert_eq!(ask("?sort=newest").await.1, text(&[2, 1, 0]));
    assert_eq!(ask("?sort=expiring").await.1, text(&[1, 0, 2]));
    assert_eq!(ask("?q=n2").await.1, text(&[1]));
    assert_eq!(ask("?q=hello&sort=newest&limit=2").await.1, text(&[2, 1]));
    let (_, _, page) = ask("?sort=expiring&limit=2").await;
    let next = format!("?sort=expiring&limit=2&cursor={}", page["next_cursor"].as_str().unwrap());
    assert_eq!(ask(&next).await.1, text(&[2]));
    let (status, _, refused) = ask("?sort=best").await;
    assert_eq!((status, refused["code"].as_str()), (422, Some("field_invalid")), "{refused}");
    let (status, _, refused) = ask("?q=a+b+c+d+e+f+g+h+i+j+k").await;
    assert_eq!((status, refused["code"].as_str()), (422, Some("search_too_long")), "{refused}");
}

fn mine(desk: &Desk, name: &str) -> Vec<View> {
    let actor = desk.person(name);
    desk.read(|conn| views::list(conn, &actor))
}

fn new_view(name: &str, shared: bool) -> NewView {
    NewView { name: name.into(), query: "claims=open".into(), shared }
}

#[actix_web::test]
async fn a_view_is_kept_for_oneself_or_shared_with_everybody() {
    let desk = Desk::new().await;
    let (rita, rob, ada) = (desk.person("Rita"), desk.person("Rob"), desk.person("Ada"));
    let now = desk.now();
    let own = desk.write(|conn| views::save(conn, &rita, &new_view("mine", false), now)).unwrap();
    let shared = desk.write(|conn| views::save(conn, &rita, &new_view(" for all ", true), now)).unwrap();
    let names = |name: &str| mine(&desk, name).iter().map(|view| (view.name.clone(), view.mine, view.deletable)).collect::<Vec<_>>();
    assert_eq!(names("Rita"), [("for all".to_owned(), true, true), ("mine".to_owned(), true, true)]);
    assert_eq!(names("Rob"), [("for all".to_owned(), false, false)]);
    assert_eq!(names("Ada"), [("for all".to_owned(), false, true)]);
    assert_eq!(mine(&desk, "Rob")[0].owner_name, "Rita");
    let refused = |work: &dyn Fn(&mut Conn) -> countersign::domain::error::Result<()>| desk.write(|conn| work(conn)).unwrap_err().code;
    assert_eq!(refused(&|conn| views::change(conn, &rob, &shared, "his", true, now)), "not_yours");
    assert_eq!(refused(&|conn| views::change(conn, &ada, &shared, "hers", true, now)), "not_yours");
    assert_eq!(refused(&|conn| views::delete(conn, &rob, &shared, now)), "not_yours");
    // What is not shared is not there for anybody else, whatever their role.
    assert_eq!(refused(&|conn| views::change(conn, &rob, &own, "his", true, now)), "not_found");
    assert_eq!(refused(&|conn| views::delete(conn, &ada, &own, now)), "not_found");
    assert_eq!(refused(&|conn| views::change(conn, &rita, &own, "for all", false, now)), "name_taken");
    desk.write(|conn| views::change(conn, &rita, &own, "mine", false, now)).unwrap();
    desk.write(|conn| views::change(conn, &rita, &own, "also for all", true, now)).unwrap();
    assert_eq!(names("Rob").len(), 2);
    desk.write(|conn| views::delete(conn, &ada, &shared, now)).unwrap();
    desk.write(|conn| views::delete(conn, &rita, &own, now)).unwrap();
    assert!(names("Rita").is_empty() && names("Rob").is_empty());
    let log = desk.read(|conn| crate::support::log_of(conn, &ada, Some(own.as_str()), 9));
    assert_eq!(log.iter().map(|line| line.action.as_str()).collect::<Vec<_>>(), ["view.delete", "view.change", "view.change", "view.save"]);
}

#[actix_web::test]
async fn views_are_few_and_hold_a_filter_and_nothing_else() {
    let desk = Desk::new().await;
    let rita = desk.person("Rita");
    let now = desk.now();
    let save = |new: NewView| desk.write(|conn| views::save(conn, &rita, &new, now)).map_err(|error| (error.code, error.field));
    let field = |name: &str| Some(name.to_owned());
    assert_eq!(save(new_view("  ", false)).unwrap_err(), ("field_invalid", field("name")));
    assert_eq!(save(new_view(&"ä".repeat(61), false)).unwrap_err(), ("field_invalid", field("name")));
    for query in ["a=\"><b>", "a=b c", "a=b#c", "//example.com", &"a".repeat(2001)] {
        assert_eq!(save(NewView { query: query.into(), ..new_view("odd", false) }).unwrap_err(), ("field_invalid", field("query")), "{query}");
    }
    save(new_view(&"ä".repeat(60), false)).unwrap();
    assert_eq!(save(new_view(&"ä".repeat(60), true)).unwrap_err(), ("name_taken", field("name")));
    for n in 1..views::MOST {
        save(new_view(&format!("view {n}"), false)).unwrap();
    }
    assert_eq!(save(new_view("one too many", false)).unwrap_err().0, "views_full");
    desk.write(|conn| views::save(conn, &desk.person("Rob"), &new_view("view 1", false), now)).unwrap();
    let key = desk.write(|conn| views::save(conn, &OPERATOR, &new_view("a key", false), now)).unwrap_err();
    assert_eq!(key.code, "person_required");
}

#[actix_web::test]
async fn a_view_is_saved_changed_and_deleted_on_the_page() {
    let desk = Desk::new().await;
    let mut browser = Browser::new(desk.app().await);
    browser.sign_in("rita").await;
    let page =
        browser.post("/account", "/views", &[("name", "Open"), ("query", "sort=newest&claims=open&after=x&page=9&q=+"), ("shared", "yes")]).await;
    assert_eq!((page.status, page.location.as_deref()), (303, Some("/queue?claims=open&sort=newest")), "{}", page.body);
    let kept = mine(&desk, "Rita");
    assert_eq!((kept[0].query.as_str(), kept[0].shared), ("claims=open&sort=newest", true));
    // A filter that no queue would take is not kept.
    let page = browser.post("/account", "/views", &[("name", "Odd"), ("query", "claims=some")]).await;
    assert!(page.status == 422 && page.body.contains("Claims must be one of open, clean"), "{}", page.body);
    let page = browser.post("/account", "/views", &[("name", ""), ("query", "claims=open")]).await;
    assert_eq!(page.status, 422);
    let at = format!("/views/{}", kept[0].id);
    let page = browser.post("/account", &at, &[("name", "Still open"), ("query", "claims=open")]).await;
    assert_eq!((page.status, page.location.as_deref()), (303, Some("/queue?claims=open")));
    assert_eq!((mine(&desk, "Rita")[0].name.as_str(), mine(&desk, "Rita")[0].shared), ("Still open", false));
    let mut other = Browser::new(desk.app().await);
    other.sign_in("rob").await;
    assert_eq!(other.post("/account", &format!("{at}/deletion"), &[]).await.status, 404);
    let page = browser.post("/account", &format!("{at}/deletion"), &[("query", "//evil.example")]).await;
    assert_eq!((page.status, page.location.as_deref()), (303, Some("/queue")));
    assert!(mine(&desk, "Rita").is_empty());
}

#[actix_web::test]
async fn the_tabs_say_which_view_is_looked_at_and_offer_to_save_a_new_one() {
    let desk = Desk::new().await;
    let (rita, rob) = (desk.person("Rita"), desk.person("Rob"));
    let now = desk.now();
    desk.write(|conn| views::save(conn, &rita, &new_view("Open", false), now)).unwrap();
    desk.write(|conn| views::save(conn, &rob, &new_view("Rob's", true), now)).unwrap();
    let tabs = |query: &str| desk.read(|conn| tabs(conn, &rita, &ListQuery::parse(query)));
    let current = |query: &str| tabs(query).tabs.into_iter().filter(|tab| tab.current).map(|tab| tab.name).collect::<Vec<_>>();
    assert_eq!(
        tabs("").tabs.iter().map(|tab| tab.name.as_str()).collect::<Vec<_>>(),
        ["Everything", "For me", "Mentions", "Snoozed", "Expiring", "Open", "Rob's"]
    );
    assert_eq!(current(""), ["Everything"]);
    assert_eq!(current("after=x"), ["Everything"]);
    assert_eq!(current("assignee=me"), ["For me"]);
    assert_eq!(current("claims=open&after=x"), ["Open"]);
    assert_eq!((current("q=a").len(), tabs("q=a&after=x").query.as_deref(), tabs("claims=open").query), (0, Some("q=a"), None));
    assert_eq!(tabs("").kept.len(), 1);
    assert_eq!(tabs("").tabs[6].by.as_deref(), Some("Rob"));
    // Each built-in tab is a filter that the queue takes.
    for tab in tabs("").tabs {
        let filter = ListQuery::parse(&tab.query).filter(&rita, now, true).unwrap();
        desk.read(|conn| list::list(conn, &rita, &filter));
    }
}
