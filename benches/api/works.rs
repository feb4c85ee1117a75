//! What is asked.

use std::sync::Arc;

use countersign::clock;
use countersign::db::Db;
use countersign::domain::actor::Scope;
use countersign::domain::keys::{self, NewKey};

use crate::drive::{Make, request};
use crate::fill::{FIRST, LAST, OPERATOR, Size, email, texts};

/// Requests of one kind.
pub struct Work {
    pub name: String,
    pub status: u16,
    /// Requests a second where the rate is fixed.
    pub rate: f64,
    pub make: Make,
}

/// A number of many that follows from n and looks like none.
fn drawn(n: usize, of: usize) -> usize {
    let mixed = (n as u64).wrapping_add(0x9E37_79B9_7F4A_7C15).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    ((mixed ^ (mixed >> 29)) % of as u64) as usize
}

pub fn all(db: &Db, size: Size) -> Vec<Work> {
    let key = |name: &str, scopes: &[Scope]| db.write(|conn| keys::add(conn, &OPERATOR, &NewKey::named(name, scopes), clock::now())).unwrap().1;
    let agent = key("agent", &[Scope::Read, Scope::Draft, Scope::Contacts, Scope::OversightRead]);
    let one = |sql: &str| db.read(|conn| Ok::<_, diesel::result::Error>(texts(conn, sql))).unwrap().remove(0);
    let people = usize::try_from(size.contacts).unwrap();
    let deep = one(&format!("SELECT id AS text FROM contacts ORDER BY id DESC LIMIT 1 OFFSET {}", size.contacts / 2));
    let waiting = |part: i64| {
        one(&format!("SELECT id AS text FROM messages WHERE state = 'pending' ORDER BY submitted_at, id LIMIT 1 OFFSET {}", size.pending * part / 10))
    };
    let (fifth, eighth) = (waiting(5), waiting(8));
    let mut works = vec![];
    let mut get = |name: &str, rate: f64, path: Box<dyn Fn(usize) -> String + Send + Sync>| {
        let agent = agent.clone();
        works.push(Work { name: name.into(), status: 200, rate, make: Arc::new(move |n| request("GET", &path(n), &agent, "")) });
    };
    let search = "/v1/contacts/search";
    get("search by address", 300.0, Box::new(move |n| format!("{search}?email={}", email(drawn(n, people)))));
    get(
        "search by first and last name",
        50.0,
        Box::new(move |n| format!("{search}?query={}+{}", FIRST[drawn(n, FIRST.len())], LAST[drawn(n + 7, LAST.len())])),
    );
    get("search by the beginning of a name", 300.0, Box::new(move |n| format!("{search}?query={}", &LAST[drawn(n, LAST.len())][..2])));
    get("search by part of an address", 300.0, Box::new(move |n| format!("{search}?query=shop{}", drawn(n, 5000))));
    get("search by words nobody has", 300.0, Box::new(move |n| format!("{search}?query=nobody{n}")));
    get("search all", 300.0, Box::new(move |_| search.to_owned()));
    let cursor = deep.clone();
    get("search all, page 25,000", 300.0, Box::new(move |_| format!("{search}?cursor={cursor}")));
    get("search by a common tag", 300.0, Box::new(move |_| format!("{search}?tags=customer")));
    get("search by a rare tag", 300.0, Box::new(move |_| format!("{search}?tags=vip")));
    get("search by two tags", 300.0, Box::new(move |_| format!("{search}?tags=customer,churned")));
    get("search by a tag without another", 300.0, Box::new(move |_| format!("{search}?tags=trial,-drip_step_1")));
    let cursor = deep.clone();
    get("search by a tag without another, nothing left", 10.0, Box::new(move |_| format!("{search}?tags=trial,-drip_step_1&cursor={cursor}")));
    let cursor = deep.clone();
    get("search by a tag, deep", 300.0, Box::new(move |_| format!("{search}?tags=customer,-churned&cursor={cursor}")));
    get(
        "search by name, tag, and without a tag",
        300.0,
        Box::new(move |n| format!("{search}?query={}&tags=customer,-unsubscribed", LAST[drawn(n, LAST.len())])),
    );
    let pending = "/v1/oversight/pending";
    get("pending", 150.0, Box::new(move |_| pending.to_owned()));
    get("pending, page 125", 150.0, Box::new(move |_| format!("{pending}?cursor={fifth}")));
    get("pending, page 200, newest first", 150.0, Box::new(move |_| format!("{pending}?sort=newest&cursor={eighth}")));
    get("pending of a mailbox", 150.0, Box::new(move |n| format!("{pending}?mailbox=box{:02}@sender.example", drawn(n, 8))));
    get("pending of a campaign", 150.0, Box::new(move |n| format!("{pending}?campaign=spring+{}", drawn(n, 40))));
    get("pending with a rare tag", 150.0, Box::new(move |_| format!("{pending}?tag=vip")));
    get("pending with a common tag", 150.0, Box::new(move |_| format!("{pending}?tag=campaign_spring")));
    get("pending with words", 150.0, Box::new(move |n| format!("{pending}?q={}", LAST[drawn(n, LAST.len())])));
    let run = clock::now().micros();
    let mut send = |name: &str, first_box: usize, more: &'static str, to: Box<dyn Fn(usize) -> String + Send + Sync>| {
        let agent = agent.clone();
        let make: Make = Arc::new(move |n| {
            let sender = first_box + drawn(n, 4);
            let body = format!(
                "{{\"from\": \"box{sender:02}@sender.example\", \"to\": \"{}\", \"subject\": \"Your label order {n}\"{more}, \"text_body\": \"Hello,\\n\\nthe labels you asked for are on their way. They fit the printer you have, and the report shows them by carrier.\\n\\nThe team\"}}",
                to(n)
            );
            request("POST", "/v1/send", &agent, &body)
        });
        works.push(Work { name: name.into(), status: 202, rate: 100.0, make });
    };
    // Of the known, those who did not unsubscribe.
    let known = move |n: usize| email(drawn(n, people / 50 - 1) * 50 + 1 + drawn(n, 48));
    send("send to somebody known, held", 0, "", Box::new(known));
    send("send to somebody new, held", 0, "", Box::new(move |n| format!("new{run}.{n}@fresh.example")));
    send("send to somebody known, of a campaign, autonomous", 12, ", \"campaign\": \"spring 7\", \"tags\": [\"campaign_spring\"]", Box::new(known));
    send("send to somebody new, autonomous", 12, "", Box::new(move |n| format!("other{run}.{n}@fresh.example")));
    works
}
