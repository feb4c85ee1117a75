//! The claim ledger on drafts as they are written here: how many wrong ones it finds, and how many right ones it doubts.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use countersign::cli::demo;
use countersign::domain::churn::{self, Filter, sheet};
use countersign::domain::claims::{self, Ground, Part};
use countersign::domain::drafting::{FactSheet, draft_all};
use regex::Regex;

use crate::support::{Desk, OPERATOR, PASSWORD};

/// A draft with what it may claim.
struct Sample {
    who: String,
    subject: String,
    text: String,
    html: Option<String>,
    ground: Ground,
    sheet: FactSheet,
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap()
}

/// Nine letters of the playbook and two in the manner of a model, for every sample customer.
async fn samples() -> Vec<Sample> {
    let desk = Desk::new().await;
    let now = countersign::clock::now();
    desk.write(|conn| demo::fill_samples(conn, PASSWORD, now)).unwrap();
    desk.write(|conn| {
        let (events, _) = churn::list(conn, &OPERATOR, &Filter { limit: 200, ..Filter::default() })?;
        let mut samples = vec![];
        for event in events {
            let Some(contact) = event.contact_id.clone() else { continue };
            let sheet = sheet::gather(conn, &event, now)?;
            let ground = claims::ground_for(conn, &contact, now)?;
            let sample = |subject: &str, text: &str, html: Option<String>, name: &str| Sample {
                who: format!("{contact} {name}"),
                subject: subject.to_owned(),
                text: text.to_owned(),
                html,
                ground: ground.clone(),
                sheet: sheet.clone(),
            };
            samples.extend(draft_all(&sheet).into_iter().map(|draft| sample(&draft.subject, &draft.text, Some(draft.html), draft.strategy.as_str())));
            samples.extend(as_a_model(&sheet).iter().map(|text| sample("A short note from us", text, None, "model")));
        }
        Ok(samples)
    })
    .unwrap()
}

/// Letters in a looser manner than the playbook's, from the same facts.
fn as_a_model(sheet: &FactSheet) -> Vec<String> {
    let name = sheet.customer.name.as_deref().and_then(|name| name.split(' ').next().map(str::to_owned));
    let mut friendly = vec![name.filter(|name| name.chars().all(char::is_alphabetic)).map_or("Hello,".to_owned(), |name| format!("Hey {name}!"))];
    let mut formal = vec!["Good day,".to_owned()];
    if let Some(left) = sheet.customer.left_on {
        formal.push(format!("Your subscription ended on {}.", left.strftime("%B %-d, %Y")));
    }
    for figure in sheet.customer.usage.iter().take(1) {
        friendly.push(format!("In your time here you had {} {}, which is a lot.", figure.value, figure.label));
    }
    if let Some(update) = sheet.updates.first().or(sheet.other_updates.first()) {
        friendly.push(format!("Good news: we recently shipped {}. It went out on {}.", update.title, update.shipped_on.strftime("%-d %b %Y")));
        formal.push(format!("{} is now live. {}", update.title, update.summary));
        if let Some(url) = &update.url {
            formal.push(format!("Read more at {url}."));
        }
    }
    if let Some(offer) = &sheet.offer {
        let until = offer.expires_on.map_or(String::new(), |day| format!(" It expires {}.", day.strftime("%d.%m.%Y")));
        friendly.push(format!("Use coupon {} at checkout and get {} percent off.{until}", offer.code, offer.percent));
        formal.push(format!("With {} you save {} % for {} months.", offer.code, offer.percent, offer.months.unwrap_or(1)));
    }
    if let (Some(plan), Some(price)) = (&sheet.customer.plan, &sheet.plan_price) {
        formal.push(format!("The price of the {plan} plan is {} {} per month.", price.minor / 100, price.currency));
    }
    vec![friendly.join("\n\n"), formal.join("\n\n")]
}

fn doubts(sample: &Sample, subject: &str, text: &str, html: Option<&str>) -> Vec<String> {
    let mut parts = vec![(Part::Subject, subject), (Part::Text, text)];
    parts.extend(html.map(|html| (Part::Html, html)));
    let claims = claims::check(&parts, &sample.ground);
    claims
        .into_iter()
        .filter(|claim| !claim.verdict.is_supported())
        .map(|claim| format!("{} [{}] {} | {}", claim.kind, claim.words, claim.reason, claim.sentence))
        .collect()
}

static LINK: LazyLock<Regex> = LazyLock::new(|| pattern(r"https://[^\s]+[a-z]"));
static DATE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\b(\d{1,2}) (January|February|March|April|May|June|July|August|September|October|November|December)\b"));
static CODE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b[A-Z]{4,}\d{2,}\b"));

/// Wrong versions of a text, each with one thing changed and the kind of the change.
fn wrong(sample: &Sample, seed: usize) -> Vec<(&'static str, String)> {
    let text = &sample.text;
    let mut made: Vec<(&'static str, String)> = vec![];
    let put = |at: std::ops::Range<usize>, with: &str| format!("{}{with}{}", &text[..at.start], &text[at.end..]);
    // Every digit in turn would be a hundred thousand drafts; two of each draft are taken.
    let digits: Vec<usize> = text.char_indices().filter(|(_, c)| c.is_ascii_digit()).map(|(at, _)| at).collect();
    for pick in 0..2.min(digits.len()) {
        let at = digits[(seed * 7 + pick * 5) % digits.len()];
        let digit = u32::from(text.as_bytes()[at] - b'0');
        let other = char::from_digit((digit + 1 + u32::try_from((seed + pick) % 8).unwrap()) % 10, 10).unwrap();
        made.push(("digit", put(at..at + 1, &other.to_string())));
    }
    if let Some(date) = DATE.captures_iter(text).nth(seed % 2).or_else(|| DATE.captures(text)) {
        let day: u32 = date[1].parse().unwrap();
        made.push(("date", put(date.get(1).unwrap().range(), &(day % 28 + 1).to_string())));
        let month = if &date[2] == "March" { "June" } else { "March" };
        made.push(("date", put(date.get(2).unwrap().range(), month)));
    }
    if let Some(code) = CODE.find(text) {
        let word = code.as_str();
        let at = seed % 4;
        let other = if word.as_bytes()[at] == b'X' { "Y" } else { "X" };
        made.push(("code", put(code.start() + at..code.start() + at + 1, other)));
    }
    if let Some(link) = LINK.find(text) {
        made.push(("link", put(link.end() - 1..link.end(), "q")));
        made.push(("link", put(link.start() + 8..link.start() + 9, "q")));
    }
    let swap = |of: &str, with: &str| text.find(of).map(|at| put(at..at + of.len(), with));
    let own = sample.sheet.customer.name.as_deref().unwrap_or_default();
    if let Some(first) = own.split(' ').next().filter(|first| first.len() > 2 && text.contains(&format!(" {first},"))) {
        made.extend(swap(first, "Zelda").map(|text| ("name", text)));
    }
    let titles = sample.sheet.updates.iter().chain(&sample.sheet.other_updates).map(|update| update.title.as_str());
    if let Some(title) = titles.into_iter().find(|title| text.contains(title)) {
        made.extend(swap(title, "Telepathic sorting").map(|text| ("name", text)));
        made.extend(swap(title, &typo(title)).map(|text| ("name", text)));
    }
    if let Some(feature) = sample
        .sheet
        .customer
        .features_used
        .iter()
        .find(|feature| text.contains(&format!("used: {feature}")) || text.contains(&format!("used: {feature}.")))
    {
        made.extend(swap(feature, "voice control").map(|text| ("name", text)));
        made.extend(swap(feature, &typo(feature)).map(|text| ("name", text)));
    }
    if let Some(plan) = sample.sheet.customer.plan.as_deref().filter(|plan| text.contains(&format!("on the {plan} plan"))) {
        let other = if plan == "Scale" { "Team" } else { "Scale" };
        made.extend(swap(&format!("on the {plan} plan"), &format!("on the {other} plan")).map(|text| ("name", text)));
    }
    let promises = [
        "It is free for you.",
        "This is guaranteed.",
        "You get unlimited orders.",
        "We fixed everything you wrote about.",
        "We will never raise the price.",
        "We shipped a desktop app.",
    ];
    let paragraphs: Vec<usize> = text.match_indices("\n\n").map(|(at, _)| at).collect();
    let at = paragraphs[seed % paragraphs.len()];
    made.push(("promise", put(at..at, &format!(" {}", promises[seed % promises.len()]))));
    made
}

/// A word with two neighbouring letters swapped.
fn typo(name: &str) -> String {
    let mut chars: Vec<char> = name.chars().collect();
    let at = (1..chars.len() - 1).find(|at| chars[*at].is_alphabetic() && chars[at + 1].is_alphabetic() && chars[*at] != chars[at + 1]).unwrap();
    chars.swap(at, at + 1);
    chars.into_iter().collect()
}

#[actix_web::test]
async fn wrong_drafts_are_found_and_right_ones_are_not_doubted() {
    let samples = samples().await;
    let mut false_alarms = vec![];
    let mut found: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut missed = vec![];
    for (seed, sample) in samples.iter().enumerate() {
        for doubt in doubts(sample, &sample.subject, &sample.text, sample.html.as_deref()) {
            false_alarms.push(format!("{}: {doubt}", sample.who));
        }
        for (kind, text) in wrong(sample, seed) {
            let counts = found.entry(kind).or_default();
            counts.1 += 1;
            if doubts(sample, &sample.subject, &text, None).is_empty() {
                let line = text.lines().zip(sample.text.lines()).find(|(new, old)| new != old).map(|(new, old)| format!("{old}\n     -> {new}"));
                missed.push(format!("{kind} {}: {}", sample.who, line.unwrap_or_default()));
            } else {
                counts.0 += 1;
            }
        }
    }
    let (hits, all) = found.values().fold((0, 0), |sum, counts| (sum.0 + counts.0, sum.1 + counts.1));
    println!("drafts: {}, false alarms: {}", samples.len(), false_alarms.len());
    for (kind, (hits, all)) in &found {
        println!("{kind:>8}: {hits} of {all} wrong drafts found ({:.2} %)", *hits as f64 * 100.0 / *all as f64);
    }
    println!("   total: {hits} of {all} ({:.2} %)", hits as f64 * 100.0 / all as f64);
    println!("missed:\n{}\nfalse alarms:\n{}", missed.join("\n"), false_alarms.join("\n"));
    assert!(samples.len() > 600 && all > 4000, "{} drafts, {all} changes", samples.len());
    assert!(found.values().all(|(hits, all)| hits * 100 >= all * 97), "{found:?}");
    assert!(hits * 100 >= all * 99, "{hits} of {all}: {missed:#?}");
    assert!(false_alarms.is_empty(), "{false_alarms:#?}");
}
