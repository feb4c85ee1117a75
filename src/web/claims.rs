//! Claims on pages: underlines in the words of a message, a card for each, waiving, and the check while somebody types.

use actix_session::Session;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::errors::PageError;
use super::form::Form;
use super::messages::words_of;
use super::page::{Person, flash, html, see_other};
use crate::app::State;
use crate::clock;
use crate::domain::claims::{self, Claim, Part, TextToCheck};
use crate::domain::ids::MessageId;
use crate::domain::messages::ledger::{self, Entry};

/// A stretch of text, with the claim it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Marked {
    /// The words.
    pub(super) text: String,
    /// The number of the claim's card and how it stands.
    pub(super) claim: Option<(usize, &'static str)>,
}

/// The places of the claims in one part, in order and without overlap.
fn places(entries: &[Entry], part: Part) -> Vec<(usize, usize, usize, &'static str)> {
    let size = |at: i32| usize::try_from(at).unwrap_or(0);
    let mut all: Vec<_> = entries
        .iter()
        .enumerate()
        .flat_map(|(card, entry)| {
            entry.places.iter().filter(|place| place.0 == part).map(move |place| (size(place.1), size(place.2), card, entry.standing()))
        })
        .collect();
    all.sort_unstable_by_key(|place| (place.0, std::cmp::Reverse(place.1)));
    let mut end = 0;
    all.retain(|place| {
        let free = place.0 >= end && place.1 > place.0;
        if free {
            end = place.1;
        }
        free
    });
    all
}

/// The words of a part cut at its claims.
pub(super) fn marked(text: &str, entries: &[Entry], part: Part) -> Vec<Marked> {
    let chars: Vec<char> = text.chars().collect();
    let slice = |from: usize, to: usize| chars.iter().skip(from).take(to.saturating_sub(from)).collect::<String>();
    let mut stretches = vec![];
    let mut at = 0;
    for (start, end, card, standing) in places(entries, part) {
        if start > at {
            stretches.push(Marked { text: slice(at, start), claim: None });
        }
        stretches.push(Marked { text: slice(start, end), claim: Some((card, standing)) });
        at = end;
    }
    stretches.push(Marked { text: slice(at, chars.len()), claim: None });
    stretches
}

/// How a claim looks in the frame, which has no style sheet: the line differs, not only its colour.
fn style(standing: &str) -> &'static str {
    match standing {
        "exact" | "quoted" => "background:none;color:inherit;text-decoration:underline solid 2px #1a7f4b;text-underline-offset:3px",
        "stale" => "background:#fff3d6;color:#1f2328;text-decoration:underline dashed 2px #9a6700;text-underline-offset:3px",
        "conflicting" => "background:#fff3d6;color:#1f2328;text-decoration:underline wavy 2px #9a6700;text-underline-offset:3px",
        "waived" => "background:none;color:inherit;text-decoration:underline dotted 2px #57606a;text-underline-offset:3px",
        _ => "background:#ffe3e3;color:#1f2328;text-decoration:underline double 2px #b42318;text-underline-offset:3px",
    }
}

/// The HTML part with its claims underlined. A claim that reaches over a tag is marked on
/// both sides of it; an address inside a tag is not marked, its card shows it.
pub(super) fn underlined(html: &str, entries: &[Entry]) -> String {
    let chars: Vec<char> = html.chars().collect();
    let mut out = String::with_capacity(html.len() * 2);
    let mut places = places(entries, Part::Html).into_iter().peekable();
    let (mut inside_tag, mut open) = (false, false);
    let mut current: Option<(usize, &'static str)> = None;
    for (at, c) in chars.iter().enumerate() {
        while places.peek().is_some_and(|place| place.0 <= at) {
            current = places.next().filter(|_| !inside_tag).map(|(_, end, _, standing)| (end, standing));
        }
        if open && (current.is_none_or(|(end, _)| at >= end) || *c == '<') {
            out.push_str("</mark>");
            open = false;
        }
        current = current.filter(|(end, _)| at < *end);
        inside_tag = inside_tag || *c == '<';
        if let (Some((_, standing)), false, false) = (current, open, inside_tag) {
            out.push_str(&format!("<mark title=\"{standing}\" style=\"{}\">", style(standing)));
            open = true;
        }
        out.push(*c);
        if *c == '>' {
            inside_tag = false;
        }
    }
    if open {
        out.push_str("</mark>");
    }
    out
}

pub(super) async fn waive(
    person: Person,
    state: web::Data<State>,
    session: Session,
    path: web::Path<(String, String)>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (id, key) = path.into_inner();
    let (actor, id, reason) = (person.actor.clone(), MessageId::from(id.as_str()), form.get("reason").to_owned());
    let target = id.clone();
    let message = state.write(move |conn| ledger::waive(conn, &actor, &target, &key, &reason, clock::now())).await?;
    flash(
        &session,
        match message.row.claims_open {
            0 => "Waived. No claim is open any more.".to_owned(),
            1 => "Waived. 1 claim is still open.".to_owned(),
            open => format!("Waived. {open} claims are still open."),
        },
    );
    Ok(see_other(&format!("/messages/{id}")))
}

#[derive(Template)]
#[template(path = "messages/_live.html")]
struct Live {
    open: Vec<Claim>,
    supported: usize,
}

fn live(found: Vec<Claim>) -> Live {
    let supported = found.iter().filter(|claim| claim.verdict.is_supported()).count();
    let mut open: Vec<Claim> = vec![];
    for claim in found.into_iter().filter(Claim::is_open) {
        if open.iter().all(|other| other.key() != claim.key()) {
            open.push(claim);
        }
    }
    Live { open, supported }
}

/// The claims of a message as it is being edited.
pub(super) async fn while_editing(person: Person, state: web::Data<State>, id: web::Path<String>, form: Form) -> Result<HttpResponse, PageError> {
    let id = MessageId::from(id.as_str());
    let words = words_of(&form);
    let found = state.quiet_write(move |conn| ledger::preview(conn, &person.actor, &id, &words, clock::now())).await?;
    html(&live(found))
}

/// The claims of a message as it is being written, held against the recipient's record where there is one.
pub(super) async fn while_writing(person: Person, state: web::Data<State>, form: Form) -> Result<HttpResponse, PageError> {
    let (to, words) = (form.get("to").trim().to_owned(), format!("{}\n\n{}", form.get("subject"), form.get("text")));
    let found = state
        .quiet_write(move |conn| {
            let given = TextToCheck { text: Some(&words), contact: Some(to.as_str()).filter(|to| to.contains('@')), ..TextToCheck::default() };
            // Somebody who is not on record yet has no facts of their own.
            claims::check_text(conn, &person.actor, given, clock::now())
                .or_else(|_| claims::check_text(conn, &person.actor, TextToCheck { contact: None, ..given }, clock::now()))
        })
        .await?;
    html(&live(found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::claims::{Kind, Verdict};
    use crate::domain::messages::ledger::ClaimRow;

    fn entry(verdict: Verdict, places: &[(Part, i32, i32)]) -> Entry {
        let claim = ClaimRow {
            message_id: MessageId::new(),
            version: 1,
            position: 0,
            part: places[0].0,
            start_at: places[0].1,
            end_at: places[0].2,
            words: String::new(),
            sentence: String::new(),
            claim_key: String::new(),
            kind: Kind::Percent,
            hard: true,
            verdict,
            fact_id: None,
            fact_version: None,
            score: 0,
            reason: String::new(),
        };
        Entry { claim, places: places.to_vec(), fact: None, fact_day: None, waiver: None }
    }

    #[test]
    fn text_is_cut_at_its_claims_by_scalar_values() {
        let entries = [entry(Verdict::Exact, &[(Part::Text, 6, 9)]), entry(Verdict::Unsupported, &[(Part::Text, 13, 17)])];
        let cut = marked("Größe 20% and free.", &entries, Part::Text);
        let shown: Vec<(&str, Option<usize>)> = cut.iter().map(|stretch| (stretch.text.as_str(), stretch.claim.map(|(card, _)| card))).collect();
        assert_eq!(shown, [("Größe ", None), ("20%", Some(0)), (" and", None), (" fre", Some(1)), ("e.", None)]);
    }

    #[test]
    fn html_stays_well_formed_around_claims() {
        let html = "<p>Get 2<b>0%</b> off &amp; <a href=\"https://a.test/20\">more</a></p>";
        let at = |words: &str| i32::try_from(html[..html.find(words).unwrap()].chars().count()).unwrap();
        let entries = [
            entry(Verdict::Exact, &[(Part::Html, at("2<b>"), at("</b>"))]),
            entry(Verdict::Unsupported, &[(Part::Html, at("https"), at("\">more"))]),
        ];
        let out = underlined(html, &entries);
        assert_eq!(out.matches("<mark").count(), 2);
        assert_eq!(out.matches("</mark>").count(), 2);
        assert!(out.contains("<a href=\"https://a.test/20\">more</a>"), "{out}");
        assert!(out.contains(">2</mark><b><mark") && out.contains(">0%</mark></b> off"), "{out}");
    }
}
