//! Odd texts: whatever comes in, the checker answers, and its places lie within the text.

use std::sync::Arc;

use jiff::civil::date;

use super::{Book, Ground, Part, check};
use crate::clock;
use crate::db::types::Json;
use crate::domain::facts::{Body, CompanyFact, ContactField, Fact, FieldValue, Offer, PlanPrice, ProductUpdate, State, TicketQuote};
use crate::domain::ids::FactId;
use crate::domain::money::Money;

fn fact(body: Body) -> Fact {
    let now = clock::now();
    Fact {
        id: FactId::new(),
        kind: body.kind(),
        fact_key: body.key(),
        contact_id: None,
        version: 1,
        content_hash: body.hash(),
        label: body.label(),
        body: Json::new(body),
        source: "test".to_owned(),
        state: State::Current,
        state_reason: None,
        day: None,
        recorded_by: "test".to_owned(),
        created_at: now,
        updated_at: now,
    }
}

fn ground() -> Ground {
    let text = |field: &str, value: &str| Body::ContactField(ContactField { field: field.to_owned(), value: FieldValue::Text(value.to_owned()) });
    let common = vec![
        fact(Body::Offer(Offer { name: "İstanbul".to_owned(), code: "BACK20".to_owned(), percent: Some(20), months: Some(3), ..Offer::default() })),
        fact(Body::PlanPrice(PlanPrice {
            name: "Größe".to_owned(),
            price: Money { minor: 7900, currency: "EUR".to_owned() },
            features: vec!["ſtraße sync".to_owned()],
        })),
        fact(Body::ProductUpdate(ProductUpdate {
            title: "Ünïcode export".to_owned(),
            summary: "It’s “free” — for €5.".to_owned(),
            shipped_on: date(2026, 3, 2),
            ..ProductUpdate::default()
        })),
        fact(Body::CompanyFact(CompanyFact { name: "team_size".to_owned(), value: "14".to_owned() })),
    ];
    let own = vec![
        fact(text("name", "Zoë O’Neil-Łukasz")),
        fact(text("plan", "Größe")),
        fact(Body::TicketQuote(TicketQuote { text: "naïve “quotes” are 30 % fun".to_owned(), said_on: None })),
    ];
    Ground {
        common: Arc::new(Book::new(common, vec![], None)),
        own: Some(Arc::new(Book::new(own, vec![], None))),
        reason: None,
        spent: vec![],
        addresses: vec![],
        today: date(2026, 11, 21),
        written: date(2026, 11, 21),
    }
}

const PIECES: &[&str] = &[
    "Hi Zoë,",
    "\n",
    "\n\n",
    " ",
    "\u{a0}",
    "\u{202f}",
    "\u{200b}",
    "\u{feff}",
    "\u{301}",
    "😀",
    "👩‍👩‍👧",
    "ß",
    "İ",
    "ſ",
    "“",
    "”",
    "\"",
    "«",
    "»",
    "’",
    "'",
    "-",
    "–",
    "—",
    ":",
    ";",
    ".",
    ",",
    "!",
    "?",
    "(",
    ")",
    "<",
    ">",
    "</",
    "<b>",
    "</b>",
    "<a href=",
    "\"https://a.test/é?x=1\"",
    "&amp;",
    "&#37;",
    "&",
    "<!--",
    "-->",
    "<script>",
    "20%",
    "20 %",
    "２０％",
    "half off",
    "€79",
    "79,00 €",
    "$1,000.50",
    "1.000,50 €",
    "99999999999999999999",
    "0",
    "-5",
    "1e9",
    "BACK20",
    "code",
    "BACK-20",
    "30 April",
    "April 30, 2027",
    "31.02.2026",
    "02/29/2027",
    "2026-13-45",
    "next week",
    "by Friday",
    "yesterday",
    "three months",
    "a year and two months",
    "half an hour",
    "twenty-one",
    "v1.2.3",
    "https://例え.test/路",
    "www.x.test",
    "mailto:a@b.test",
    "zoë@exämple.test",
    "+44 20 7946 0958",
    "24/7",
    "free",
    "never",
    "we shipped",
    "Größe",
    "ſtraße sync",
    "Ünïcode export",
    "You wrote: “",
    "includes: a, b and c",
    "more than",
    "over",
    "you used",
    "GRÖSSE",
    "ẞ",
    "ﬁ",
    "ة",
    "١٢٣",
    "中文",
    "12月",
    "\t",
    "\r\n",
    "\0",
    "%%",
    "€€",
    "$$$",
    "{{name}}",
];

#[test]
fn no_text_is_too_odd() {
    let ground = ground();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % u64::try_from(below).unwrap()).unwrap()
    };
    for round in 0..1500 {
        // A few are long, and without a full stop.
        let pieces = if round % 300 == 0 { 1500 } else { next(24) + 1 };
        let text: String = (0..pieces).map(|_| PIECES[next(PIECES.len())]).collect();
        for part in [Part::Subject, Part::Text, Part::Html] {
            let length = text.chars().count();
            for claim in check(&[(part, text.as_str())], &ground) {
                assert!(claim.start <= claim.end && claim.end <= length, "{part} {text:?}: {claim:?}");
                if part != Part::Html {
                    let found: String = text.chars().skip(claim.start).take(claim.end - claim.start).collect();
                    assert_eq!(found, claim.words, "{text:?}");
                }
            }
        }
    }
}
