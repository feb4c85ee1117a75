//! The rows behind a number of a programme.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::{PageError, days, tab};
use crate::app::State;
use crate::clock;
use crate::domain::error::Error;
use crate::domain::ids::SequenceId;
use crate::domain::referrals::rewards;
use crate::domain::reports::behind::{self, Ask, Number, Row};
use crate::domain::reports::period::Period;
use crate::domain::sequences::Why;
use crate::web::page::{Chrome, Person, html};

/// Rows of a page.
const PAGE: usize = 50;

#[derive(Debug, Default, Deserialize)]
pub(in crate::web) struct Query {
    number: Option<String>,
    of: Option<String>,
    place: Option<usize>,
    from: Option<String>,
    until: Option<String>,
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "reports/rows.html")]
struct RowsPage {
    chrome: Chrome,
    word: &'static str,
    report: &'static str,
    number: Number,
    period: Period,
    of: String,
    place: usize,
    rows: Vec<Row>,
    more: bool,
}

impl RowsPage {
    /// What a row is worth, or why somebody left.
    fn said(&self, row: &Row) -> String {
        match (row.amount, row.unit.as_deref()) {
            (Some(amount), Some(unit)) => rewards::in_words(amount, unit),
            (None, Some(why)) => why.parse::<Why>().map_or_else(|_| why.to_owned(), |why| why.label().to_owned()),
            _ => String::new(),
        }
    }

    /// The step it is about, from 1; none where it is about a whole sequence.
    fn step(&self) -> Option<usize> {
        (!matches!(self.number, Number::Complete | Number::Answers)).then_some(self.place + 1)
    }

    fn report_address(&self) -> String {
        format!("/reports/{}?{}{}", self.word, days(self.period), if self.of.is_empty() { String::new() } else { format!("&of={}", self.of) })
    }

    fn next(&self) -> Option<String> {
        let last = self.rows.last().filter(|_| self.more)?;
        Some(format!("{}&after={}", address(self.word, self.number, &self.of, self.place, self.period), last.cursor()))
    }
}

/// Where the rows behind a number are listed.
pub(super) fn address(word: &str, number: Number, of: &str, place: usize, period: Period) -> String {
    let of = if of.is_empty() { String::new() } else { format!("&of={of}&place={place}") };
    format!("/reports/{word}/rows?number={number}{of}&{}", days(period))
}

pub(in crate::web) async fn rows(
    person: Person,
    state: web::Data<State>,
    word: web::Path<String>,
    query: web::Query<Query>,
) -> Result<HttpResponse, PageError> {
    let (tab, query) = (tab(&word, &person.actor)?, query.into_inner());
    let number: Number = query.number.as_deref().unwrap_or_default().parse().map_err(|_| Error::not_found("number"))?;
    if tab.word != if number.is_of_referrals() { "referrals" } else { "sequences" } {
        return Err(Error::not_found("number").into());
    }
    let period = Period::read(query.from.as_deref(), query.until.as_deref(), clock::now())?;
    let of = query.of.unwrap_or_default();
    let place = query.place.unwrap_or(0);
    let sequence = (!number.is_of_referrals()).then(|| SequenceId::from(of.as_str()));
    let ask = Ask { number, sequence, place, period, after: query.after, limit: PAGE };
    let actor = person.actor.clone();
    let page = state.read(move |conn| behind::rows(conn, &actor, &ask)).await?;
    let chrome = person.visit.chrome(number.label(), "reports");
    html(&RowsPage { chrome, word: tab.word, report: tab.name, number, period, of, place, rows: page.rows, more: page.more })
}
